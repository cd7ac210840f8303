/* Amounts as a manifest has them. */

const spans = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** "1h 30m" of 5400. */
export function spanOf(seconds: number): string {
  let left = seconds;
  const parts: string[] = [];
  for (const [unit, length] of spans) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) parts.push(`${String(count)}${unit}`);
  }
  return parts.join(" ");
}

const sizes = ["", "k", "m", "g", "t"] as const;

/** "512m" of 536870912; the largest unit in which it's a whole number. */
export function sizeOf(bytes: number): string {
  let count = bytes;
  let unit = 0;
  while (count % 1024 === 0 && unit < sizes.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${String(count)}${sizes[unit] ?? ""}`;
}
