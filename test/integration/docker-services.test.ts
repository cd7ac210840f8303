import { afterAll, beforeAll, expect, test } from "bun:test";
import Docker from "dockerode";
import { DockerEngine } from "../../src/engine/docker/docker-engine.ts";
import { listeningPorts } from "../../src/engine/docker/listening.ts";
import { docker, expectNothingLeft, labelledObjects, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";

const runnerId = `beside-${String(process.pid)}`;
const never = new AbortController().signal;
/** More than the engine's own pools are for. */
const count = 36;

beforeAll(requireEngine);
afterAll(() => expectNothingLeft(runnerId));

test("more runs at a time have networks than the engine's pools are for", async () => {
  const engine = new DockerEngine({ runnerId });
  const runs = Array.from({ length: count }, (_, index) => `${runnerId}-${String(index)}`);
  try {
    await Promise.all(runs.map((runId) => engine.services.connect({ runId, stageId: "s" }, never)));
    const names = await docker("network", "ls", "--format", "{{.Name}}", "--filter", `name=${runnerId}`);
    const format = "{{range .IPAM.Config}}{{.Subnet}}{{end}}";
    const subnets = await docker("network", "inspect", "--format", format, ...names.split("\n"));
    expect(new Set(subnets.split("\n")).size).toBe(count);
    expect(subnets).toMatch(/^198\.1[89]\.\d+\.\d+\/27$/m);
  } finally {
    expect(await engine.sweep(new Set())).toHaveLength(count);
  }
});

test("what a killed process had asked for is in nobody's way, and goes with the run", async () => {
  const engine = new DockerEngine({ runnerId });
  const runId = `${runnerId}-stray`;
  const network = `gitfoss-${runId}`;
  const labels = [`dev.gitfoss.runner=${runnerId}`, `dev.gitfoss.run=${runId}`].flatMap((label) => [
    "--label",
    label,
  ]);
  const image = await requireImages("busybox");
  const spec = {
    runId,
    stageId: "s",
    alias: "db",
    names: ["db"],
    image: { name: image, pullPolicy: "never" } as const,
    command: ["sleep", "600"],
    environment: {},
  };
  try {
    await docker("network", "create", ...labels, network);
    await docker("create", "--name", `${network}-db`, ...labels, image, "true");
    await engine.services.connect({ runId, stageId: "s" }, never);
    await engine.services.start(spec, never);
    expect(await engine.services.ready(spec, never)).toEqual({ by: "running" });
    expect(await labelledObjects(runnerId)).toHaveLength(3);
  } finally {
    await engine.remove(runId);
  }
  expect(await labelledObjects(runnerId)).toEqual([]);
});

test("what isn't ours is left alone, although it's called alike", async () => {
  const engine = new DockerEngine({ runnerId });
  const runId = `${runnerId}-foreign`;
  const network = `gitfoss-${runId}-abcdef`;
  await docker("network", "create", network);
  try {
    await engine.services.connect({ runId, stageId: "s" }, never);
    await engine.remove(runId);
    expect(await docker("network", "ls", "--format", "{{.Name}}", "--filter", `name=${runId}`)).toBe(network);
  } finally {
    await docker("network", "rm", network);
  }
});

test("ports are seen from inside where this machine isn't the engine's, and not at all without cat", async () => {
  const image = await requireImages("busybox");
  const run = (script: string) =>
    docker(
      "run",
      "--detach",
      "--label",
      `dev.gitfoss.runner=${runnerId}`,
      "--log-driver",
      "none",
      image,
      "sh",
      "-c",
      script,
    );
  const seen = async (id: string) => {
    const container = new Docker().getContainer(id);
    return listeningPorts({ container, pid: process.pid, id }, never);
  };
  const listens = await run("exec httpd -f -p 8080");
  const blind = await run("rm /bin/cat; exec httpd -f -p 8080");
  try {
    let ports = await seen(listens);
    while (ports?.length === 0) ports = await seen(listens);
    expect(ports).toEqual([8080]);
    await docker("exec", blind, "sh", "-c", "while test -e /bin/cat; do sleep 0.1; done");
    expect(await seen(blind)).toBeUndefined();
  } finally {
    await docker("rm", "--force", listens, blind);
  }
});
