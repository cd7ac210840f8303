import type { ErrorCode } from "../shared/errors.ts";

/** Exit codes that don't come from an error. */
export const exit = {
  ok: 0,
  stageFailed: 1,
  usage: 64,
  manifestInvalid: 65,
  manifestMissing: 66,
  internal: 70,
  timeout: 124,
  /** 128 + SIGPIPE, as the shell has it: whoever read our output is gone. */
  outputClosed: 141,
} as const;

/** The one table from errors to exit codes; the numbers are those of sysexits.h where it has one. */
export const exitCodes: Readonly<Record<ErrorCode, number>> = {
  usage: 64,
  invalid_request: 64,
  not_found: 64,
  repository_invalid: 64,
  manifest_invalid: 65,
  manifest_missing: 66,
  image_unavailable: 69,
  engine_unreachable: 69,
  engine_failed: 69,
  service_failed: 69,
  forge_unreachable: 69,
  forge_answer_invalid: 69,
  state_unwritable: 73,
  disk_full: 74,
  checkout_failed: 74,
  artifacts_invalid: 74,
  conflict: 75,
  queue_full: 75,
  shutting_down: 75,
  state_locked: 75,
  forge_refused: 77,
  not_registered: 78,
  config_invalid: 78,
};

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** The signals that end a command. */
export type EndingSignal = keyof typeof signalNumbers;
export const endingSignals: readonly EndingSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** 130 for INT, 143 for TERM, 129 for HUP. */
export function exitOfSignal(signal: EndingSignal): number {
  return 128 + signalNumbers[signal];
}
