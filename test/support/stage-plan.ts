import type { StagePlan } from "../../src/plan/plan.ts";

/** The plan of a stage that sets nothing but what `changes` says. */
export function stagePlan(changes: Partial<StagePlan> = {}): StagePlan {
  return {
    id: "build",
    image: { name: "alpine:latest", pullPolicy: "if_not_present" },
    shell: "sh",
    beforeScript: [],
    script: ["true"],
    afterScript: [],
    variables: {},
    workingDirectory: ".",
    needs: [],
    when: "on_success",
    timeoutSeconds: 900,
    successExit: [0],
    allowFailure: false,
    gitDepth: 1,
    ...changes,
  };
}
