import { createConsola } from "consola/basic";

/** What a line is about: ids and figures, never a secret. */
export type Facts = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The operator's own log lines. Not the output of stages. */
export interface Logger {
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
}

/** Lines on stderr, since stdout is for data: the message, then `key=value` for each fact. */
export function createLogger(): Logger {
  const console = createConsola({ stdout: process.stderr, stderr: process.stderr });
  return {
    info: (message, facts) => console.info(lineOf(message, facts)),
    warn: (message, facts) => console.warn(lineOf(message, facts)),
    error: (message, facts) => console.error(lineOf(message, facts)),
  };
}

function lineOf(message: string, facts: Facts = {}): string {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return [message, ...known.map(([key, value]) => `${key}=${printable(String(value))}`)].join("  ");
}

/** Facts may come from strangers: no control character of theirs reaches the operator's terminal. */
function printable(value: string): string {
  return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value).replaceAll("\u001b", "\\u001b");
}
