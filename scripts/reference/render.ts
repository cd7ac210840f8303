import {
  isList,
  isObject,
  literalsOf,
  mapOf,
  plainSchema,
  textOf,
  type Json,
  type JsonObject,
} from "../../src/manifest/json-schema.ts";

/* The reference in docs/manifest.md: every key of the schema, in tables. */

const begin = "<!-- reference: made by `bun run reference` -->";
const end = "<!-- end of the reference -->";

interface Row {
  readonly name: string;
  readonly schema: JsonObject;
  readonly isRequired: boolean;
}

/** The document with its reference made anew. */
export function withReference(document: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the document has no "${begin}" … "${end}"`);
  return `${document.slice(0, from + begin.length)}\n${renderReference()}${document.slice(to)}`;
}

function renderReference(): string {
  const root = plainSchema();
  const top = rowsOf(root, "").filter(({ name }) => !name.includes("."));
  const stages = top.find(({ name }) => name === "stages")?.schema;
  const stage = Object.values(stages === undefined ? {} : mapOf(stages["patternProperties"])).find(isObject);
  if (stage === undefined) throw new Error("the schema has no stages");
  const sections = { "At the top": top, "In a stage": rowsOf(stage, "") };
  const texts = Object.entries(sections).map(
    ([title, rows]) => `\n### ${title}\n\n${table(rows).join("\n")}\n`,
  );
  return `${texts.join("")}\n`;
}

function table(rows: readonly Row[]): string[] {
  const lines = rows.map(({ name, schema, isRequired }) => {
    const cells = [
      `\`${name}\``,
      formOf(schema),
      isRequired ? "required" : defaultOf(schema),
      meaningOf(schema),
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;
  });
  return ["| key | form | default | meaning |", "|---|---|---|---|", ...lines];
}

function formOf({ anyOf, description }: JsonObject): string {
  const values = literalsOf(anyOf);
  if (values !== undefined) return values.map((value) => `\`${textOf(value)}\``).join(", ");
  return textOf(description);
}

function defaultOf({ default: value, otherwise }: JsonObject): string {
  if (otherwise !== undefined) return textOf(otherwise);
  return value === undefined ? "" : `\`${asYaml(value)}\``;
}

function meaningOf({ about, examples }: JsonObject): string {
  const shown = isList(examples) ? examples.map((example) => `\`${asYaml(example)}\``).join(", ") : "";
  return `${textOf(about)}${shown === "" ? "" : ` Example: ${shown}`}`;
}

/** In one line, as people write it. */
function asYaml(value: Json): string {
  if (isList(value)) return `[${value.map(asYaml).join(", ")}]`;
  if (isObject(value)) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key}: ${asYaml(each)}`)
      .join(", ")} }`;
  }
  if (typeof value !== "string") return String(value);
  return /^(?=.*[A-Za-z.])[\w$./-][^:#"]*(:(?=.*[A-Za-z])\S[^#"]*)?$/.test(value) ? value : `'${value}'`;
}

/** The keys that a value may have, with those of the maps within them: `image.name`, `rules[].if`. */
function rowsOf(schema: JsonObject, prefix: string): Row[] {
  return mapsIn(schema, prefix).flatMap(({ map, at }) => {
    const required = isList(map["required"]) ? map["required"] : [];
    return Object.entries(mapOf(map["properties"])).flatMap(([key, each]): Row[] => {
      if (!isObject(each)) return [];
      const name = `${at}${key}`;
      const isRequired = required.includes(key);
      return [{ name, schema: each, isRequired }, ...rowsOf(each, `${name}.`)];
    });
  });
}

/** The maps that a value may be, or may hold: itself, an alternative, an entry of a list. */
function mapsIn(schema: JsonObject, prefix: string): { readonly map: JsonObject; readonly at: string }[] {
  if (schema["properties"] !== undefined) return [{ map: schema, at: prefix }];
  const { anyOf, items, patternProperties } = schema;
  const alternatives = (isList(anyOf) ? anyOf : []).filter(isObject);
  const seen = new Set<string>();
  return [
    ...alternatives.flatMap((one) => mapsIn(one, prefix)),
    ...(isObject(items) ? mapsIn(items, prefix.replace(/\.$/, "[].")) : []),
    ...Object.values(mapOf(patternProperties))
      .filter(isObject)
      .flatMap((each) => mapsIn(each, `${prefix}NAME.`)),
  ].filter(({ map }) => {
    const text = JSON.stringify(map);
    return seen.has(text) ? false : seen.add(text);
  });
}
