import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { commitAll } from "./support/commit.ts";
import { isObject, startDaemon, type Daemon } from "./support/daemon.ts";

const manifest = `default: { image: "gitfoss-test/busybox:1" }
stages:
  test:
    matrix: { N: [1, 2], OS: [x] }
    rules: [{ if: $SKIP != $N }]
    script: ["echo $N on $OS >out.$N", "test $N != $FAILS"]
    artifacts: { paths: ["out.$N"], when: always }
  publish:
    needs: [test]
    script: cat out.*
`;

let folder: string;
let repository: string;
let daemon: Daemon;

beforeAll(async () => {
  await requireEngine();
  await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-matrix-"));
  repository = join(folder, "repository");
  await mkdir(repository);
  await Bun.write(join(repository, ".gitfoss-ci.yml"), manifest);
  commitAll(repository);
  daemon = await startDaemon({ roots: [folder] });
});
afterAll(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

async function trigger(stageId: string, pipelineId: string, variables: Record<string, string>, key?: string) {
  const body = { pipelineId, orgId: "o", repoId: "r", gitRepoDir: repository, stageId, variables };
  const answer = await daemon.request("/trigger", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) },
  });
  const parsed: unknown = await answer.json();
  if (!isObject(parsed)) throw new Error("no object");
  return { status: answer.status, answer: parsed };
}

function idsIn(answer: Record<string, unknown>): string[] {
  const runs = Array.isArray(answer["runs"]) ? answer["runs"].filter(isObject) : [];
  return runs.map((run) => String(run["runId"]));
}

test("a matrix is triggered as a whole, and what needs it waits for all of it", async () => {
  const { answer } = await trigger("test", "p1", { FAILS: "0" }, "key-1");
  expect(answer).toMatchObject({
    pipelineId: "p1",
    stageId: "test:1:x",
    status: "PENDING",
    runs: [{ stageId: "test:1:x" }, { stageId: "test:2:x" }],
  });
  const publish = await trigger("publish", "p1", {});
  expect((await trigger("test", "p1", { FAILS: "0" }, "key-1")).answer["runs"]).toMatchObject(
    idsIn(answer).map((runId) => ({ runId })),
  );
  expect(await daemon.final(String(publish.answer["runId"]))).toMatchObject({ status: "SUCCESS" });
  expect(await daemon.logs(String(publish.answer["runId"]))).toBe("1 on x\n2 on x\n");
  expect(await daemon.json("/stage/test")).toMatchObject({
    pipelineId: "p1",
    stageId: "test",
    status: "SUCCESS",
  });
  const logs = await daemon.request("/stage/test/logs");
  expect([logs.status, await logs.text()]).toEqual([422, expect.stringContaining("test:1:x, test:2:x")]);
});

test("one combination that fails fails the matrix; one that is left out doesn't", async () => {
  const { answer } = await trigger("test", "p2", { FAILS: "2", SKIP: "1" });
  for (const runId of idsIn(answer)) await daemon.final(runId);
  expect(await daemon.json("/stage/test?pipelineId=p2")).toMatchObject({
    status: "FAILURE",
    cause: "script",
    runs: [{ status: "PASSED" }, { status: "FAILURE" }],
  });
  const publish = await trigger("publish", "p2", {});
  expect(await daemon.final(String(publish.answer["runId"]))).toMatchObject({ status: "PASSED" });
});

test("all combinations are accepted or none", async () => {
  const { status, answer } = await trigger("nope", "p3", {});
  expect([status, answer["detail"]]).toEqual([422, "the manifest has no such stage; it has test, publish"]);
});
