import type { ValidationError } from "elysia";
import type { InputError } from "../shared/errors.ts";
import type { Problem } from "./problem.ts";

/** What is wrong with an input, spot by spot. Names keys, never repeats a value: it may be a secret. */
export function validationProblem(error: ValidationError): Problem {
  const errors = new Map<string, InputError>();
  for (const spot of error.all) {
    if (!("schema" in spot)) continue;
    const path = pathOf(error.type, spot.path);
    if (!errors.has(path)) errors.set(path, { path, message: messageFor(spot.message, spot.schema) });
  }
  const [first] = errors.values();
  return {
    status: 422,
    title: "Invalid request",
    code: "invalid_request",
    ...(first !== undefined && { detail: `${first.path}: ${first.message}` }),
    errors: [...errors.values()],
  };
}

/** "body" and "/variables/A" → "body.variables.A". A key may be anything, so it is made safe to show. */
function pathOf(where: string, pointer: string): string {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return [where, ...keys.map(shown)].join(".");
}

function shown(key: string): string {
  const cut = key.length > 100 ? `${key.slice(0, 100)}…` : key;
  return /^[\w.-]+…?$/.test(cut) ? cut : JSON.stringify(cut);
}

function messageFor(message: string | undefined, schema: object): string {
  if (message === "Unexpected property")
    return "unknownKey" in schema ? String(schema.unknownKey) : "unknown key";
  if (message === "Expected required property") return "is required";
  return "description" in schema ? `must be ${String(schema.description)}` : "isn't valid";
}
