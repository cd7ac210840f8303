/** Says whether JSON from outside has the form that its user relies on. Keys it doesn't know are let through: a newer version may have added them. */
export type Shape = (value: unknown) => boolean;

export const text: Shape = (value) => typeof value === "string";
export const flag: Shape = (value) => typeof value === "boolean";
export const number: Shape = (value) => typeof value === "number" && Number.isFinite(value);
export const count: Shape = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function oneOf(...values: readonly unknown[]): Shape {
  return (value) => values.includes(value);
}

export function either(...shapes: readonly Shape[]): Shape {
  return (value) => shapes.some((shape) => shape(value));
}

export function nullable(shape: Shape): Shape {
  return (value) => value === null || shape(value);
}

/** For a key of `record` that may be absent. */
export function optional(shape: Shape): Shape {
  return (value) => value === undefined || shape(value);
}

export function list(shape: Shape): Shape {
  return (value) => Array.isArray(value) && value.every(shape);
}

export function mapOf(shape: Shape): Shape {
  return (value) => isRecord(value) && Object.values(value).every(shape);
}

export function record(shapes: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(shapes);
  return (value) =>
    isRecord(value) &&
    entries.every(([key, shape]) => shape(Object.hasOwn(value, key) ? value[key] : undefined));
}
