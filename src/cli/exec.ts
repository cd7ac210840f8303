import { strictCommand } from "./command.ts";
import { execFlags, readExecOptions } from "./exec/options.ts";

export const command = strictCommand({
  name: "exec",
  summary: "Runs a manifest's stages in containers, here and now, without a daemon.",
  operands: "[MANIFEST] [STAGE…]",
  maxOperands: Infinity,
  flags: execFlags,
  notes: [
    "MANIFEST has a / or ends in .yml or .yaml; default: .gitfoss-ci.yml, here or at",
    "the top of the repository. STAGE runs with all that it needs; default: all.",
  ],
  examples: ["exec", "exec ci/release.yml test -e LEVEL=2 -j 4"],
  async run(args) {
    const options = readExecOptions(args, process.env);
    const { execute, list } = await import("./exec/execute.ts");
    return options.list ? list(options) : execute(options);
  },
});
