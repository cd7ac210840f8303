import { expect, test } from "bun:test";
import { parseArguments } from "../../../../src/cli/arguments.ts";
import { execFlags, readExecOptions } from "../../../../src/cli/exec/options.ts";
import { readPlanOf } from "../../../../src/cli/exec/read-plan.ts";

const manifest = `stages:
  test:
    image: { name: a, pull_policy: never }
    services: [b, { name: c, pull_policy: never }]
    script: [x]
`;

function policiesOf(...words: string[]): readonly string[] {
  const options = readExecOptions(parseArguments(execFlags, words, {}), {});
  const [stage] = readPlanOf({ name: "m.yml", bytes: Buffer.from(manifest) }, options).stages;
  return [stage?.image, ...(stage?.services ?? []).map(({ image }) => image)].map(
    (image) => `${image?.name ?? ""} ${image?.pullPolicy ?? ""}`,
  );
}

test("--pull holds for every image, those of services too", () => {
  expect(policiesOf()).toEqual(["a never", "b if_not_present", "c never"]);
  expect(policiesOf("--pull")).toEqual(["a always", "b always", "c always"]);
});
