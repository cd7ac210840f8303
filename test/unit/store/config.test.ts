import { afterAll, expect, test } from "bun:test";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RunnerError } from "../../../src/shared/errors.ts";
import {
  type Config,
  configIsExposed,
  defaultConfig,
  loadConfig,
  parseConfig,
  saveConfig,
} from "../../../src/store/config.ts";
import { failureOf, newFolder, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const registration = {
  id: "r-1",
  url: "https://ci.example/runners/r-1",
  forge: "https://ci.example",
  token: "a-secret-token",
  registeredAt: "2026-01-31T12:00:00.000Z",
};

function errorOf(value: unknown): RunnerError {
  try {
    parseConfig(value);
  } catch (error) {
    if (error instanceof RunnerError) return error;
  }
  throw new Error("it was taken");
}

test("without a file the defaults hold", async () => {
  expect(await loadConfig(newFolder())).toEqual(defaultConfig);
});

test("what is saved is loaded again, and only the owner can read it", async () => {
  const folder = join(newFolder(), "state");
  const config: Config = {
    ...defaultConfig,
    registration,
    repoRoots: ["/srv/git"],
    concurrency: 3,
    successExit: [0, 3],
  };
  await saveConfig(folder, defaultConfig);
  await saveConfig(folder, config);
  expect(await loadConfig(folder)).toEqual(config);
  expect(statSync(join(folder, "config.json")).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(folder)).toEqual(["config.json"]);
});

test("a file that others may read is exposed", async () => {
  const folder = newFolder();
  expect(configIsExposed(folder)).toBe(false);
  await saveConfig(folder, defaultConfig);
  expect(configIsExposed(folder)).toBe(false);
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(join(folder, "config.json"), mode);
    expect(configIsExposed(folder)).toBe(true);
  }
});

test("a ceiling limits what it names", () => {
  const ceiling = { cpus: 1.5, memory: 2 ** 32, pids: 512 };
  expect(parseConfig({ ceiling }).ceiling).toEqual(ceiling);
  expect(parseConfig({ ceiling: { pids: 16 } }).ceiling).toEqual({ pids: 16 });
  expect(parseConfig({ ceiling: null }).ceiling).toBeNull();
});

test("keys that are absent have their defaults", () => {
  expect(parseConfig({ version: 1, grace: 0 })).toEqual({ ...defaultConfig, grace: 0 });
  expect(parseConfig({})).toEqual(defaultConfig);
});

const wrong: Record<keyof Config, readonly unknown[]> = {
  version: [0, 2, "1", null],
  registration: [
    "x",
    1,
    [],
    {},
    { ...registration, token: "" },
    { ...registration, id: 7 },
    { ...registration, registeredAt: "yesterday" },
  ],
  repoRoots: ["/srv", ["relative"], [1], [""], null, ["/a\nb"]],
  defaultImage: ["", 1, null, "a\nb"],
  defaultTimeout: [0, -1, 1.5, "15m", null, 1e12],
  successExit: [[], [256], [-1], [0.5], 0, ["0"], null],
  concurrency: [0, -1, 1.5, "2", 1e9],
  queueLimit: [0, -1, null, "many"],
  grace: [-1, 0.5, null, "10s"],
  ceiling: [
    "4g",
    [],
    4,
    { cpus: 0 },
    { cpus: "2" },
    { memory: 1024 },
    { memory: "4g" },
    { pids: 1 },
    { pods: 2 },
  ],
  cacheLimit: [0, -1, 1.5, null, "10g"],
};

for (const [key, values] of Object.entries(wrong)) {
  test(`a wrong ${key} is named with what was expected`, () => {
    for (const value of values) {
      const error = errorOf({ [key]: value });
      expect(error.code).toBe("config_invalid");
      expect(error.errors[0]?.path.startsWith(key)).toBe(true);
      expect(error.message).toMatch(new RegExp(`"${key}[.a-zA-Z]*" (must be \\S+|is missing)`));
    }
  });
}

test("all that is wrong is said at once, slips with the key that was meant", () => {
  const error = errorOf({ gracee: 1, grace: "x", registration: { ...registration, tokn: "y" } });
  expect(error.errors).toEqual([
    { path: "gracee", message: 'unknown key "gracee"; did you mean "grace"?' },
    { path: "grace", message: '"grace" must be seconds, a whole number from 0 to 86400, not "x"' },
    {
      path: "registration.tokn",
      message: 'unknown key "registration.tokn"; did you mean "registration.token"?',
    },
  ]);
});

test("nothing of a registration is repeated in an error", () => {
  const secret = "hunter2hunter2";
  for (const value of [
    secret,
    { ...registration, token: `${secret}\n` },
    { ...registration, id: [secret] },
  ]) {
    expect(errorOf({ registration: value }).message).not.toContain(secret);
  }
});

test("files that are no configuration are refused, never replaced", async () => {
  const folder = newFolder();
  for (const text of ["", "{", "null", "[]", '"x"', "\0", "{}{}", '{"__proto__":1}']) {
    writeFileSync(join(folder, "config.json"), text);
    expect(await failureOf(loadConfig(folder))).toMatchObject({ code: "config_invalid" });
  }
  writeFileSync(join(folder, "config.json"), "\uFEFF{}");
  expect(await loadConfig(folder)).toEqual(defaultConfig);
});

test("a wrong configuration is not saved", async () => {
  const folder = newFolder();
  expect(await failureOf(saveConfig(folder, { ...defaultConfig, grace: -1 }))).toMatchObject({
    code: "config_invalid",
  });
  expect(readdirSync(folder)).toEqual([]);
});
