import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary, startBinary, type Finished } from "./support/binary.ts";
import { makeCertificates, type Certificates } from "./support/certificates.ts";
import { makeRepository } from "./support/commit.ts";
import { engineSocket, startEngineProxy, type EngineProxy } from "./support/engine-proxy.ts";

/* Where the engine is found, and what is said when it isn't. */

let folder: string;
let tmp: string;
let repository: string;
let certificates: Certificates;
let proxy: EngineProxy;

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-host-"));
  tmp = join(folder, "tmp");
  await mkdir(tmp);
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": `stages:
  a: { image: "${image}", script: [echo ran, "echo kept >file"], artifacts: { paths: [file] } }
  long: { image: "${image}", script: ["echo ready; sleep 60"] }
`,
  });
  certificates = await makeCertificates(join(folder, "certificates"));
  proxy = await startEngineProxy(certificates);
});
afterAll(async () => {
  proxy.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

function exec(env: Readonly<Record<string, string>>): Promise<Finished> {
  return runBinary(["exec", "a"], { cwd: repository, env: { TMPDIR: tmp, ...env }, timeoutMs: 20_000 });
}

/** Nothing ran, one line says why, and nothing is left. */
async function expectOutOfReach(done: Finished, words: RegExp): Promise<void> {
  expect(done).toMatchObject({ exitCode: 69, stdout: "" });
  expect(done.stderr).toMatch(/^error: .+\n$/);
  expect(done.stderr).toMatch(words);
  expect(done.stderr).not.toMatch(/internal|    at |undefined|\[object/);
  expect(await readdir(tmp)).toEqual([]);
}

function withTls(certPath: string, host = proxy.host): Record<string, string> {
  return { DOCKER_HOST: host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certPath };
}

test("a unix socket that DOCKER_HOST names", async () => {
  expect(await exec({ DOCKER_HOST: `unix://${engineSocket()}` })).toMatchObject({
    exitCode: 0,
    stdout: "ran\n",
  });
});

test("none named: the usual one", async () => {
  expect(await exec({ DOCKER_HOST: "" })).toMatchObject({ exitCode: 0, stdout: "ran\n" });
});

test("tcp with TLS and a certificate of our own, and every word of it goes that way", async () => {
  const before = proxy.connections();
  expect(await exec(withTls(certificates.client))).toMatchObject({ exitCode: 0, stdout: "ran\n" });
  expect(proxy.connections()).toBeGreaterThan(before);
});

test("DOCKER_TLS_VERIFY counts whatever it says, as for the docker command", async () => {
  const env = { ...withTls(certificates.client), DOCKER_TLS_VERIFY: "yes" };
  expect(await exec(env)).toMatchObject({ exitCode: 0, stdout: "ran\n" });
});

test("without DOCKER_CERT_PATH the certificates are those in ~/.docker", async () => {
  const { DOCKER_CERT_PATH: _, ...env } = withTls(certificates.client);
  expect(await exec({ ...env, HOME: certificates.home })).toMatchObject({ exitCode: 0, stdout: "ran\n" });
});

test("a stage that is ended through TLS leaves nothing", async () => {
  const started = await startBinary(["exec", "--grace", "0", "long"], {
    cwd: repository,
    env: { TMPDIR: tmp, ...withTls(certificates.client) },
  });
  await started.waitFor(/ready/);
  started.kill("SIGTERM");
  expect(await started.exited).toBe(143);
  expect(await readdir(tmp)).toEqual([]);
});

test("a server whose authority we don't know isn't talked to", async () => {
  const before = proxy.bytes();
  await expectOutOfReach(await exec(withTls(certificates.foreign)), /certificate.*ca\.pem/);
  expect(proxy.bytes()).toBe(before);
});

test("nor one that has another's name", async () => {
  const host = proxy.host.replace("127.0.0.1", "127.0.0.2");
  await expectOutOfReach(await exec(withTls(certificates.client, host)), /certificate/);
});

test("a server that doesn't know us", async () => {
  await expectOutOfReach(await exec(withTls(certificates.stranger)), /certificate|can't reach/);
});

test("TLS spoken to one that speaks none, and none to one that speaks TLS", async () => {
  await expectOutOfReach(await exec({ DOCKER_HOST: proxy.host }), /Docker Engine/);
  const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
  const host = `tcp://127.0.0.1:${String(plain.port)}`;
  await expectOutOfReach(await exec(withTls(certificates.client, host)), /Docker Engine/);
  await plain.stop(true);
});

for (const [what, files] of [
  ["no certificates", {}],
  ["certificates that are garbage", { "ca.pem": "garbage", "cert.pem": "garbage", "key.pem": "garbage" }],
  ["empty certificates", { "ca.pem": "", "cert.pem": "", "key.pem": "" }],
] as const) {
  test(`a DOCKER_CERT_PATH with ${what}`, async () => {
    const place = await mkdtemp(join(folder, "certs-"));
    for (const [name, text] of Object.entries(files)) await writeFile(join(place, name), text);
    await expectOutOfReach(await exec(withTls(place)), /DOCKER_CERT_PATH|certificate/);
  });
}

for (const [host, words] of [
  ["ssh://root@127.0.0.1", /^error: DOCKER_HOST=ssh:.* isn't supported; use unix:\/\/ or tcp:\/\/ with TLS/],
  ["unix:///nowhere/docker.sock", /can't reach the Docker Engine .*DOCKER_HOST/],
  ["unix:///etc/passwd", /can't reach the Docker Engine .*DOCKER_HOST/],
  ["unix:///", /Docker Engine .*DOCKER_HOST/],
  ["unix://relative", /can't reach the Docker Engine .*DOCKER_HOST/],
  ["tcp://127.0.0.1:1", /can't reach the Docker Engine .*DOCKER_HOST/],
  ["tcp://no-such-host.invalid:2375", /can't reach the Docker Engine .*DOCKER_HOST/],
  ["127.0.0.1:1", /can't reach the Docker Engine .*DOCKER_HOST/],
  ["tcp://", /DOCKER_HOST/],
  ["tcp://:::", /DOCKER_HOST/],
  ["tcp://127.0.0.1:99999", /DOCKER_HOST/],
  ["fd://", /DOCKER_HOST/],
  ["npipe:////./pipe/docker_engine", /DOCKER_HOST/],
  ["garbage://x", /DOCKER_HOST/],
  ["\u{1b}[31m garbage", /DOCKER_HOST/],
  ["x".repeat(100_000), /DOCKER_HOST/],
] as const) {
  test(`DOCKER_HOST=${JSON.stringify(host.slice(0, 40))} is out of reach`, async () => {
    await expectOutOfReach(await exec({ DOCKER_HOST: host }), words);
  });
}

test("an engine that isn't one", async () => {
  for (const answer of [
    () => new Response("no such page", { status: 404 }),
    () => new Response("OK but no engine"),
    () => new Response(null, { status: 301, headers: { location: "//elsewhere/" } }),
    () => new Response("<html>", { status: 502 }),
  ]) {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
    const done = await exec({ DOCKER_HOST: `tcp://127.0.0.1:${String(server.port)}` });
    await server.stop(true);
    expect(done.stderr).toContain("Docker Engine");
    expect(done.stderr).not.toMatch(/internal|    at /);
    expect(done.exitCode === 69 || done.exitCode === 1).toBe(true);
    expect(await readdir(tmp)).toEqual([]);
  }
});
