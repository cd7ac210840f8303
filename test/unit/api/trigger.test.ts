import { afterAll, beforeAll, expect, test } from "bun:test";
import { RunnerError } from "../../../src/shared/errors.ts";
import type { ErrorCode } from "../../../src/shared/errors.ts";
import type { TestApi } from "../../support/api-fakes.ts";
import { jsonOf, problemOf, requestOf, startTestApi, token, triggerBody } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("a trigger answers with the mission's keys, in its order, and the run is on disk", async () => {
  const answer = await api.post("/trigger", triggerBody);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  const body = await jsonOf(answer);
  const whole: unknown = body;
  expect(Object.keys(body)).toEqual(["pipelineId", "runId", "stageId", "status"]);
  expect(whole).toEqual({
    pipelineId: "pipeline-1",
    runId: expect.any(String),
    stageId: "build",
    status: "PENDING",
  });
  expect((await api.store.load(body.runId))?.status).toBe("PENDING");
});

test("a body without a content type is read as JSON", async () => {
  const body = Buffer.from(JSON.stringify(triggerBody));
  expect((await api.post("/trigger", body, { "content-type": "application/json" })).status).toBe(200);
  const untyped = new Request(`${api.url}/trigger`, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${token}` },
  });
  expect(untyped.headers.get("content-type")).toBeNull();
  expect((await fetch(untyped)).status).toBe(200);
});

test("all that a trigger may say reaches the intake", async () => {
  const seen: unknown[] = [];
  const { admit } = api.fakes;
  api.fakes.admit = async (trigger) => {
    seen.push(trigger);
    return requestOf(trigger);
  };
  const body = {
    ...triggerBody,
    ref: "feature/x",
    variables: { A: "1", _b: "zwei" },
    manifest: "ci/other.yml",
    reuse: false,
  };
  await api.post("/trigger", body, { "idempotency-key": "key 1" });
  expect(seen).toEqual([{ ...body, idempotencyKey: "key 1" }]);
  api.fakes.admit = admit;
});

test.each(["pipelineId", "orgId", "repoId", "gitRepoDir", "stageId"] as const)(
  "%s must be there, and a string",
  async (key) => {
    const { [key]: _, ...rest } = triggerBody;
    const missing = await api.post("/trigger", rest);
    expect(missing.status).toBe(422);
    expect((await jsonOf(missing)).errors).toEqual([{ path: `body.${key}`, message: "is required" }]);
    for (const value of [1, null, true, {}, [], "", "\n", "a\u0000b"]) {
      const wrong = await api.post("/trigger", { ...triggerBody, [key]: value });
      expect([value, wrong.status]).toEqual([value, 422]);
      expect((await jsonOf(wrong)).errors[0]?.path).toBe(`body.${key}`);
    }
  },
);

test.each(["../x", "..", ".", "a/b", "a\\b", "a\nb", "\ud800", "x".repeat(257), "a\u0085b"])(
  "the id %p is refused",
  async (id) => {
    for (const key of ["pipelineId", "orgId", "repoId", "stageId"]) {
      expect((await api.post("/trigger", { ...triggerBody, [key]: id })).status).toBe(422);
    }
  },
);

test.each(["test:20:alpine", "...", ".hidden", "a b", "ünïcödé", "漢字", "😀".repeat(128), "%2e%2e", "-rf"])(
  "the id %p is taken",
  async (id) => {
    expect((await api.post("/trigger", { ...triggerBody, stageId: id })).status).toBe(200);
    expect((await api.get(`/stage/${encodeURIComponent(id)}`)).status).toBe(200);
  },
);

test.each(["false", 0, 1, null, {}])("reuse is true or false, not %j", async (reuse) => {
  const problem = await problemOf(await api.post("/trigger", { ...triggerBody, reuse }));
  expect(problem.errors).toEqual([{ path: "body.reuse", message: "must be true or false" }]);
});

test("unknown keys are named, secrets that are none too, and nothing is echoed", async () => {
  const answer = await api.post("/trigger", {
    ...triggerBody,
    secrets: { TOKEN: "hunter2\0", "A B": "hunter2", LONG: "hunter2".repeat(10_000), NUMBER: 2 },
    stagId: "hunter2",
  });
  expect(answer.status).toBe(422);
  const text = await answer.text();
  const noText = "must be a string of at most 65536 characters without NUL";
  expect(text).not.toContain("hunter2");
  expect(JSON.parse(text).errors).toEqual([
    { path: "body.stagId", message: "unknown key" },
    { path: "body.secrets.TOKEN", message: noText },
    { path: "body.secrets.LONG", message: noText },
    { path: "body.secrets.NUMBER", message: noText },
    {
      path: 'body.secrets."A B"',
      message:
        "a secret's name is 1 to 128 letters, digits, _, . and -, and begins with none of the last two",
    },
  ]);
});

test("a key of ours from JavaScript's own is an unknown key like any other", async () => {
  const body = `{"__proto__": {"x": 1}, "constructor": 1, ${JSON.stringify(triggerBody).slice(1)}`;
  const answer = await api.post("/trigger", body);
  expect((await jsonOf(answer)).errors.map(({ path }: { path: string }) => path)).toEqual([
    "body.__proto__",
    "body.constructor",
  ]);
});

test("an unknown key that is long or full of control characters is made safe to read", async () => {
  const answer = await api.post("/trigger", { ...triggerBody, ["x".repeat(5000)]: 1, "a\u001b[2J\n/b": 1 });
  const { errors } = await jsonOf(answer);
  expect(errors.map(({ path }: { path: string }) => path)).toEqual([
    `body.${"x".repeat(100)}…`,
    'body."a\\u001b[2J\\n/b"',
  ]);
});

test("variables are names and strings, within their limits", async () => {
  const bad: Record<string, unknown>[] = [
    { "1A": "x" },
    { "": "x" },
    { "A-B": "x" },
    { "A=B": "x" },
    { Ä: "x" },
    { A: 1 },
    { A: null },
    { A: "x\u0000y" },
    { A: "x".repeat(65_537) },
    Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`V${index}`, ""])),
  ];
  for (const variables of bad) {
    const answer = await api.post("/trigger", { ...triggerBody, variables });
    expect([Object.keys(variables)[0], answer.status]).toEqual([Object.keys(variables)[0], 422]);
    expect((await jsonOf(answer)).errors[0]?.path).toStartWith("body.variables");
  }
  expect(
    (await api.post("/trigger", `{"variables":{"__proto__":"x"},${JSON.stringify(triggerBody).slice(1)}`))
      .status,
  ).toBe(422);
  const good = {
    A: "",
    _: "line 1\nline 2",
    a1: "x".repeat(65_536),
    ...Object.fromEntries(Array.from({ length: 997 }, (_, index) => [`V${index}`, ""])),
  };
  expect((await api.post("/trigger", { ...triggerBody, variables: good })).status).toBe(200);
});

test("long and odd paths and refs are refused before anyone looks at them", async () => {
  for (const change of [
    { gitRepoDir: "x".repeat(4097) },
    { gitRepoDir: "/a\nb" },
    { ref: "" },
    { ref: "x".repeat(1025) },
    { ref: "a\u0000" },
    { manifest: "" },
    { manifest: "a\u007fb" },
  ]) {
    expect((await api.post("/trigger", { ...triggerBody, ...change })).status).toBe(422);
  }
});

test.each(["", "x".repeat(256), "é"])("the Idempotency-Key %p is refused", async (key) => {
  const answer = await api.post("/trigger", triggerBody, { "idempotency-key": key });
  expect(answer.status).toBe(422);
  expect((await jsonOf(answer)).errors[0]?.path).toBe("header.Idempotency-Key");
});

const statuses: readonly [ErrorCode, number][] = [
  ["invalid_request", 422],
  ["manifest_invalid", 422],
  ["manifest_missing", 422],
  ["repository_invalid", 422],
  ["conflict", 409],
  ["queue_full", 429],
  ["shutting_down", 503],
  ["disk_full", 507],
  ["state_unwritable", 500],
  ["engine_unreachable", 503],
];

test.each(statuses)("%s is a %i with its code, its message and its spots", async (code, status) => {
  const { submit } = api.fakes;
  api.fakes.submit = async () => {
    throw new RunnerError(code, "what went wrong", { errors: [{ path: "manifest:1:1", message: "frame" }] });
  };
  const answer = await api.post("/trigger", triggerBody);
  expect(answer.status).toBe(status);
  expect(answer.headers.get("retry-after")).toBe([429, 503].includes(status) ? "5" : null);
  expect(await answer.json()).toEqual({
    type: `urn:gitfoss:problem:${code}`,
    title: expect.any(String),
    status,
    code,
    detail: "what went wrong",
    errors: [{ path: "manifest:1:1", message: "frame" }],
  });
  api.fakes.submit = submit;
});

test("what nobody foresaw is a 500 that tells an id and nothing else, and the operator finds the rest under it", async () => {
  const { submit } = api.fakes;
  api.fakes.submit = async () => {
    throw new Error("hunter2 at /var/lib/secret");
  };
  const answer = await api.post("/trigger", triggerBody);
  const body = await jsonOf(answer);
  const whole: unknown = body;
  expect(whole).toEqual({
    type: "about:blank",
    title: "Internal server error",
    status: 500,
    requestId: expect.any(String),
  });
  expect(api.log.lines.at(-1)?.facts).toMatchObject({
    requestId: body.requestId,
    error: "hunter2 at /var/lib/secret",
  });
  api.fakes.submit = submit;
});

test("the API answers within the process too", async () => {
  const answer = await api.handle(
    new Request("http://localhost/runner/version", {
      headers: { authorization: `Bearer ${token}` },
    }),
  );
  expect(await answer.json()).toEqual({ version: "0.1.0", commit: "c0ffee" });
  expect((await api.handle(new Request("http://localhost/runner/version"))).status).toBe(401);
});
