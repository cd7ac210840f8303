/** The two clocks of a computer. Injected, so that tests own time. */
export interface Clock {
  /** Wall time, milliseconds since the epoch: for display and for deadlines that outlive the process. */
  now(): number;
  /** Milliseconds that only grow: for durations. Its zero means nothing. */
  elapsed(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
};

/** RFC 3339 in UTC, with milliseconds. */
export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
