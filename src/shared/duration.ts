const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const longestSeconds = 366 * 86_400;

/** Seconds of "90s", "15m", "1h 30m", "1d"; undefined when it isn't such a text, is nothing, or is more than a year. */
export function parseDuration(text: string): number | undefined {
  if (!/^\d{1,9}[smhd]( ?\d{1,9}[smhd])*$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  const units = parts.map(([, , unit]) => unit ?? "");
  if (new Set(units).size < units.length) return undefined;
  const seconds = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ""] ?? 0),
    0,
  );
  return seconds > 0 && seconds <= longestSeconds ? seconds : undefined;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** "0.4s", "12s", "3m 05s", "1h 02m": short enough for a table. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${String(whole)}s`;
  if (whole < 3600) return `${String(Math.floor(whole / 60))}m ${two(whole % 60)}s`;
  const minutes = Math.round(whole / 60);
  return `${String(Math.floor(minutes / 60))}h ${two(minutes % 60)}m`;
}
