import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";

const secret = "s3cr3t/of+this?run-é";
const fileSecret = "-----BEGIN KEY-----\nbGluZS1vbmU\nbGluZS10d28\n-----END KEY-----\n";
const askedFor = "asked-for-at-run-time";
/** The secrets' bytes, as they are and encoded. */
const traces = [secret, askedFor, ...fileSecret.split("\n").slice(1, 3)].flatMap((text) => [
  Buffer.from(text),
  ...["base64", "base64url", "hex"].map((form) =>
    Buffer.from(
      Buffer.from(text)
        .toString(form === "hex" ? "hex" : "base64")
        .replaceAll("=", ""),
    ),
  ),
  Buffer.from(encodeURIComponent(text)),
  Buffer.from(JSON.stringify(text).slice(1, -1)),
]);

let folder: string;
let repository: string;
let daemon: Daemon;

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-secrets-"));
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": `default: { image: ${image} }
stages:
  hold:
    secrets: { TOKEN: {}, KEY: { file: true } }
    script:
      - 'echo "::add-mask::${askedFor}"'
      - 'echo "one $TOKEN"; cat "$KEY"; printf %s "$TOKEN" | base64'
      - 'echo held; while [ ! -e /tmp/go ]; do sleep 0.1; done'
      - 'echo "two $TOKEN ${askedFor}"; cat "$KEY"; mkdir out; touch "out/${askedFor}" out/other; exit 3'
    artifacts: { paths: [out/], when: always }
  wait:
    secrets: [TOKEN]
    script: ['echo "$TOKEN"', "sleep 60"]
  show:
    secrets: [LEVEL]
    script: 'printf %s "$LEVEL" | tr a-z b-za'
`,
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  daemon = await startDaemon({ roots: [folder], config: { grace: "1" }, flags: ["--concurrency", "1"] });
});
afterEach(async () => {
  await daemon.stop();
  await expectNothingLeft();
});

const secrets = { TOKEN: secret, KEY: fileSecret, UNUSED: "never-asked-for" };

/** The names of all files under a folder that hold a trace of a secret. */
async function leaksIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const leaks: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = join(entry.parentPath, entry.name);
    // A room's log is the stage's own raw output, closed to others and gone with the stage.
    if (file.includes("/work/") && (entry.name === "log" || entry.name === "script")) continue;
    if (file.includes("/workspace/")) continue;
    if (holdsTrace(await readFile(file)) && !(await isPlan(file))) leaks.push(file);
    if (holdsTrace(Buffer.from(entry.name))) leaks.push(`the name ${file}`);
  }
  return leaks;
}

/** A mask that the manifest itself spells out stands in the plan, as in the repository. */
async function isPlan(file: string): Promise<boolean> {
  const text = (await readFile(file, "utf8")).replaceAll(askedFor, "");
  return /(events\.ndjson|run\.json)$/.test(file) && !holdsTrace(Buffer.from(text));
}

function holdsTrace(bytes: Buffer): boolean {
  return traces.some((trace) => bytes.includes(trace)) || bytes.includes("never-asked-for");
}

/** The command lines of all processes; the stage's own know their secrets, as they must. */
async function processes(): Promise<Buffer> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`).catch(() => Buffer.alloc(0))),
  );
  return Buffer.concat(lines);
}

async function answers(runId: string): Promise<Buffer> {
  const paths = [
    `/run/${runId}`,
    "/runs",
    "/stage/hold",
    `/stage/hold/logs?runId=${runId}`,
    `/run/${runId}/artifacts`,
  ];
  const texts = await Promise.all(paths.map(async (path) => (await daemon.request(path)).text()));
  return Buffer.from(texts.join("\n"));
}

async function held(runId: string): Promise<void> {
  while (!(await daemon.logs(runId)).includes("held\n")) await Bun.sleep(50);
}

async function heldSecrets(): Promise<readonly string[]> {
  return readdir(join(daemon.state, "secrets/.held"));
}

test("no byte of a secret is anywhere but in the stage, while it runs, after kill -9 and when it's over", async () => {
  const runId = await daemon.trigger(repository, "hold", { secrets });
  await held(runId);
  for (const round of ["while it runs", "after a restart"]) {
    expect([round, await leaksIn(daemon.state)]).toEqual([round, []]);
    expect(await docker("inspect", `gitfoss-${runId}`)).not.toContain(secret);
    expect(holdsTrace(Buffer.from(await docker("inspect", `gitfoss-${runId}`)))).toBe(false);
    expect(holdsTrace(await processes())).toBe(false);
    expect(holdsTrace(await answers(runId))).toBe(false);
    expect(await heldSecrets()).toEqual([runId]);
    if (round === "after a restart") break;
    await daemon.end("SIGKILL");
    await daemon.restart();
  }
  await docker("exec", `gitfoss-${runId}`, "touch", "/tmp/go");
  const run = await daemon.final(runId);
  expect(run).toMatchObject({ status: "FAILURE", exitCode: 3, cause: "script" });
  const key = "-----BEGIN KEY-----\n[MASKED]\n[MASKED]\n-----END KEY-----\n";
  const artifacts = "artifacts: left out 1 whose paths hold a secret\nartifacts: kept 1 (0 B)\n";
  expect(await daemon.logs(runId)).toBe(
    `one [MASKED]\n${key}[MASKED]\nheld\ntwo [MASKED] [MASKED]\n${key}${artifacts}`,
  );
  expect(holdsTrace(await answers(runId))).toBe(false);
  expect(holdsTrace(Buffer.from(daemon.process().stdout() + daemon.process().stderr()))).toBe(false);
  expect(await leaksIn(daemon.state)).toEqual([]);
  expect(await heldSecrets()).toEqual([]);
});

test("a run that waits keeps its secrets through kill -9, and they go when it's canceled", async () => {
  const first = await daemon.trigger(repository, "wait", { secrets });
  const waiting = await daemon.trigger(repository, "hold", { secrets });
  await daemon.end("SIGKILL");
  expect(await leaksIn(daemon.state)).toEqual([]);
  await daemon.restart();
  expect((await heldSecrets()).toSorted()).toEqual([first, waiting].toSorted());
  await daemon.request(`/run/${first}/cancel`, { method: "POST" });
  await held(waiting);
  expect(await daemon.logs(waiting)).toContain("one [MASKED]\n");
  await daemon.request(`/run/${waiting}/cancel`, { method: "POST" });
  await daemon.final(waiting);
  expect(await heldSecrets()).toEqual([]);
});

describe("the runner's own store", () => {
  const run = (words: readonly string[], stdin?: string) =>
    runBinary(["secret", ...words], {
      env: { GITFOSS_RUNNER_STATE_DIR: daemon.state },
      ...(stdin === undefined ? {} : { stdin }),
    });
  const shown = async (more: Readonly<Record<string, unknown>> = {}): Promise<string> => {
    const runId = await daemon.trigger(repository, "show", more);
    await daemon.final(runId);
    return daemon.logs(runId);
  };

  test("gives a stage the nearest secret: the trigger's, the repository's, the organisation's, the runner's", async () => {
    const levels = [
      ["runner-wide"],
      ["organisation", "--org", "o1"],
      ["repository", "--org", "o1", "--repo", "r1"],
    ];
    for (const [value = "", ...scope] of levels) {
      const set = await run(["set", "LEVEL", ...scope], `${value}\n`);
      expect([set.exitCode, set.stdout]).toEqual([0, ""]);
      expect(await shown()).toBe(shifted(value));
    }
    await run(["set", "LEVEL", "--org", "o2"], "of somebody else");
    expect(await shown({ secrets: { LEVEL: "trigger" } })).toBe(shifted("trigger"));
    expect(await shown({ orgId: "o2" })).toBe(shifted("of somebody else"));
    expect(await shown({ orgId: "o3" })).toBe(shifted("runner-wide"));
    const listed = await run(["list", "--json"]);
    expect(JSON.parse(listed.stdout).secrets).toMatchObject([
      { name: "LEVEL" },
      { name: "LEVEL", orgId: "o1" },
      { name: "LEVEL", orgId: "o1", repoId: "r1" },
      { name: "LEVEL", orgId: "o2" },
    ]);
    for (const { parentPath, name } of await readdir(join(daemon.state, "secrets"), {
      recursive: true,
      withFileTypes: true,
    }))
      expect((await stat(join(parentPath, name))).mode & 0o077).toBe(0);
    for (const [value = ""] of levels) expect(listed.stdout).not.toContain(value);
    expect((await run(["remove", "LEVEL", "--org", "o1", "--repo", "r1"])).exitCode).toBe(0);
    expect(await shown()).toBe(shifted("organisation"));
    expect((await run(["remove", "LEVEL", "--org", "o1", "--repo", "r1"])).exitCode).toBe(64);
  });

  test("takes no value from the command line, and repeats none", async () => {
    for (const words of [
      ["set", "A=hunter2"],
      ["set", "A", "hunter2"],
      ["set", "hunter2 !"],
      ["set", "A", "--repo", "r"],
    ]) {
      const { exitCode, stderr } = await run(words, "value");
      expect(exitCode).toBe(64);
      if (words[1] !== "hunter2 !") expect(stderr).not.toContain("hunter2");
    }
    expect((await run(["set", "A"], "")).stderr).toContain("is empty");
    expect((await run(["set", "A"], "x".repeat(65_537))).stderr).toContain("longer than 64 KiB");
    expect((await run(["list"])).stdout).toBe("");
  });

  test("that can't be read says so, and doesn't keep the daemon from its work", async () => {
    await run(["set", "LEVEL"], "value");
    await Bun.write(join(daemon.state, "secrets/.all/.all/LEVEL"), "damaged");
    const answer = await triggered("show", {});
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining("set it again")]);
    expect(await shown({ secrets: { LEVEL: "trigger" } })).toBe(shifted("trigger"));
  });
});

function shifted(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) =>
    letter === "z" ? "a" : String.fromCharCode(letter.charCodeAt(0) + 1),
  );
}

function triggered(
  stageId: string,
  more: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const body = { pipelineId: "p", orgId: "o", repoId: "r", gitRepoDir: repository, stageId, ...more };
  return daemon.request("/trigger", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

test("a secret that nobody has is refused at once, and the answer says where to put it", async () => {
  const answer = await triggered("hold", { secrets: { TOKEN: secret } });
  expect(answer.status).toBe(422);
  const text = await answer.text();
  expect(text).toContain("needs the secret KEY, which nobody has");
  expect(text).toContain("gitfoss-ci-runner secret set NAME");
  expect(holdsTrace(Buffer.from(text))).toBe(false);
  expect(await daemon.json("/runs")).toMatchObject({ runs: [] });
});

test("the same Idempotency-Key with another secret is another trigger, and the disk can't tell which", async () => {
  const headers = { "idempotency-key": "k" };
  const first = await triggered("show", { secrets: { LEVEL: "12345678" } }, headers);
  const runId = String(Object(await first.json()).runId);
  expect(await (await triggered("show", { secrets: { LEVEL: "12345678" } }, headers)).json()).toMatchObject({
    runId,
  });
  expect((await triggered("show", { secrets: { LEVEL: "12345679" } }, headers)).status).toBe(409);
  expect((await triggered("show", {}, headers)).status).toBe(409);
  await daemon.final(runId);
});

describe("exec", () => {
  const manifest = join("repo", ".gitfoss-ci.yml");

  test("refuses a value on the command line, and a stage without its secret, before anything runs", async () => {
    const inline = await runBinary(["exec", manifest, "show", "--secret", "LEVEL=hunter2"], { cwd: folder });
    expect([inline.exitCode, inline.stderr.includes("hunter2")]).toEqual([64, false]);
    const missing = await runBinary(["exec", manifest, "show"], { cwd: join(folder) });
    expect(missing.exitCode).toBe(64);
    expect(missing.stderr).toContain(
      'stage "show" needs the secret LEVEL, which nobody has; give it with --secret NAME',
    );
  });

  test("shows no secret in any form of its output, nor of a file that it was read from", async () => {
    await Bun.write(join(folder, "key"), fileSecret);
    for (const form of ["plain", "quiet", "json"]) {
      const words = ["exec", manifest, "show", "--secret", "LEVEL=@key", "--progress", form];
      const { exitCode, stdout, stderr } = await runBinary(words, { cwd: folder });
      expect([exitCode, holdsTrace(Buffer.from(stdout + stderr))]).toEqual([0, false]);
    }
  });
});
