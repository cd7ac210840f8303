import type { ErrorCode } from "../shared/errors.ts";
import { CommitReader, type GitObject } from "./cat-file.ts";
import type { Commit } from "./source.ts";

export interface CommitText {
  readonly sha: string;
  readonly parents: readonly string[];
  /** Without the line ends at its end. */
  readonly message: string;
  /** "Name <address>"; absent where the commit has none that can be read. */
  readonly author?: string;
  /** When it was committed; RFC 3339 in UTC. */
  readonly time?: string;
}

export async function readCommit(
  gitDir: string,
  name: string,
  failure: ErrorCode,
  signal: AbortSignal,
): Promise<CommitText | undefined> {
  const reader = new CommitReader({ gitDir }, failure, signal);
  try {
    const [object] = await reader.read([name]);
    return object === undefined ? undefined : parseCommit(object);
  } finally {
    await reader.close();
  }
}

/** What a run is told of a commit besides its name. */
export function wordsOf({ message, author, time }: CommitText): Pick<Commit, "message" | "author" | "time"> {
  return {
    message,
    ...(author === undefined ? {} : { author }),
    ...(time === undefined ? {} : { time }),
  };
}

/** A commit object: headers (a line that begins with a blank goes on), an empty line, the message. */
export function parseCommit({ sha, content }: GitObject): CommitText {
  const split = content.indexOf("\n\n");
  const head = content.toString("latin1", 0, split < 0 ? content.length : split);
  const body = split < 0 ? Buffer.alloc(0) : content.subarray(split + 2);
  const headers = head.split("\n").map((line) => line.split(" "));
  const parents = headers.flatMap(([key, value = ""]) => (key === "parent" ? [value] : []));
  const encoding = headers.find(([key]) => key === "encoding")?.[1];
  return { sha, parents, message: decode(body, encoding), ...authorship(head, encoding) };
}

function authorship(head: string, encoding: string | undefined): Pick<CommitText, "author" | "time"> {
  const author = /^author (.*>) -?\d+ [+-]\d{4}$/m.exec(head)?.[1];
  const seconds = /^committer .*> (-?\d{1,12}) [+-]\d{4}$/m.exec(head)?.[1];
  const time = new Date(Number(seconds) * 1000);
  return {
    ...(author === undefined ? {} : { author: decode(Buffer.from(author, "latin1"), encoding) }),
    ...(Number.isNaN(time.getTime()) ? {} : { time: time.toISOString().replace(".000Z", "Z") }),
  };
}

function decode(body: Buffer, encoding: string | undefined): string {
  const nul = body.indexOf(0); // where the message ends for git, too
  const text = decoderFor(encoding).decode(nul < 0 ? body : body.subarray(0, nul));
  return text.replace(/\n+$/, "");
}

function decoderFor(encoding: string | undefined): { decode(bytes: Uint8Array): string } {
  if (encoding !== undefined && /^(iso-?8859-1|latin-?1)$/i.test(encoding)) return new TextDecoder("latin1");
  return new TextDecoder();
}
