import { HttpError } from "./problem.ts";

const maxBodyBytes = 1024 * 1024;

const tooLarge = new HttpError({
  status: 413,
  title: "Body too large",
  detail: `a body may have ${maxBodyBytes} bytes at most`,
  headers: { connection: "close" },
});

/** The JSON value of a request's body; an empty object when there is no body, whatever its type. */
export async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  assertJsonType(request);
  return parse(decode(bytes));
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("the body isn't UTF-8");
  }
}

function parse(text: string): unknown {
  if (isTooDeep(text)) throw malformed("the body is nested too deep");
  try {
    return JSON.parse(text);
  } catch {
    // Its own message would quote the body, and the body may hold a secret.
    throw malformed("the body isn't JSON");
  }
}

const maxDepth = 32;

/** Nothing here is nested more than twice, and what walks a value later may not stand a million levels. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[{]|[\]}]/gs)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}

function malformed(detail: string): HttpError {
  return new HttpError({ status: 400, title: "Malformed JSON", detail });
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBodyBytes) throw tooLarge;
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body) {
    length += part.length;
    if (length > maxBodyBytes) throw tooLarge;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function assertJsonType(request: Request): void {
  const type = request.headers.get("content-type");
  if (type === null || /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset="?utf-?8"?\s*)?$/i.test(type))
    return;
  throw new HttpError({
    status: 415,
    title: "Unsupported media type",
    detail: "the body must be application/json, in UTF-8",
    headers: { "accept-post": "application/json" },
  });
}
