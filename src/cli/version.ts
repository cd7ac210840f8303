import { COMMIT, VERSION } from "../shared/version.ts";
import { programName, strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { writeOut } from "./output.ts";

export const command = strictCommand({
  name: "version",
  summary: "Shows the version and the commit it was built from.",
  maxOperands: 0,
  flags: { json: { kind: "boolean", about: "one JSON object" } },
  examples: ["version --json"],
  async run(args) {
    const text = args.is("json")
      ? JSON.stringify({ version: VERSION, commit: COMMIT })
      : `${programName} ${VERSION} (commit ${COMMIT})`;
    await writeOut(`${text}\n`);
    return exit.ok;
  },
});
