import { afterAll, expect, test } from "bun:test";
import { admit } from "../../../src/runner/intake.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import { defaultConfig, type Config } from "../../../src/store/config.ts";
import { createRepository } from "../../support/repository.ts";

const manifest = `
stages:
  modest: { script: make }
  greedy: { script: make, resources: { memory: 8g, cpus: 1 } }
`;
const repository = await createRepository({ files: { ".gitfoss-ci.yml": manifest } });
afterAll(() => repository.remove());

const names = { pipelineId: "p1", orgId: "o1", repoId: "r1", gitRepoDir: repository.folder };

function admitted(stageId: string, ceiling: Config["ceiling"]) {
  const config = { ...defaultConfig, repoRoots: [repository.folder], ceiling };
  return admit({ ...names, stageId }, config, AbortSignal.timeout(10_000));
}

test("a trigger whose stage asks for more than the ceiling is refused, and told of key, asked and allowed", async () => {
  const error: unknown = await admitted("greedy", { memory: 2 ** 32 }).catch((thrown: unknown) => thrown);
  if (!(error instanceof RunnerError)) throw new Error("it was admitted");
  expect(error.code).toBe("invalid_request"); // 422
  expect(error.errors.map(({ path }) => path)).toEqual(["stages.greedy.resources.memory"]);
  expect(error.message).toContain("resources.memory 8g, and this runner allows 4g at most");
});

test("a stage that asks for nothing is admitted with what the ceiling allows", async () => {
  const [modest] = await admitted("modest", { memory: 2 ** 32, pids: 99 });
  expect(modest?.plan.resources).toEqual({ memoryBytes: 2 ** 32, pids: 99 });
  expect((await admitted("greedy", null))[0]?.plan.resources).toEqual({ memoryBytes: 2 ** 33, cpus: 1 });
});
