import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";

/*
 * Nonsense, hostile and huge requests against the compiled binary: each has its clear answer, nothing of ours leaks, and
 * the daemon goes on.
 */

let folder: string;
let roots: string;
let repository: string;
let daemon: Daemon;

const good = "stages: { hello: { image: gitfoss-test/busybox:1, script: echo hello } }\n";

beforeAll(async () => {
  await requireEngine();
  await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-bad-"));
  roots = join(folder, "roots");
  repository = await makeRepository(join(roots, "good"), {
    ".gitfoss-ci.yml": good,
    "empty.yml": "",
    "binary.yml": "\u0000\u0001binary",
    "broken.yml": "stages: { hello: { script: echo, artefacts: {} }\n",
    "slips.yml": "stages:\n  hello:\n    script: echo hi\n    artefacts: { paths: [x] }\n",
    "huge.yml": `#${"x".repeat(1024 * 1024)}\n${good}`,
    "bomb.yml": bomb(),
  });
  await symlink("/etc/passwd", join(repository, "link.yml"));
  Bun.spawnSync(["git", "add", "--all"], { cwd: repository });
  Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "link"], {
    cwd: repository,
  });
  await makeRepository(join(folder, "outside"), { ".gitfoss-ci.yml": good });
  await symlink(join(folder, "outside"), join(roots, "link-out"));
  await Bun.write(join(roots, "file"), "no repository");
  Bun.spawnSync(["git", "init", "--quiet", join(roots, "empty")]);
  daemon = await startDaemon({ roots: [roots] });
});
afterAll(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

function bomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${String(i + 1)}: &l${String(i + 1)} [${`*l${String(i)},`.repeat(9)}]`,
  );
  return `l0: &l0 [x]\n${levels.join("\n")}\nstages: *l9\n`;
}

function body(more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    pipelineId: "p",
    orgId: "o",
    repoId: "r",
    gitRepoDir: repository,
    stageId: "hello",
    ...more,
  });
}

async function post(
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string }> {
  const answer = await daemon.request("/trigger", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: text,
  });
  return { status: answer.status, text: await answer.text() };
}

/** What every refusal holds: the form, and that it tells nothing that the caller didn't. */
function expectRefusal(answer: { status: number; text: string }, status: number): void {
  expect(answer.status).toBe(status);
  const problem: unknown = JSON.parse(answer.text);
  expect(problem).toMatchObject({ status, title: expect.any(String) });
  for (const secret of [daemon.token, "root:x:0", "node_modules", "    at "]) {
    expect(answer.text).not.toContain(secret);
  }
}

describe("without the token", () => {
  const paths = [
    "/trigger",
    "/stage/hello",
    "/run/x/artifacts",
    "/runner/config",
    "/runs",
    "/no/such/path",
    "/public/runner/config",
  ];
  for (const path of paths) {
    test(`${path} is 401, and nothing else said`, async () => {
      for (const header of [
        undefined,
        "",
        "Bearer",
        "Bearer wrong",
        `Basic ${daemon.token}`,
        `Bearer  ${daemon.token}`,
        `Bearer ${daemon.token}x`,
      ]) {
        const answer = await fetch(`${daemon.url}${path}?access_token=${daemon.token}`, {
          method: path === "/trigger" ? "POST" : "GET",
          headers: header === undefined ? {} : { authorization: header },
        });
        expect(answer.status).toBe(401);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
        expect(await answer.text()).not.toContain("stage");
      }
    });
  }
});

describe("bodies", () => {
  test("that aren't JSON are 400", async () => {
    for (const text of ["{", "null,", "\u0000", "{'a': 1}", "[".repeat(100_000)])
      expectRefusal(await post(text), 400);
  });

  test("of another shape are 422", async () => {
    for (const text of [
      "null",
      "[]",
      "5",
      '"x"',
      "{}",
      "",
      body({ stageId: 5 }),
      body({ variables: [] }),
      body({ ref: "" }),
    ]) {
      expectRefusal(await post(text), 422);
    }
  });

  test("with an unknown key are 422, and the key is named", async () => {
    const answer = await post(body({ stagId: "x", secrets: { A: "sesame" } }));
    expectRefusal(answer, 422);
    expect(answer.text).toContain("stagId");
    expect(answer.text).not.toContain("sesame");
  });

  test("over 1 MiB are 413", async () => {
    expectRefusal(await post(body({ variables: { A: "x".repeat(1024 * 1024) } })), 413);
  });
});

describe("ids", () => {
  const odd = ["../x", "..", ".", "a/b", "a\\b", "a\0b", "a\nb", "\u001b[31m", "x".repeat(10_000), ""];
  for (const key of ["pipelineId", "orgId", "repoId", "stageId"]) {
    test(`a ${key} that could be a path or drive a terminal is 422`, async () => {
      for (const id of odd) expectRefusal(await post(body({ [key]: id })), 422);
    });
  }

  test("in paths are never files", async () => {
    const paths = [
      "..%2f..%2fconfig.json",
      "%2e%2e%2fconfig",
      "%00",
      "a%0ab",
      "x".repeat(10_000),
      "%ff%fe",
      "config.json",
    ];
    for (const id of paths) {
      for (const path of [
        `/stage/${id}`,
        `/stage/${id}/logs`,
        `/run/${id}`,
        `/run/${id}/artifacts`,
        `/run/${id}/artifacts/${id}`,
      ]) {
        const answer = await daemon.request(path);
        expect([400, 404, 414, 422, 431]).toContain(answer.status);
        expect(await answer.text()).not.toContain(daemon.token);
      }
    }
  });
});

describe("repositories", () => {
  const cases: Readonly<Record<string, () => string>> = {
    "a file": () => join(roots, "file"),
    "a folder that isn't there": () => join(roots, "nowhere"),
    "a folder without a repository": () => roots,
    "outside of the roots": () => join(folder, "outside"),
    "a link out of the roots": () => join(roots, "link-out"),
    "up and out": () => `${roots}/good/../../outside`,
    relative: () => "good",
    "an option": () => "--upload-pack=touch /tmp/gitfoss-pwned",
    "a transport": () => "ext::sh -c touch% /tmp/gitfoss-pwned",
    "with a NUL": () => `${repository}\0`,
    "empty of commits": () => join(roots, "empty"),
    "the runner's own state": () => join(daemon.state, "work"),
  };
  for (const [name, path] of Object.entries(cases)) {
    test(`${name}: 422`, async () => expectRefusal(await post(body({ gitRepoDir: path() })), 422));
  }

  test("none of it ran anything", async () => {
    expect(await Bun.file("/tmp/gitfoss-pwned").exists()).toBe(false);
  });
});

describe("refs", () => {
  const refs = [
    "no-such-branch",
    "-h",
    "--output=/tmp/gitfoss-pwned",
    "a..b",
    "HEAD~1",
    "HEAD^",
    "@{-1}",
    "a b",
    "x".repeat(2000),
    "0".repeat(40),
    "refs/heads/../main",
  ];
  for (const ref of refs) {
    test(`${ref.slice(0, 40)}: 422`, async () => expectRefusal(await post(body({ ref })), 422));
  }

  test("a branch, a full name and a sha are fine", async () => {
    const sha = Bun.spawnSync(["git", "rev-parse", "HEAD"], { cwd: repository }).stdout.toString().trim();
    for (const ref of ["main", "refs/heads/main", sha, sha.slice(0, 8)]) {
      const run = await daemon.final(await daemon.trigger(repository, "hello", { ref }));
      expect(run).toMatchObject({ status: "SUCCESS", sha });
    }
  });
});

describe("manifests", () => {
  const paths = [
    "no-such.yml",
    "empty.yml",
    "binary.yml",
    "broken.yml",
    "huge.yml",
    "bomb.yml",
    "link.yml",
    "../outside/.gitfoss-ci.yml",
    "/etc/passwd",
    ".",
  ];
  for (const manifest of paths) {
    test(`${manifest}: 422`, async () => expectRefusal(await post(body({ manifest })), 422));
  }

  test("their errors come with place and frame", async () => {
    const answer = await post(body({ manifest: "slips.yml" }));
    expectRefusal(answer, 422);
    expect(JSON.parse(answer.text)).toMatchObject({
      errors: [
        {
          path: "slips.yml:4:5",
          message: `slips.yml:4:5 error: unknown key "artefacts" in stage "hello"; did you mean "artifacts"?\n  4 |     artefacts: { paths: [x] }\n    |     ^^^^^^^^^`,
        },
      ],
    });
  });

  test("a stage that it doesn't have is 422, and those it has are named", async () => {
    const answer = await post(body({ stageId: "goodbye" }));
    expectRefusal(answer, 422);
    expect(answer.text).toContain("hello");
  });
});

test("the same Idempotency-Key is the same run, a hundred times at once; for another trigger it's a conflict", async () => {
  const headers = { "idempotency-key": "key-1" };
  const answers = await Promise.all(Array.from({ length: 100 }, () => post(body(), headers)));
  const runs = new Set(answers.map(({ text }) => /"runId":"([^"]+)"/.exec(text)?.[1]));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
  expect(runs.size).toBe(1);
  expectRefusal(await post(body({ pipelineId: "other" }), headers), 409);
  const [runId = ""] = runs;
  expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS" });
});

test("a repeated trigger is answered although its ref is gone by now", async () => {
  Bun.spawnSync(["git", "branch", "short-lived"], { cwd: repository });
  const headers = { "idempotency-key": "key-2" };
  const first = await post(body({ ref: "short-lived" }), headers);
  Bun.spawnSync(["git", "branch", "-D", "short-lived"], { cwd: repository });
  const again = await post(body({ ref: "short-lived" }), headers);
  expect(again.status).toBe(200);
  expect(/"runId":"[^"]+"/.exec(again.text)?.[0]).toBe(/"runId":"[^"]+"/.exec(first.text)?.[0] ?? "");
  expectRefusal(await post(body({ ref: "short-lived" })), 422);
});

test("after all of it the daemon goes on", async () => {
  const run = await daemon.final(await daemon.trigger(repository, "hello"));
  expect(run).toMatchObject({ status: "SUCCESS" });
});
