import { RunnerError, type ErrorCode } from "../shared/errors.ts";
import { lookDeadlineMs, startGit, type GitProcess } from "./git.ts";

export interface GitObject {
  readonly sha: string;
  readonly content: Buffer;
}

/** Much more than any commit that people write. */
const maxCommitBytes = 1024 * 1024;
const lineEnd = 0x0a;

/** Reads commits of a repository, as many as it is asked for, through one git process. To be closed. */
export class CommitReader {
  readonly #git: GitProcess;
  readonly #failure: ErrorCode;
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    repository: { readonly gitDir: string; readonly borrowedObjects?: string },
    failure: ErrorCode,
    signal: AbortSignal,
  ) {
    this.#failure = failure;
    const args = ["cat-file", "--batch"];
    this.#git = startGit({ ...repository, args, deadlineMs: lookDeadlineMs, failure }, signal);
  }

  /** In the order of `names`, which hold no line end; undefined for what isn't there, or isn't a commit, or isn't unique. */
  async read(names: readonly string[]): Promise<readonly (GitObject | undefined)[]> {
    this.#git.write(names.map((name) => `${name}^{commit}\n`).join(""));
    const objects: (GitObject | undefined)[] = [];
    while (objects.length < names.length) objects.push(await this.#answer());
    return objects;
  }

  async close(): Promise<void> {
    await this.#git.output.return();
  }

  /** `SHA TYPE SIZE` and the content, each with a line end; or `NAME missing`. */
  async #answer(): Promise<GitObject | undefined> {
    const header = /^([0-9a-f]{40,64}) commit ([0-9]+)$/.exec(await this.#line());
    if (header === null) return undefined;
    const [, sha = "", size = "0"] = header;
    if (Number(size) > maxCommitBytes)
      throw new RunnerError(
        this.#failure,
        `the commit ${sha} has ${size} bytes, which is too many for a commit`,
      );
    const content = await this.#take(Number(size) + 1);
    return { sha, content: content.subarray(0, -1) };
  }

  async #line(): Promise<string> {
    while (!this.#rest.includes(lineEnd)) await this.#more();
    const line = await this.#take(this.#rest.indexOf(lineEnd) + 1);
    return line.toString("latin1", 0, line.length - 1);
  }

  async #take(sizeBytes: number): Promise<Buffer> {
    while (this.#rest.length < sizeBytes) await this.#more();
    const taken = this.#rest.subarray(0, sizeBytes);
    this.#rest = this.#rest.subarray(sizeBytes);
    return taken;
  }

  async #more(): Promise<void> {
    const chunk = await this.#git.output.next();
    if (chunk.done === true) throw new RunnerError(this.#failure, "git ended in the middle of an answer");
    this.#rest = Buffer.concat([this.#rest, chunk.value]);
  }
}
