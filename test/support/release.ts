import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Tries install.sh out: a release folder with a small program as the binary, a target folder, and shells to run it in. */

export const installer = resolve(import.meta.dir, "../../install.sh");

/** A program that answers `version` as the runner does. */
export function program(version: string): string {
  return `#!/bin/sh\n[ "$1" = version ] && echo "gitfoss-ci-runner ${version} (commit abc1234)"\n`;
}

export interface Bench {
  /** The release folder; empty at first. */
  readonly release: string;
  /** The --bin-dir; not there at first. */
  readonly target: string;
  /** Folders for a PATH of its own, by name. */
  folderOfTools(name: string, tools: readonly string[]): Promise<string>;
  /** Writes an executable file, in a folder of tools for instance. */
  script(file: string, text: string): Promise<void>;
  /** Puts a binary for each asset into the release, and writes SHA256SUMS of them. */
  publish(binary: string | Uint8Array<ArrayBuffer>, ...assets: readonly string[]): Promise<void>;
  /** Everything that stands in the target folder, with its text. */
  installed(): Promise<Readonly<Record<string, string>>>;
  remove(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const top = await mkdtemp(join(tmpdir(), "gitfoss-install-"));
  await chmod(top, 0o755);
  const release = join(top, "release");
  const target = join(top, "target", "bin");
  await mkdir(release);
  return {
    release,
    target,
    async folderOfTools(name, tools) {
      const folder = join(top, name);
      await mkdir(folder);
      for (const tool of tools) await symlink(Bun.which(tool) ?? `/missing/${tool}`, join(folder, tool));
      return folder;
    },
    async script(file, text) {
      await Bun.write(file, text);
      await chmod(file, 0o755);
    },
    async publish(binary, ...assets) {
      const hash = new Bun.CryptoHasher("sha256").update(binary).digest("hex");
      for (const asset of assets) await Bun.write(join(release, asset), binary);
      await Bun.write(join(release, "SHA256SUMS"), assets.map((asset) => `${hash}  ${asset}\n`).join(""));
    },
    async installed() {
      const names = await readdir(target).catch(() => []);
      const texts = await Promise.all(names.map((name) => Bun.file(join(target, name)).text()));
      return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]));
    },
    remove: () => rm(top, { recursive: true, force: true }),
  };
}

export interface Installation {
  readonly code: number;
  /** Both streams. */
  readonly said: string;
}

export interface Shell {
  readonly name: string;
  readonly command: readonly string[];
  readonly path: string;
}

/** Runs install.sh, or `script` in its place, as `curl … | sh -s -- ARGS` does. */
export async function install(shell: Shell, args: readonly string[], script?: string): Promise<Installation> {
  const [first = "sh", ...rest] = shell.command;
  // Found here: the PATH that it gets may not even hold a shell.
  const child = Bun.spawn([Bun.which(first) ?? first, ...rest, "-s", "--", ...args], {
    stdin: script === undefined ? Bun.file(installer) : new TextEncoder().encode(script),
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: shell.path },
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, said: out + err };
}
