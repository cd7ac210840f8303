import { createHash } from "node:crypto";
import { RunnerError } from "../shared/errors.ts";
import { forgeAddress } from "./address.ts";
import { parseAnswer } from "./answer.ts";
import { post } from "./post.ts";
import { refusalOf } from "./refusal.ts";

export interface RegisterRequest {
  /** The forge's base address; it may have a path. */
  readonly forge: string;
  /** Shown once by the forge; secret. */
  readonly nonce: string;
  readonly name: string;
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  /** What callers of this runner's API will have to bear; secret. Only its SHA-256 is sent. */
  readonly token: string;
}

export interface Registered {
  readonly id: string;
  /** The forge's when it gave one, else the caller's. */
  readonly token: string;
  /** The runner's own address at the forge. */
  readonly url: string;
}

const deadlineMs = 15_000;

/**
 * Registers with the forge as docs/forge-protocol.md has it. Throws `usage` (before anything is sent), `forge_unreachable`,
 * `forge_refused`, `forge_answer_invalid`; no message holds the nonce or the token.
 */
export async function registerRunner(request: RegisterRequest, signal: AbortSignal): Promise<Registered> {
  const { nonce, name, version, os, arch, token } = request;
  const base = forgeAddress(request.forge);
  refuseOddWords(nonce, name);
  const tokenSha256 = createHash("sha256").update(token).digest("hex");
  const answer = await post(
    `${base}/runners`,
    { nonce, name, version, os, arch, tokenSha256 },
    deadlineMs,
    signal,
  );
  if (answer.status !== 200 && answer.status !== 201) throw refusalOf(answer, [nonce, token, tokenSha256]);
  const given = parseAnswer(answer.body);
  return { token, url: `${base}/runners/${given.id}`, ...given };
}

function refuseOddWords(nonce: string, name: string): void {
  if (nonce === "")
    throw new RunnerError("usage", "the nonce is empty; the forge shows it on its page for new runners");
  if (!/^[\x21-\x7e]{1,512}$/.test(nonce))
    throw new RunnerError(
      "usage",
      "the nonce has blanks or odd characters, or is too long; was it copied as the forge shows it?",
    );
  if (!/^[^\p{Cc}]{1,128}$/u.test(name))
    throw new RunnerError(
      "usage",
      "the runner's name must have 1 to 128 characters, none of them a control character",
    );
}
