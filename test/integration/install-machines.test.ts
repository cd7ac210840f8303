import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { install, openBench, program, type Bench, type Shell } from "../support/release.ts";

const name = "gitfoss-ci-runner";
const asset = `${name}-linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
const basics = [
  "sh",
  "id",
  "uname",
  "ldd",
  "mktemp",
  "rm",
  "cp",
  "mv",
  "mkdir",
  "chmod",
  "cut",
  "grep",
  "cat",
];
const dash: Shell = { name: "dash", command: ["dash"], path: "/usr/bin:/bin" };

let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  await bench.publish(program("9.1.0"), asset);
});

afterEach(() => bench.remove());

describe("install.sh on another machine", () => {
  const run = (path: string, ...args: readonly string[]) =>
    install({ ...dash, path }, ["--from", bench.release, "--bin-dir", bench.target, ...args]);

  test("stops when nothing can check the download", async () => {
    const path = await bench.folderOfTools("bare", basics);
    const { code, said } = await run(path);
    expect(said).toContain("sha256sum, shasum or openssl is needed");
    expect(code).toBe(1);
    expect(await bench.installed()).toEqual({});
  });

  for (const hasher of ["sha256sum", "shasum", "openssl"]) {
    test(`checks with ${hasher}`, async () => {
      expect(Bun.which(hasher)).not.toBeNull();
      const path = await bench.folderOfTools(hasher, [...basics, hasher, "perl"]);
      expect((await run(path)).said).toContain("Installed");
      await Bun.write(join(bench.release, asset), "tampered");
      expect((await run(path)).said).toContain("wrong checksum");
    });
  }

  test("stops when an address is given and nothing can download", async () => {
    const path = await bench.folderOfTools("bare", [...basics, "sha256sum"]);
    const { code, said } = await run(path, "--from", "http://127.0.0.1:9/");
    expect(said).toContain("curl or wget is needed");
    expect(code).toBe(1);
  });

  test("picks the binary by system, processor and libc", async () => {
    const path = await bench.folderOfTools("fake", [
      ...basics.filter((tool) => tool !== "uname" && tool !== "ldd"),
      "sha256sum",
    ]);
    const cases = [
      ["Linux", "x86_64", "GLIBC 2.36", "linux-x64"],
      ["Linux", "aarch64", "GLIBC 2.36", "linux-arm64"],
      ["Linux", "x86_64", "musl libc (x86_64)", "linux-x64-musl"],
      ["Linux", "arm64", "musl libc (aarch64)", "linux-arm64-musl"],
      ["Darwin", "arm64", "none", "darwin-arm64"],
    ] as const;
    await bench.publish(program("9.1.0"), ...cases.map((one) => `${name}-${one[3]}`));
    for (const [system, processor, libc, expected] of cases) {
      await bench.script(
        join(path, "uname"),
        `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${processor}\n`,
      );
      await bench.script(join(path, "ldd"), `#!/bin/sh\necho "${libc}" >&2\nexit 1\n`);
      expect((await run(path, "--dry-run")).said).toContain(`Would install ${name}-${expected} (`);
    }
  });

  test("names a system and a processor that there is no binary for", async () => {
    const path = await bench.folderOfTools("fake", [
      ...basics.filter((tool) => tool !== "uname"),
      "sha256sum",
    ]);
    await bench.script(join(path, "uname"), '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo riscv64\n');
    expect(await run(path)).toMatchObject({
      code: 1,
      said: expect.stringContaining("no binary for riscv64"),
    });
    await bench.script(join(path, "uname"), "#!/bin/sh\necho SunOS\n");
    expect(await run(path)).toMatchObject({ code: 1, said: expect.stringContaining("no binary for SunOS") });
  });

  test("says what to do when the target can't be written to", async () => {
    await mkdir(bench.target, { recursive: true, mode: 0o755 });
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const command = process.getuid?.() === 0 ? [...asNobody, "dash"] : ["dash"];
    if (process.getuid?.() !== 0) Bun.spawnSync(["chmod", "555", bench.target]);
    const args = ["--from", bench.release, "--bin-dir", bench.target];
    const { code, said } = await install({ ...dash, command }, args);
    expect(said).toContain(`can't write to ${bench.target}; run this as root, or give --bin-dir`);
    expect(code).toBe(1);
    expect(await bench.installed()).toEqual({});
  });
});
