/** "0 B", "1.2 kB", "3.4 MB": thousands, since that is what disks and networks are sold in. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** The other way round: "512m", "1.5g". */
export function sizeText(bytes: number): string {
  const unit = ["t", "g", "m", "k"].find((each) => bytes >= (unitBytes[each] ?? 1));
  if (unit === undefined) return `${String(bytes)}b`;
  return `${String(Number((bytes / (unitBytes[unit] ?? 1)).toFixed(3)))}${unit}`;
}

/** Bytes of "512m", "1.5g", "1024": powers of 1024, as engines have them; undefined when it isn't such a text, or is nothing. */
export function parseBytes(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,12}(?:\.\d{1,3})?)([bkmgt]?)$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(count) * (unitBytes[unit.toLowerCase()] ?? 0));
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}
