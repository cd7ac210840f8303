import type { LogLine } from "../../events/event.ts";

/** Reads whole NDJSON lines of a stored log. What isn't a log line is left out. */
export function parseLogLines(chunk: Uint8Array): LogLine[] {
  const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("utf8");
  return text.split("\n").flatMap((json) => {
    if (json === "") return [];
    const line: unknown = JSON.parse(json);
    return isLogLine(line) ? [line] : [];
  });
}

function isLogLine(value: unknown): value is LogLine {
  return typeof value === "object" && value !== null && "seq" in value && "stream" in value && hasText(value);
}

function hasText(value: object): boolean {
  return "text" in value && typeof value.text === "string";
}
