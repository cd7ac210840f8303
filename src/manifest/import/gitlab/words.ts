import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import { countIn, durationOf, flagIn, orNone, under, wordIn } from "../values.ts";

export const manualAdvice =
  'there is no waiting for a click, so it never runs; a rule such as if: $DEPLOY == "yes", with the variable given by the trigger, does it';

const retryCauses: Readonly<Record<string, string>> = {
  always: "always",
  unknown_failure: "engine",
  script_failure: "script",
  api_failure: "engine",
  stuck_or_timeout_failure: "timeout",
  job_execution_timeout: "timeout",
  runner_system_failure: "engine",
  data_integrity_failure: "engine",
};

export function retryOf(item: Item): unknown {
  if (!item.isMap) return countIn(item, 10);
  const causes = under(item, "when", causesOf);
  return {
    max: under(item, "max", (max) => countIn(max, 10)) ?? 0,
    when: causes?.includes("always") === true ? undefined : causes,
    exit_codes: under(item, "exit_codes", codesOf),
  };
}

function causesOf(item: Item): string[] | undefined {
  return orNone([...new Set(item.list().flatMap((cause) => wordIn(cause, retryCauses) ?? []))]);
}

function codesOf(item: Item): number[] | undefined {
  return orNone(item.list().flatMap((code) => countIn(code, 255) ?? []));
}

export function allowFailureOf(item: Item): boolean | Keys | undefined {
  if (!item.isMap) return flagIn(item);
  const codes = under(item, "exit_codes", codesOf);
  return codes === undefined ? undefined : { exit_codes: codes };
}

export function timeoutOf(item: Item): string | undefined {
  const { text = "" } = item;
  return durationOf(text) ?? item.leave('a timeout here is written like "1h 30m"', `timeout: ${text}`);
}
