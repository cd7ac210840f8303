import { RunnerError, systemCodeOf } from "../shared/errors.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const maxAnswerBytes = 64 * 1024;

/** POSTs JSON; follows no redirect, waits `deadlineMs` in all, reads 64 KiB at most. */
export async function post(
  url: string,
  body: unknown,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const host = new URL(url).host;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "accept-encoding": "identity",
      },
      body: JSON.stringify(body),
      redirect: "manual",
      keepalive: false,
      decompress: false,
      tls: { rejectUnauthorized: true },
      signal: AbortSignal.any([signal, deadline]),
    });
    return { status: response.status, body: await readBody(response, host) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RunnerError) throw error;
    throw unreachableForge(
      host,
      deadline.aborted ? `no answer within ${String(deadlineMs / 1000)} seconds` : whyOf(error),
      error,
    );
  }
}

async function readBody(response: Response, host: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxAnswerBytes)
      throw new RunnerError(
        "forge_answer_invalid",
        `the answer of ${host} is longer than 64 KiB; is that the forge's address?`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused; is the address right, and is the forge up?",
  ENOTFOUND: "no such host; is the address right?",
  EAI_AGAIN: "its name can't be looked up at the moment",
  ECONNRESET: "the connection was closed without an answer",
  ETIMEDOUT: "the connection timed out",
  EPROTO: "it doesn't speak TLS on this port",
};

function whyOf(error: unknown): string {
  const code = systemCodeOf(error) ?? "";
  if (/CERT|SELF_SIGNED|UNABLE_TO_|_SIGNATURE|^CRL_/.test(code)) return whyUntrusted(code);
  return reasons[code] ?? `the connection failed (${code === "" ? "unknown error" : code})`;
}

function whyUntrusted(code: string): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "its TLS certificate is for another host";
  if (code === "CERT_HAS_EXPIRED") return "its TLS certificate has expired";
  return `its TLS certificate isn't trusted (${code}); for an authority of your own set NODE_EXTRA_CA_CERTS=FILE`;
}

function unreachableForge(host: string, why: string, cause: unknown): RunnerError {
  return new RunnerError("forge_unreachable", `can't reach the forge at ${host}: ${why}`, { cause });
}
