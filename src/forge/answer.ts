import { RunnerError } from "../shared/errors.ts";

/** What a forge answers to a registration it accepts. */
export interface GivenByForge {
  readonly id: string;
  readonly token?: string;
  readonly url?: string;
}

/** Keys that aren't known are left alone: a newer forge may send them. */
export function parseAnswer(body: string): GivenByForge {
  const answer = parseObject(body);
  if (answer === undefined) throw invalid("it isn't a JSON object; is that the forge's address?");
  const { id, token, url } = answer;
  if (!matches(id, /^[A-Za-z0-9._-]{1,128}$/))
    throw invalid("its `id` must be 1 to 128 of the characters A-Z a-z 0-9 . _ -");
  if (id === "." || id === "..") throw invalid("its `id` can't be dots alone");
  return {
    id,
    ...(isAbsent(token) ? {} : { token: checkedToken(token) }),
    ...(isAbsent(url) ? {} : { url: checkedUrl(url) }),
  };
}

/** The object that a text holds, if it does. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function checkedToken(token: unknown): string {
  if (matches(token, /^[\x21-\x7e]{8,512}$/)) return token;
  throw invalid("its `token` must be 8 to 512 printable ASCII characters without blanks");
}

function checkedUrl(url: unknown): string {
  if (!matches(url, /^https?:\/\/[\x21-\x7e]{1,2048}$/))
    throw invalid("its `url` must be an http or https URL");
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== "" || parsed.password !== "")
    throw invalid("its `url` must be an http or https URL without user name and password");
  return url;
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function invalid(why: string): RunnerError {
  return new RunnerError("forge_answer_invalid", `the forge's answer can't be used: ${why}`);
}
