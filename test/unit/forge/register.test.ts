import { afterEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { registerRunner, type RegisterRequest, type Registered } from "../../../src/forge/register.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import { startForge, startRawServer, type ForgeOptions } from "../../support/forge.ts";

const nonce = "NONCE-1";
const token = "gfr_the-token-that-the-caller-made";
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function forge(options: ForgeOptions = {}): ReturnType<typeof startForge> {
  const started = startForge(options);
  stops.push(() => started.stop());
  return started;
}

async function raw(accept: (socket: Socket) => void): Promise<string> {
  const server = await startRawServer(accept);
  stops.push(() => server.stop());
  return server.url;
}

function register(
  url: string,
  changes: Partial<RegisterRequest> = {},
  signal?: AbortSignal,
): Promise<Registered> {
  const request = {
    forge: url,
    nonce,
    name: "box",
    version: "0.1.0",
    os: "linux",
    arch: "x64",
    token,
    ...changes,
  };
  return registerRunner(request, signal ?? new AbortController().signal);
}

/** The error that it rejects with; it never holds a secret. */
async function failure(promise: Promise<unknown>): Promise<RunnerError> {
  const error = await promise.then(
    () => new Error("resolved"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RunnerError)) throw error;
  const hash = createHash("sha256").update(token).digest("hex");
  for (const secret of [nonce, token, hash]) expect(error.message).not.toContain(secret);
  return error;
}

function answering(body: string | Uint8Array, status = 200): ForgeOptions {
  return { answer: () => new Response(body, { status }) };
}

test("it sends the nonce, the machine and the token's hash, never the token", async () => {
  const { url, registrations, requests } = forge();
  const registered = await register(url);
  expect(registered).toEqual({ id: "runner-1", token, url: `${url}/runners/runner-1` });
  expect(requests).toEqual(["POST /runners"]);
  const tokenSha256 = createHash("sha256").update(token).digest("hex");
  expect(registrations).toEqual([
    { nonce, name: "box", version: "0.1.0", os: "linux", arch: "x64", tokenSha256 },
  ]);
});

test("the forge's own token and address win", async () => {
  const gives = { id: "r.9", token: "a-token-of-the-forge", url: "https://ci.example.org/r/9" };
  expect(await register(forge({ gives }).url)).toEqual(gives);
});

test("null for token and url is as good as nothing, and unknown keys are left alone", async () => {
  const { url } = forge(answering('{"id":"a","token":null,"url":null,"motd":"hi"}'));
  expect(await register(url)).toEqual({ id: "a", token, url: `${url}/runners/a` });
});

test("the forge's address may have a path, with or without a slash at its end", async () => {
  const { url, requests } = forge({ path: "/ci/v1", nonces: [nonce, "N2"] });
  expect((await register(url)).url).toBe(`${url}/runners/runner-1`);
  expect((await register(`${url}//`, { nonce: "N2" })).url).toBe(`${url}/runners/runner-2`);
  expect(requests).toEqual(["POST /ci/v1/runners", "POST /ci/v1/runners"]);
});

test("a nonce is good for once, and the forge's reason is told", async () => {
  const { url } = forge();
  await register(url);
  const error = await failure(register(url));
  expect(error.code).toBe("forge_refused");
  expect(error.message).toContain('it says "the nonce is unknown or was used before"');
});

test.each([400, 401, 403, 404, 409, 410, 422])("status %i is a refusal", async (status) => {
  expect((await failure(register(forge(answering("no", status)).url))).code).toBe("forge_refused");
});

test.each([
  [`{"detail":"nonce ${nonce} is unknown"}`, "the nonce"],
  [`{"detail":"nonce ${nonce.toLowerCase()} is unknown"}`, "the nonce in other letters"],
  [`{"message":"hash of ${token}"}`, "the token"],
  [JSON.stringify({ detail: "\u001b[2Jred" }), "control characters"],
  [JSON.stringify({ detail: "\u202eright to left" }), "direction marks"],
  [JSON.stringify({ detail: "x".repeat(201) }), "too many words"],
  ['{"detail":7,"message":["a"]}', "other types"],
  ["<html>", "no JSON"],
])("a reason isn't repeated when it is %s", async (body) => {
  const error = await failure(register(forge(answering(body, 403)).url));
  expect(error.message).toStartWith("the forge refused the registration: status 403;");
});

test("`message` serves as reason, too", async () => {
  const error = await failure(register(forge(answering('{"message":"too many runners"}', 409)).url));
  expect(error.message).toContain("too many runners");
});

test.each([
  [500, "forge_unreachable"],
  [503, "forge_unreachable"],
  [429, "forge_unreachable"],
  [204, "forge_answer_invalid"],
  [418, "forge_answer_invalid"],
])("status %i is %s", async (status, code) => {
  const options = { answer: () => new Response(null, { status }) };
  expect((await failure(register(forge(options).url))).code as string).toBe(code);
});

test.each([301, 302, 303, 307, 308])("a redirect (%i) isn't followed", async (status) => {
  const other = forge();
  const headers = { location: `${other.url}/runners` };
  const first = forge({ answer: () => new Response(null, { status, headers }) });
  const error = await failure(register(first.url));
  expect(error.code).toBe("forge_answer_invalid");
  expect(error.message).toContain("redirects");
  expect(other.requests).toEqual([]);
});

const lies: readonly (readonly [string, string])[] = [
  ["", "nothing"],
  ["<!doctype html><p>welcome", "a page"],
  ["{", "half a document"],
  ["[]", "a list"],
  ["null", "null"],
  ["{}", "no id"],
  ['{"id":7}', "an id that is a number"],
  ['{"id":""}', "an empty id"],
  ['{"id":".."}', "an id of dots"],
  ['{"id":"a/b"}', "an id with a slash"],
  ['{"id":"a\\n"}', "an id with a line end"],
  [JSON.stringify({ id: "x".repeat(129) }), "a long id"],
  ['{"id":"a","token":"short"}', "a short token"],
  [JSON.stringify({ id: "a", token: "x".repeat(513) }), "a long token"],
  ['{"id":"a","token":"sixteen or more but with blanks"}', "a token with blanks"],
  ['{"id":"a","token":"sixteen-or-more-\\n"}', "a token with a line end"],
  ['{"id":"a","token":{"a":1}}', "a token that is an object"],
  ['{"id":"a","url":"ftp://host/"}', "an ftp url"],
  ['{"id":"a","url":"javascript:alert(1)"}', "a script as url"],
  ['{"id":"a","url":"http://"}', "half a url"],
  ['{"id":"a","url":"https://u:p@host/"}', "a url with a password"],
  ['{"id":"a","url":[]}', "a url that is a list"],
];
test.each(lies)("the answer %s is refused", async (body) => {
  expect((await failure(register(forge(answering(body)).url))).code).toBe("forge_answer_invalid");
});

test("an endless answer is cut off", async () => {
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(16384).fill(32)),
  });
  const error = await failure(register(forge({ answer: () => new Response(endless) }).url));
  expect(error.code).toBe("forge_answer_invalid");
  expect(error.message).toContain("longer than 64 KiB");
});

test("a compressed bomb isn't unpacked", async () => {
  const headers = { "content-encoding": "gzip" };
  const bomb = Bun.gzipSync(Buffer.from(`{"id":"a","pad":"${" ".repeat(10_000_000)}"}`));
  const error = await failure(register(forge({ answer: () => new Response(bomb, { headers }) }).url));
  expect(error.code).toBe("forge_answer_invalid");
  expect(error.message).toContain("isn't a JSON object");
});

test("nobody listens", async () => {
  const server = await startRawServer(() => {});
  server.stop();
  const error = await failure(register(server.url));
  expect(error.code).toBe("forge_unreachable");
  expect(error.message).toContain("connection refused");
});

test("no such host", async () => {
  const error = await failure(register("https://no-such-host.invalid"));
  expect(error.code).toBe("forge_unreachable");
  expect(error.message).toStartWith("can't reach the forge at no-such-host.invalid: ");
});

test("a certificate that isn't trusted is an error, even when the environment would look away", async () => {
  const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  try {
    const secure = forge({ tls: true });
    const error = await failure(register(secure.url));
    expect(error.code).toBe("forge_unreachable");
    expect(error.message).toContain("its TLS certificate isn't trusted");
    expect(secure.requests).toEqual([]);
  } finally {
    if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
  }
});

test("https to a port that speaks plain http says so", async () => {
  const error = await failure(register(forge().url.replace("http:", "https:")));
  expect(error.code).toBe("forge_unreachable");
  expect(error.message).toContain("TLS");
});

test("a connection closed without an answer", async () => {
  const error = await failure(register(await raw((socket) => socket.end())));
  expect(error.code).toBe("forge_unreachable");
});

test("an abort ends the wait with its own reason", async () => {
  const controller = new AbortController();
  const url = await raw(() => controller.abort(new Error("changed my mind")));
  const reason: unknown = await register(url, {}, controller.signal).catch((error: unknown) => error);
  expect(reason).toBe(controller.signal.reason);
});

test.each([
  [{ nonce: "" }, "an empty nonce"],
  [{ nonce: "a b" }, "a nonce with a blank"],
  [{ nonce: "a\n" }, "a nonce with a line end"],
  [{ nonce: "x".repeat(513) }, "a long nonce"],
  [{ name: "" }, "an empty name"],
  [{ name: "a\u0000" }, "a name with a NUL"],
  [{ name: "x".repeat(129) }, "a long name"],
])("%j is a mistake in usage, and nothing is sent", async (changes) => {
  const { url, requests } = forge();
  expect((await failure(register(url, changes))).code).toBe("usage");
  expect(requests).toEqual([]);
});
