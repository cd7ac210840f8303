import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { RunState } from "../../../src/events/run-state.ts";
import type { Answer, ListedArtifact, TestApi } from "../../support/api-fakes.ts";
import { bearer, jsonOf, problemOf, startTestApi } from "../../support/api-fakes.ts";

let api: TestApi;
let run: RunState;
let listed: readonly ListedArtifact[];
let workspace: string;

const oddName = `naïve "q" 'a' (1) 漢字;%0a%.html`;
const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

beforeAll(async () => {
  api = await startTestApi();
  run = await api.accept({ stageId: "artifacts" });
  workspace = await api.store.workFolder(run.runId);
  await mkdir(join(workspace, "out"));
  await Bun.write(join(workspace, "out/bytes.bin"), bytes);
  await Bun.write(join(workspace, "out/empty"), "");
  await Bun.write(join(workspace, `out/${oddName}`), "<script>alert(1)</script>");
  await symlink("/etc/passwd", join(workspace, "out/link"));
  const plan = { paths: ["out/"], exclude: [], when: "always" } as const;
  await api.store.collectArtifacts(run.runId, workspace, plan, new AbortController().signal);
  await api.finish(run);
  const body = await jsonOf(api.get(`/run/${run.runId}/artifacts`));
  listed = body.artefacts;
});
afterAll(() => api.stop());

function artifact(name: string): ListedArtifact {
  const found = listed.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`${name} isn't listed`);
  return found;
}

const pathOf = (name: string): string => `/run/${run.runId}/artifacts/${artifact(name).id}`;

test("a run's artifacts are listed with the mission's keys and spelling", async () => {
  const body = await jsonOf(api.get(`/run/${run.runId}/artifacts`));
  expect(Object.keys(body)).toEqual(["pipelineId", "runId", "stageId", "artefacts"]);
  expect(body).toMatchObject({ pipelineId: "pipeline-1", runId: run.runId, stageId: "artifacts" });
  expect(listed.map(({ name }) => name).toSorted()).toEqual(["bytes.bin", "empty", oddName].toSorted());
  expect(Object.keys(artifact("bytes.bin"))).toEqual(["id", "name", "path", "size", "sha256"]);
  expect(artifact("bytes.bin")).toMatchObject({
    path: "out/bytes.bin",
    size: bytes.length,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
  });
});

test("expired ones are listed no more, and are gone: 410 that says since when", async () => {
  const { store, moved } = api;
  const old = await api.accept({ stageId: "expiring" });
  const plan = { paths: ["out/"], exclude: [], when: "always", expireSeconds: 60 } as const;
  await store.collectArtifacts(old.runId, workspace, plan, new AbortController().signal);
  await api.finish(old);
  const listing = (): Promise<Answer> => jsonOf(api.get(`/run/${old.runId}/artifacts`));
  const before = await listing();
  expect(before).toMatchObject({ expired: false, artefacts: listed });
  const file = `/run/${old.runId}/artifacts/${artifact("empty").id}`;
  expect((await api.get(file)).status).toBe(200);
  moved.aheadMs = 61_000;
  expect(await listing()).toMatchObject({ expired: true, artefacts: [], expiresAt: before.expiresAt });
  const gone = await problemOf(await api.get(file));
  expect(gone).toMatchObject({
    status: 410,
    detail: `the artifacts of this run expired at ${String(before.expiresAt)}`,
  });
  expect(await store.runArtifacts.sweep()).toEqual([old.runId]);
  expect((await api.get(file)).status).toBe(410);
  moved.aheadMs = 0;
});

test("a run without artifacts has an empty list, and a run that isn't has none", async () => {
  const other = await api.accept({ stageId: "none" });
  expect((await jsonOf(api.get(`/run/${other.runId}/artifacts`))).artefacts).toEqual([]);
  expect((await api.get("/run/nope/artifacts")).status).toBe(404);
  expect((await api.get(`/run/${run.runId}/artifacts/nope`)).status).toBe(404);
  expect((await api.get(`/run/${other.runId}/artifacts/${artifact("empty").id}`)).status).toBe(404);
  expect((await api.get(`/run/${run.runId}/artifacts/manifest.json`)).status).toBe(404);
});

test("an artifact is downloaded whole, and a browser can only save it", async () => {
  const answer = await api.get(pathOf("bytes.bin"));
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
  expect(answer.headers.get("content-length")).toBe(String(bytes.length));
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
  expect(answer.headers.get("etag")).toBe(`"sha256-${artifact("bytes.bin").sha256}"`);
  expect(answer.headers.get("accept-ranges")).toBe("bytes");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("content-security-policy")).toBe("sandbox");
  expect(answer.headers.get("cache-control")).toBe("private, no-cache");
  expect(answer.headers.get("content-disposition")).toBe(
    `attachment; filename="bytes.bin"; filename*=UTF-8''bytes.bin`,
  );
});

test("a name that a stage chose breaks no header", async () => {
  const answer = await api.get(pathOf(oddName));
  expect(await answer.text()).toBe("<script>alert(1)</script>");
  const disposition = answer.headers.get("content-disposition") ?? "";
  expect(disposition).toMatch(/^attachment; filename="[\w.-]+"; filename\*=UTF-8''[\w.%~!*-]+$/);
  expect(decodeURIComponent(disposition.split("''")[1] ?? "")).toBe(oddName);
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
});

test("an empty artifact is empty", async () => {
  const answer = await api.get(pathOf("empty"));
  expect([answer.status, await answer.text(), answer.headers.get("content-length")]).toEqual([200, "", "0"]);
});

test.each([
  ["bytes=0-9", 0, 10],
  ["bytes=99990-", 99_990, 100_000],
  ["bytes=-5", 99_995, 100_000],
  ["bytes=500-200000", 500, 100_000],
] as const)("the range %s is served", async (range, start, end) => {
  const answer = await api.get(pathOf("bytes.bin"), { range });
  expect(answer.status).toBe(206);
  expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/100000`);
  expect(answer.headers.get("content-length")).toBe(String(end - start));
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes.subarray(start, end));
});

test("a range beyond the end is a 416, and nonsense or several ranges are the whole", async () => {
  const beyond = await api.get(pathOf("bytes.bin"), { range: "bytes=100000-" });
  expect(beyond.status).toBe(416);
  expect(beyond.headers.get("content-range")).toBe("bytes */100000");
  expect(beyond.headers.get("content-type")).toBe("application/problem+json");
  for (const range of ["bytes=5-1", "bytes=0-1,3-4", "lines=1-2", "x"]) {
    const answer = await api.get(pathOf("bytes.bin"), { range });
    expect([range, answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([range, 200, 100_000]);
  }
});

test("If-None-Match and If-Range look at the ETag", async () => {
  const etag = `"sha256-${artifact("bytes.bin").sha256}"`;
  for (const header of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const answer = await api.get(pathOf("bytes.bin"), { "if-none-match": header });
    expect([header, answer.status, await answer.text()]).toEqual([header, 304, ""]);
    expect(answer.headers.get("etag")).toBe(etag);
  }
  expect((await api.get(pathOf("bytes.bin"), { "if-none-match": '"x"' })).status).toBe(200);
  expect((await api.get(pathOf("bytes.bin"), { range: "bytes=0-1", "if-range": etag })).status).toBe(206);
  const changed = await api.get(pathOf("bytes.bin"), { range: "bytes=0-1", "if-range": '"old"' });
  expect([changed.status, (await changed.arrayBuffer()).byteLength]).toEqual([200, 100_000]);
});

test("HEAD tells an artifact's size", async () => {
  const answer = await fetch(api.url + pathOf("bytes.bin"), { method: "HEAD", headers: bearer });
  expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([
    200,
    "100000",
    "",
  ]);
});
