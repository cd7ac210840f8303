import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { install, installer, openBench, program, type Bench, type Shell } from "../support/release.ts";

const name = "gitfoss-ci-runner";
const asset = `${name}-linux-${process.arch === "arm64" ? "arm64" : "x64"}`;

let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  await bench.publish(program("9.1.0"), asset);
});

afterEach(() => bench.remove());

const dash: Shell = { name: "dash", command: ["dash"], path: "/usr/bin:/bin" };

/** All of busybox's own tools and nothing else: no curl, and its own wget, cp and sha256sum. */
const busyboxPath = join(tmpdir(), `gitfoss-busybox-${process.pid}`);
const busybox: Shell = { name: "busybox sh", command: ["busybox", "sh"], path: busyboxPath };

async function installBusybox(): Promise<void> {
  await mkdir(busyboxPath, { recursive: true });
  Bun.spawnSync(["busybox", "--install", "-s", busyboxPath]);
  expect(await readdir(busyboxPath)).toContain("sha256sum");
}

beforeEach(installBusybox);
afterEach(() => rm(busyboxPath, { recursive: true, force: true }));

/** Serves the release over HTTP as `answer` says. */
function serve(answer: (path: string) => Response | Promise<Response>): {
  url: string;
  stop(): Promise<void>;
} {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => answer(new URL(request.url).pathname),
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

const asFiles = (path: string) => new Response(Bun.file(join(bench.release, path)));

for (const shell of [dash, busybox]) {
  const run = (...args: readonly string[]) => install(shell, ["--bin-dir", bench.target, ...args]);
  const fromFolder = (...args: readonly string[]) => run("--from", bench.release, ...args);

  describe(`install.sh in ${shell.name}`, () => {
    test("installs the binary of this machine from a folder", async () => {
      const { code, said } = await fromFolder();
      expect(said).toContain(`Installed ${bench.target}/${name} (${name} 9.1.0 (commit abc1234))`);
      expect(code).toBe(0);
      expect(await bench.installed()).toEqual({ [name]: program("9.1.0") });
      expect(Bun.spawnSync([join(bench.target, name), "version"]).stdout.toString()).toContain("9.1.0");
    });

    test("installs from an address", async () => {
      const server = serve(asFiles);
      const { code } = await run("--from", `${server.url}/`);
      await server.stop();
      expect(code).toBe(0);
      expect(await bench.installed()).toEqual({ [name]: program("9.1.0") });
    });

    test("replaces an older one, and leaves nothing else behind", async () => {
      await fromFolder();
      await bench.publish(program("9.2.0"), asset);
      expect((await fromFolder()).code).toBe(0);
      expect(await bench.installed()).toEqual({ [name]: program("9.2.0") });
    });

    test("says so when the same binary is there already", async () => {
      await fromFolder();
      const { code, said } = await fromFolder();
      expect(said).toContain("nothing to do");
      expect(code).toBe(0);
    });

    test("installs nothing with --dry-run", async () => {
      const { code, said } = await fromFolder("--dry-run");
      expect(said).toContain(`Would install ${asset}`);
      expect(code).toBe(0);
      expect(await bench.installed()).toEqual({});
    });

    test("takes a version from the folder of its name, and no other version", async () => {
      await mkdir(join(bench.release, "9.1.0"));
      await mkdir(join(bench.release, "9.3.0"));
      for (const file of [asset, "SHA256SUMS"]) {
        await Bun.write(join(bench.release, "9.1.0", file), Bun.file(join(bench.release, file)));
        await Bun.write(join(bench.release, "9.3.0", file), Bun.file(join(bench.release, file)));
      }
      expect((await fromFolder("--version=9.3.0")).said).toContain("asked for version 9.3.0");
      expect(await bench.installed()).toEqual({});
      expect((await fromFolder("--version", "9.1.0")).code).toBe(0);
    });

    describe("keeps what is installed and stops", () => {
      beforeEach(async () => {
        await fromFolder();
        await bench.publish(program("9.2.0"), asset);
      });

      afterEach(async () => {
        expect(await bench.installed()).toEqual({ [name]: program("9.1.0") });
      });

      async function expectRefusal(reason: string, from = bench.release): Promise<void> {
        const { code, said } = await run("--from", from);
        expect(said).toContain(reason);
        expect(code).toBe(1);
      }

      test("when the binary was tampered with", async () => {
        await Bun.write(join(bench.release, asset), `${program("9.2.0")}# and more\n`);
        await expectRefusal("wrong checksum");
      });

      test("when there are no checksums", async () => {
        await rm(join(bench.release, "SHA256SUMS"));
        await expectRefusal("can't get SHA256SUMS");
      });

      test("when the checksums are those of other files", async () => {
        const sums = await Bun.file(join(bench.release, "SHA256SUMS")).text();
        await Bun.write(join(bench.release, "SHA256SUMS"), sums.replace(asset, `not-${asset}`));
        await expectRefusal(`has no checksum for ${asset}`);
      });

      for (const nonsense of [
        "",
        "x",
        `${"0".repeat(63)}  ${asset}\n`,
        `${"*".repeat(64)}  ${asset}\n`,
        "<html>\n",
      ]) {
        test(`when the checksums are ${JSON.stringify(nonsense.slice(0, 12))}`, async () => {
          await Bun.write(join(bench.release, "SHA256SUMS"), nonsense);
          await expectRefusal("has no checksum");
        });
      }

      test("when the binary doesn't run here", async () => {
        await bench.publish("#!/bin/sh\necho oh no\nexit 3\n", asset);
        await expectRefusal("doesn't run on this machine: oh no");
      });

      test("when the release has no binary for this machine", async () => {
        await rm(join(bench.release, asset));
        await expectRefusal(`can't get ${asset}`);
      });

      test("when the download is cut off", async () => {
        const half = program("9.2.0").slice(0, 20);
        const server = serve((path) => (path.endsWith(asset) ? new Response(half) : asFiles(path)));
        await expectRefusal("wrong checksum", server.url);
        await server.stop();
      });

      test("when the server has an error page for everything", async () => {
        const server = serve(() => new Response("<html>", { status: 500 }));
        await expectRefusal("can't get SHA256SUMS", server.url);
        await server.stop();
      });
    });

    test("does nothing when it was cut off while it was downloaded", async () => {
      const script = await Bun.file(installer).text();
      const whole = script.trimEnd().length;
      const cuts = new Set(Array.from({ length: 40 }, (_, index) => whole - 1 - index));
      for (let cut = 0; cut < whole; cut += 151) cuts.add(cut);
      for (const cut of cuts) {
        await install(shell, ["--bin-dir", bench.target, "--from", bench.release], script.slice(0, cut));
        expect({ cut, installed: await bench.installed() }).toEqual({ cut, installed: {} });
      }
    });

    test("names what is wrong with the arguments", async () => {
      const wrong = [
        [["--bin-dirr", "/x"], 'unknown argument "--bin-dirr"'],
        [[], "where from?"],
        [["--from"], "--from needs a value"],
        [["--from="], "--from needs a value"],
        [["--from", bench.release, "--version", "../../etc"], "is no version"],
        [["--from", bench.release, "rm -rf"], 'unknown argument "rm -rf"'],
      ] as const;
      for (const [args, message] of wrong) {
        const { code, said } = await install(shell, args);
        expect(said).toContain(message);
        expect(code).toBe(64);
      }
      expect((await install(shell, ["--help"])).code).toBe(0);
    });
  });
}
