import { jsonSchema } from "../manifest/json-schema.ts";
import { strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { writeOut } from "./output.ts";

export const command = strictCommand({
  name: "schema",
  summary: "Prints the manifest's JSON Schema (draft-07), for editors.",
  maxOperands: 0,
  flags: {},
  notes: [
    "With a YAML language server, save it and name it in the manifest's first line:",
    "  # yaml-language-server: $schema=./gitfoss-ci.schema.json",
  ],
  examples: ["schema > gitfoss-ci.schema.json"],
  async run() {
    await writeOut(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
    return exit.ok;
  },
});
