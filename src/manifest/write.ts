import { stringify } from "yaml";

/** A value as YAML that people read and that reads back as the same value. */
export function writeYaml(value: unknown): string {
  return stringify(value, { version: "1.2", lineWidth: 0, aliasDuplicateObjects: false });
}
