import { expect, test } from "bun:test";
import { mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wantsColour } from "../../../src/cli/colour.ts";
import { settingAt, withoutToken, withSetting } from "../../../src/cli/config-keys.ts";
import { isPublic, readAddresses } from "../../../src/cli/listen.ts";
import { readNonce } from "../../../src/cli/nonce.ts";
import { readWholeNumber } from "../../../src/cli/numbers.ts";
import { resolveRepoRoots } from "../../../src/cli/repo-roots.ts";
import { stateFolder } from "../../../src/cli/state-folder.ts";
import { defaultConfig } from "../../../src/store/config.ts";
import { refusalOf, rejectionOf } from "./rejection.ts";

const registered = {
  ...defaultConfig,
  registration: {
    id: "r1",
    url: "https://f/r1",
    forge: "https://f",
    token: "gfr_secret",
    registeredAt: "2026-01-01T00:00:00.000Z",
  },
};

test("colour follows the flag, FORCE_COLOR, NO_COLOR, TERM=dumb and the terminal, in this order", () => {
  expect(wantsColour("never", { FORCE_COLOR: "1" }, true)).toBe(false);
  expect(wantsColour("always", { NO_COLOR: "1" }, false)).toBe(true);
  expect(wantsColour("auto", { FORCE_COLOR: "1", NO_COLOR: "1" }, false)).toBe(true);
  expect(wantsColour("auto", { NO_COLOR: "1" }, true)).toBe(false);
  expect(wantsColour("auto", { NO_COLOR: "", FORCE_COLOR: "" }, true)).toBe(true);
  expect(wantsColour("auto", { TERM: "dumb" }, true)).toBe(false);
  expect(wantsColour("auto", {}, false)).toBe(false);
});

test("the state folder is the flag's, root's or the user's", () => {
  expect(stateFolder("/x/../y", {}, true)).toBe("/y");
  expect(stateFolder(undefined, { XDG_STATE_HOME: "/s" }, true)).toBe("/var/lib/gitfoss-runner");
  expect(stateFolder(undefined, { XDG_STATE_HOME: "/s" }, false)).toBe("/s/gitfoss-runner");
  expect(stateFolder(undefined, { XDG_STATE_HOME: "relative" }, false)).toEndWith(
    "/.local/state/gitfoss-runner",
  );
});

test("an address to listen on is a host and a port, or a socket", () => {
  expect(readAddresses(undefined, undefined)).toEqual([{ hostname: "127.0.0.1", port: 4483 }]);
  expect(readAddresses("[::1]:0", undefined)).toEqual([{ hostname: "::1", port: 0 }]);
  expect(readAddresses(undefined, "/run/x.sock")).toEqual([{ socket: "/run/x.sock" }]);
  expect(readAddresses("localhost:1", "/s")).toEqual([{ hostname: "localhost", port: 1 }, { socket: "/s" }]);
});

test.each([
  "",
  "4483",
  ":4483",
  "127.0.0.1",
  "127.0.0.1:",
  "a:65536",
  "::1:4483",
  "http://x:1",
  "a b:1",
  "x:-1",
  "x:1 ",
])("%j is no address to listen on", (text) => {
  expect(() => readAddresses(text, undefined)).toThrow("--listen is an address and a port");
});

test("only this machine's own addresses are private", () => {
  const places = [
    "127.0.0.1:1",
    "127.9.9.9:1",
    "localhost:1",
    "[::1]:1",
    "0.0.0.0:1",
    "[::]:1",
    "example.org:1",
    "127.0.0.1.evil.org:1",
  ];
  expect(places.map((place) => readAddresses(place, undefined).some(isPublic))).toEqual([
    false,
    false,
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test("a number is digits within its bounds", () => {
  expect(readWholeNumber("--jobs", "8", { least: 1, most: 10 })).toBe(8);
  for (const text of ["", "0", "11", "-1", "1.5", "1e1", "0x1", " 1", "NaN", "9".repeat(400)]) {
    expect(() => readWholeNumber("--jobs", text, { least: 1, most: 10 })).toThrow(
      "--jobs is a whole number from 1 to 10",
    );
  }
});

test("settings are read by their kind, and refused by name", async () => {
  expect(await withSetting(registered, "grace", ["5"])).toEqual({ ...registered, grace: 5 });
  expect(await withSetting(registered, "cacheLimit", ["10g"])).toEqual({
    ...registered,
    cacheLimit: 10 * 2 ** 30,
  });
  for (const size of ["", "0", "-1", "10x", "1e9"])
    expect(await rejectionOf(withSetting(registered, "cacheLimit", [size]))).toMatchObject({ code: "usage" });
  expect(await withSetting(registered, "concurrency", ["auto"])).toEqual({
    ...registered,
    concurrency: null,
  });
  expect(await withSetting(registered, "successExit", ["0", "3"])).toEqual({
    ...registered,
    successExit: [0, 3],
  });
  expect(await refusalOf(withSetting(registered, "queueLimits", ["1"]))).toContain(
    "did you mean queueLimit?",
  );
  expect(await refusalOf(withSetting(registered, "registration", ["x"]))).toContain(
    'unknown key "registration"',
  );
  expect(await refusalOf(withSetting(registered, "__proto__", ["x"]))).toContain("unknown key");
  expect(await refusalOf(withSetting(registered, "defaultImage", ["a", "b"]))).toContain("takes one value");
  expect(await refusalOf(withSetting(registered, "defaultTimeout", ["soon"]))).toContain("is a duration");
});

test("the token is shown to no one who doesn't ask for it by name", () => {
  expect(JSON.stringify(withoutToken(registered))).not.toContain("gfr_secret");
  expect(JSON.stringify(settingAt(registered, "registration"))).not.toContain("gfr_secret");
  expect(settingAt(registered, "registration.token")).toBe("gfr_secret");
  expect(() => settingAt(registered, "registration.__proto__")).toThrow("unknown key");
  expect(() => settingAt(defaultConfig, "registration.token")).toThrow("unknown key");
});

test("a nonce comes from the flag or the first line of a file, never from both, never empty", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nonce-"));
  const file = join(folder, "nonce");
  await Bun.write(file, "  12345ABCDEF\r\nmore\n");
  expect(await readNonce(undefined, file)).toBe("12345ABCDEF");
  expect(await readNonce("X", undefined)).toBe("X");
  await Bun.write(file, "\nlater\n");
  expect(await refusalOf(readNonce(undefined, file))).toContain("holds no nonce");
  expect(await refusalOf(readNonce("X", file))).toContain("exclude each other");
  expect(await refusalOf(readNonce(undefined, undefined))).toContain("a nonce is needed");
  expect(await refusalOf(readNonce("", undefined))).toContain("the nonce is empty");
  expect(await refusalOf(readNonce("a b", undefined))).toContain("spaces");
  expect(await refusalOf(readNonce("x".repeat(10_000), undefined))).toContain("longer");
  expect(await refusalOf(readNonce(undefined, join(folder, "absent")))).toContain("ENOENT");
  expect(await refusalOf(readNonce(undefined, folder))).toContain("EISDIR");
  expect(await refusalOf(readNonce(undefined, "/dev/zero"))).toContain("the nonce");
  await rm(folder, { recursive: true });
});

test("repository roots are folders that exist, links resolved, each once", async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "roots-")));
  await symlink(folder, join(folder, "link"));
  await Bun.write(join(folder, "file"), "");
  expect(await resolveRepoRoots([folder, join(folder, "link")])).toEqual([folder]);
  expect(await refusalOf(resolveRepoRoots([join(folder, "file")]))).toContain("isn't a folder");
  expect(await refusalOf(resolveRepoRoots([join(folder, "absent")]))).toContain("doesn't exist");
  expect(await refusalOf(resolveRepoRoots([""]))).toContain("is empty");
  expect(await refusalOf(resolveRepoRoots(["a\0b"]))).toContain("doesn't exist");
  await rm(folder, { recursive: true });
});
