import { RunnerError } from "../shared/errors.ts";
import { parseObject } from "./answer.ts";
import type { Answer } from "./post.ts";

const refusals = new Set([400, 401, 403, 404, 409, 410, 422]);
const maxReasonLength = 200;

/** What an answer that accepts nothing means. None of `secrets` gets into the message, whatever the forge says. */
export function refusalOf({ status, body }: Answer, secrets: readonly string[]): RunnerError {
  if (refusals.has(status)) return refused(status, reasonIn(body, secrets));
  if (status >= 300 && status < 400)
    return invalid(`the forge redirects elsewhere (${String(status)}); give the address it redirects to`);
  if (status >= 500 || status === 408 || status === 429)
    return new RunnerError(
      "forge_unreachable",
      `the forge can't serve now (${String(status)}); try again later`,
    );
  return invalid(`the forge answered with status ${String(status)}; is that the forge's address?`);
}

function refused(status: number, reason: string | undefined): RunnerError {
  const why = reason === undefined ? `status ${String(status)}` : `it says ${JSON.stringify(reason)}`;
  const hint =
    status === 404
      ? "is that the forge's address, and the nonce still good?"
      : "ask the forge for a new nonce";
  return new RunnerError("forge_refused", `the forge refused the registration: ${why}; ${hint}`);
}

/** `detail` of problem+json, or `message`: for people, short and printable, else nothing. */
function reasonIn(body: string, secrets: readonly string[]): string | undefined {
  const { detail, message } = parseObject(body) ?? {};
  const reason = typeof detail === "string" ? detail : message;
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > maxReasonLength) return undefined;
  if (!/^[^\p{C}]+$/u.test(reason)) return undefined;
  const plain = reason.toLowerCase();
  return secrets.some((secret) => plain.includes(secret.toLowerCase())) ? undefined : reason;
}

function invalid(message: string): RunnerError {
  return new RunnerError("forge_answer_invalid", message);
}
