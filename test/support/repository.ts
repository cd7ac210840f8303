import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A file's content; or a link, or an executable file. */
export type FileSpec = string | Uint8Array | { readonly link: string } | { readonly executable: string };
export type Files = Readonly<Record<string, FileSpec>>;

export interface CommitSpec {
  readonly message?: string;
  /** Added to, or put over, what the commit before it has. */
  readonly files?: Files;
}

export interface RepositoryOptions {
  /** Of the first commit. */
  readonly files?: Files;
  /** Further ones on top of it. */
  readonly commits?: readonly CommitSpec[];
  /** The one at HEAD; "main". */
  readonly branch?: string;
  readonly bare?: boolean;
  /** Makes no commit at all. */
  readonly empty?: boolean;
  /** Where to put it; a folder of its own under the temporary one otherwise. */
  readonly under?: string;
  readonly sha256?: boolean;
}

export interface TestRepository {
  /** The folder for its `gitRepoDir`: of the working tree, or the bare repository. */
  readonly folder: string;
  readonly gitDir: string;
  /** Of the commits in the order in which they were asked for. */
  readonly shas: readonly string[];
  /** Of the last one; "" when there's none. */
  readonly sha: string;
  /** Runs git in it, trimmed stdout; throws when git fails. */
  git(...args: readonly string[]): string;
  /** The same with something on stdin. */
  gitWith(input: string | Uint8Array, ...args: readonly string[]): string;
  /** Writes files of the working tree, without adding them. */
  write(files: Files): Promise<void>;
  /** Removes what was made for it. */
  remove(): Promise<void>;
}

/** Of every commit that is made here. */
export const authorship = { author: "Test <test@example.org>", time: "2026-01-02T03:04:05Z" };

/** A new folder under the temporary one, links resolved. */
export async function temporaryFolder(): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), "gitfoss-source-")));
}

/** A real repository, by default with one commit of one README on `main`. */
export async function createRepository(options: RepositoryOptions = {}): Promise<TestRepository> {
  const { branch = "main", bare = false } = options;
  const top = options.under ?? (await temporaryFolder());
  const tree = await mkdtemp(join(top, "tree-"));
  runGit(tree, "init", "-q", "-b", branch, `--object-format=${options.sha256 === true ? "sha256" : "sha1"}`);
  const shas = await addCommits(tree, options);
  const folder = bare ? bareCopyOf(tree) : tree;
  const made = options.under === undefined ? [top] : [tree, folder];
  const gitDir = bare ? folder : join(folder, ".git");
  return { ...verbsOf(folder, made), gitDir, shas, sha: shas.at(-1) ?? "" };
}

function bareCopyOf(tree: string): string {
  runGit(tree, "clone", "-q", "--bare", tree, `${tree}.git`);
  return `${tree}.git`;
}

async function addCommits(tree: string, options: RepositoryOptions): Promise<readonly string[]> {
  const { files = { README: "hello\n" }, commits = [], empty = false } = options;
  const shas: string[] = [];
  for (const commit of empty ? [] : [{ files }, ...commits])
    shas.push(await addCommit(tree, commit, shas.length + 1));
  return shas;
}

type Verbs = Pick<TestRepository, "folder" | "git" | "gitWith" | "write" | "remove">;

function verbsOf(folder: string, made: readonly string[]): Verbs {
  return {
    folder,
    git: (...args) => runGit(folder, ...args),
    gitWith: (input, ...args) => runGitWith(input, folder, ...args),
    write: (files) => writeFiles(folder, files),
    remove: async () => {
      for (const path of made) await rm(path, { recursive: true, force: true });
    },
  };
}

async function addCommit(tree: string, { message, files = {} }: CommitSpec, number: number): Promise<string> {
  await writeFiles(tree, files);
  runGit(tree, "add", "--all", "--force");
  runGit(tree, "commit", "-q", "--allow-empty", "-m", message ?? `commit ${number}`);
  return runGit(tree, "rev-parse", "HEAD");
}

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, spec] of Object.entries(files)) {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    if (typeof spec === "string" || spec instanceof Uint8Array) await writeFile(file, spec);
    else if ("link" in spec) await symlink(spec.link, file);
    else {
      await writeFile(file, spec.executable);
      await chmod(file, 0o755);
    }
  }
}

export function runGit(folder: string, ...args: readonly string[]): string {
  return runGitWith("", folder, ...args);
}

function runGitWith(input: string | Uint8Array, folder: string, ...args: readonly string[]): string {
  const person = { NAME: "Test", EMAIL: "test@example.org", DATE: authorship.time };
  const people = ["AUTHOR", "COMMITTER"].flatMap((role) =>
    Object.entries(person).map(([key, value]) => [`GIT_${role}_${key}`, value] as const),
  );
  const result = Bun.spawnSync(["git", "-c", "gc.auto=0", "-c", "protocol.file.allow=always", ...args], {
    cwd: folder,
    stdin: Buffer.from(input),
    env: {
      PATH: process.env["PATH"],
      HOME: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      LC_ALL: "C",
      ...Object.fromEntries(people),
    },
  });
  if (result.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout.toString().trimEnd();
}

export interface Trap {
  /** The folder in which a file appears for each trap that went off. */
  readonly marks: string;
}

/** Everything by which a repository can make git run a program, set to leave a mark. */
export async function setTraps(repository: TestRepository): Promise<Trap> {
  const marks = await mkdtemp(join(tmpdir(), "gitfoss-marks-"));
  const mark = (name: string): string => `touch ${join(marks, name)}; cat`;
  const settings = {
    "core.fsmonitor": mark("fsmonitor"),
    "core.hooksPath": join(repository.gitDir, "evil-hooks"),
    "core.sshCommand": mark("ssh"),
    "core.gitProxy": mark("proxy"),
    "core.pager": mark("pager"),
    "core.editor": mark("editor"),
    "core.alternateRefsCommand": mark("alternate-refs"),
    "filter.evil.smudge": mark("smudge"),
    "filter.evil.clean": mark("clean"),
    "filter.evil.process": mark("process"),
    "filter.evil.required": "true",
    "diff.evil.textconv": mark("textconv"),
    "merge.evil.driver": mark("merge"),
    "uploadpack.packObjectsHook": mark("pack-objects"),
    "gpg.program": mark("gpg"),
    "credential.helper": `!${mark("credential")}`,
    "remote.origin.url": repository.gitDir,
    "remote.evil.url": `ext::${mark("ext")}`,
    "remote.origin.uploadpack": mark("upload-pack"),
    "remote.origin.promisor": "true",
    "extensions.partialClone": "origin",
    "core.repositoryformatversion": "1",
    "tar.tgz.command": mark("tar"),
  };
  for (const [key, value] of Object.entries(settings)) repository.git("config", key, value);
  const hooks = [
    "post-checkout",
    "pre-checkout",
    "reference-transaction",
    "post-index-change",
    "pre-auto-gc",
  ];
  for (const folder of ["hooks", "evil-hooks"])
    for (const hook of hooks)
      await writeFiles(repository.gitDir, {
        [`${folder}/${hook}`]: { executable: `#!/bin/sh\n${mark(hook)}\n` },
      });
  await writeFiles(repository.gitDir, { "info/attributes": "* filter=evil diff=evil merge=evil\n" });
  return { marks };
}

/** A bare repository of ten objects whose one commit describes 10^8 entries: files, or folders alone. */
export async function createGitBomb(kind: "files" | "folders"): Promise<TestRepository> {
  const bomb = await createRepository({ bare: true });
  const list = (line: (index: number) => string): string =>
    Array.from({ length: 10 }, (_, index) => line(index)).join("");
  const blob = bomb.gitWith("boom", "hash-object", "-w", "--stdin");
  const last = kind === "files" ? list((index) => `100644 blob ${blob}\tf${index}\n`) : "";
  let tree = bomb.gitWith(last, "mktree");
  for (let level = 0; level < 7; level++)
    tree = bomb.gitWith(
      list((index) => `040000 tree ${tree}\td${index}\n`),
      "mktree",
    );
  bomb.git("update-ref", "refs/heads/main", bomb.git("commit-tree", "-m", "bomb", tree));
  return { ...bomb, sha: bomb.git("rev-parse", "main") };
}
