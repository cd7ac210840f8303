/** Bytes of a file, `end` not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A Range header with one range of bytes. Undefined when there is none, or one that a server may ignore and then
 * sends the whole (RFC 9110, 14.2): another unit, several ranges, nonsense.
 */
export function rangeOf(header: string | null, sizeBytes: number): ByteRange | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || first + last === "") return undefined;
  return first === "" ? lastBytes(Number(last), sizeBytes) : bytesFrom(Number(first), last, sizeBytes);
}

function bytesFrom(start: number, last: string, sizeBytes: number): ByteRange | "unsatisfiable" | undefined {
  const end = last === "" ? sizeBytes : Number(last) + 1;
  if (last !== "" && end <= start) return undefined;
  return start >= sizeBytes ? "unsatisfiable" : { start, end: Math.min(end, sizeBytes) };
}

function lastBytes(count: number, sizeBytes: number): ByteRange | "unsatisfiable" {
  if (count === 0 || sizeBytes === 0) return "unsatisfiable";
  return { start: Math.max(0, sizeBytes - count), end: sizeBytes };
}
