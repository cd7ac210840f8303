import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type {
  Cursor,
  Delivery,
  Engine,
  Exit,
  OutputBatch,
  OutputLine,
  StageHandle,
  StageSpec,
} from "../../src/engine/engine.ts";
import { codeOf, type EngineUnderTest } from "./engine-under-test.ts";
import { servicesContract } from "./services-contract.ts";

const never = new AbortController().signal;

/** What every engine must hold. docs: src/engine/engine.ts. */
export function engineContract(under: EngineUnderTest): void {
  servicesContract(under);
  describe(`the engine contract, held by ${under.name}`, () => {
    let engine: Engine;
    let folder: string;
    let count = 0;

    beforeAll(async () => {
      folder = await mkdtemp(`${tmpdir()}/engine-`);
      engine = await under.open();
    });
    afterAll(async () => {
      const removed = await engine.sweep(new Set());
      await rm(folder, { recursive: true, force: true });
      expect(removed).toEqual([]); // every case cleans up after itself
    });

    async function specOf(script: readonly string[], more: Partial<StageSpec> = {}): Promise<StageSpec> {
      const runId = `contract-${String(process.pid)}-${String(++count)}`;
      const spec: StageSpec = {
        runId,
        stageId: "stage",
        image: { name: under.image, pullPolicy: "if_not_present" },
        shell: under.shell,
        beforeScript: [],
        script,
        afterScript: [],
        workingDirectory: ".",
        workspace: `${folder}/${runId}/workspace`,
        room: `${folder}/${runId}/room`,
        ephemeral: false,
        ...more,
      };
      await mkdir(spec.workspace, { recursive: true });
      return spec;
    }

    async function begin(spec: StageSpec, delivery: Delivery = { environment: {} }): Promise<StageHandle> {
      await engine.pull(spec.image, () => {}, never);
      const handle = await engine.create(spec, never);
      await engine.start(handle, never);
      await engine.open(handle, delivery, never);
      return handle;
    }

    async function read(
      handle: StageHandle,
      cursor?: Cursor,
    ): Promise<{ lines: OutputLine[]; exit: Exit; cursors: Cursor[] }> {
      const output = engine.follow(handle, cursor, never);
      const lines: OutputLine[] = [];
      const cursors: Cursor[] = [];
      for (;;) {
        const next = await output.next();
        if (next.done === true) return { lines, exit: next.value, cursors };
        lines.push(...next.value.lines);
        cursors.push(next.value.cursor);
      }
    }

    /** The first batch from `cursor` on; then leaves, as a runner that crashes does. */
    async function firstOutput(handle: StageHandle, cursor?: Cursor): Promise<OutputBatch> {
      const leaving = new AbortController();
      const output = engine.follow(handle, cursor, leaving.signal);
      const next = await output.next();
      leaving.abort(new Error("crash"));
      await output.next().catch(() => {});
      if (next.done === true) throw new Error("the stage ended without output");
      return next.value;
    }

    async function run(
      script: readonly string[],
      more: Partial<StageSpec> = {},
      environment: Record<string, string> = {},
      files: Record<string, string> = {},
    ): Promise<{ lines: OutputLine[]; text: string; exit: Exit }> {
      const spec = await specOf(script, more);
      try {
        const { lines, exit } = await read(await begin(spec, { environment, files }));
        return { lines, text: textOf(lines), exit };
      } finally {
        await engine.remove(spec.runId);
      }
    }

    test("commands run in one shell, each as a step with its exit code", async () => {
      const { text, exit, lines } = await run(["x=1; echo one", "cd /; echo $x $PWD"], {
        beforeScript: ["echo before"],
      });
      expect(text).toBe("before\none\n1 /\n");
      expect(lines.map(({ step }) => step)).toEqual([1, 2, 3]);
      expect(exit.exitCode).toBe(0);
      expect(exit.steps.map(({ step, exitCode }) => [step, exitCode])).toEqual([
        [1, 0],
        [2, 0],
        [3, 0],
      ]);
    });

    test("the first command that fails ends the script, with its exit code", async () => {
      const { text, exit } = await run(["echo one", "(exit 7)", "echo never"]);
      expect(text).toBe("one\n");
      expect(exit.exitCode).toBe(7);
      expect(exit.steps.map(({ exitCode }) => exitCode)).toEqual([0, 7]);
    });

    test("a condition that is false ends a script only when it stands last", async () => {
      const midst = await run(['[ -n "$UNSET" ] && echo set', "! true", "echo on"]);
      expect([midst.text, midst.exit.exitCode]).toEqual(["on\n", 0]);
      const last = await run(["echo on", "false && true"]);
      expect([last.text, last.exit.exitCode]).toEqual(["on\n", 1]);
    });

    test("a script may call its functions as it likes", async () => {
      const { lines, exit } = await run([
        "read() { echo mine; }; printf() { echo mine; }",
        "echo two",
        "echo three",
      ]);
      expect(lines).toEqual([
        { step: 2, text: "two" },
        { step: 3, text: "three" },
      ]);
      expect(exit.steps).toHaveLength(3);
    });

    test("a syntax error is the error of its own command", async () => {
      const { text, exit } = await run(["echo one", "if then (", "echo never"]);
      expect(text).toStartWith("one\n");
      expect(text).not.toContain("never");
      expect(exit.exitCode).not.toBe(0);
      expect(exit.steps.map(({ step }) => step)).toEqual([1, 2]);
    });

    test("after_script always runs, in a shell of its own, and can't change the result", async () => {
      const { text, exit } = await run(["x=1; echo script", "exit 3"], {
        afterScript: ["echo after ${x:-unset}", "exit 5"],
      });
      expect(text).toBe("script\nafter unset\n");
      expect(exit.exitCode).toBe(3);
      expect(exit.steps.map(({ step, exitCode }) => [step, exitCode])).toEqual([
        [1, 0],
        [2, 3],
        [3, 0],
        [4, 5],
      ]);
    });

    test("lines of both streams stand in the order in which they were written", async () => {
      const { lines } = await run(["i=0; while [ $i -lt 50 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"]);
      const expected = Array.from({ length: 50 }, (_, i) => [`o${String(i)}`, `e${String(i)}`]).flat();
      expect(lines.map(({ text }) => text)).toEqual(expected);
    });

    test("writing to /dev/stderr and /dev/stdout by name loses nothing", async () => {
      const { text } = await run(["echo a; echo b >/dev/stderr; echo c; echo d >/dev/stdout; echo e"]);
      expect(text).toBe("a\nb\nc\nd\ne\n");
    });

    test("set -x shows the user's commands and none of ours", async () => {
      const { text } = await run(["set -x", "echo hi", "set +x"]);
      // bash has a "+" more for what it evaluates
      expect(text.replaceAll("++", "+")).toBe("+ echo hi\nhi\n+ set +x\n");
    });

    test("environment values arrive as they are, and nothing in them is run", async () => {
      const value = `a'b"c $(touch pwned) \`id\` \\ \n two -v /:/x`;
      const { text } = await run(['printf "%s|" "$VALUE"; ls'], {}, { VALUE: value });
      expect(text).toBe(`${value}|`);
    });

    test("files arrive as they are, closed to others, for after_script too, and none of it is on the disk", async () => {
      const text = `-a'b\\n%s\n$(id)\n\né`;
      const spec = await specOf(['printf "%s|" "$(ls -l "$KEY" | cut -c1-10)"; cat "$KEY"; rm "$KEY"'], {
        afterScript: ['printf "|"; cat "$KEY"; while [ ! -e go ]; do sleep 0.05; done'],
      });
      try {
        const handle = await begin(spec, { environment: { PLAIN: "plain-value" }, files: { KEY: text } });
        const stored = await onDisk(spec.room);
        await Bun.write(`${spec.workspace}/go`, "");
        const { lines } = await read(handle);
        expect(lines.map((line) => line.text).join("\n")).toBe(`-rw-------|${text}\n|${text}`);
        expect(stored).toContain("gitfoss_begin");
        for (const word of ["plain-value", "$(id)", "PLAIN"]) expect(stored).not.toContain(word);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("a thousand variables of 64 KiB arrive", async () => {
      const value = "v".repeat(65_536);
      const environment = Object.fromEntries(
        Array.from({ length: 1000 }, (_, i) => [`V${String(i)}`, value]),
      );
      const { text } = await run(['echo "${#V0} ${#V500} ${#V999}"'], {}, environment);
      expect(text).toBe("65536 65536 65536\n");
    }, 60_000);

    test("more than can be handed over is refused, not cut", async () => {
      const spec = await specOf(["echo never"]);
      try {
        const environment = { A: "v".repeat(65 * 2 ** 20) };
        expect(await messageOf(begin(spec, { environment }))).toContain("too large together: at most 64 MiB");
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("names that some shells keep to themselves do no harm", async () => {
      const { text, exit } = await run(["echo $A"], {}, { UID: "5", PPID: "1", SHELLOPTS: "x", A: "there" });
      expect(text).toBe("there\n");
      expect(exit.exitCode).toBe(0);
    });

    test("a script longer than an argument may be runs whole", async () => {
      const { lines, exit } = await run(
        Array.from({ length: 3000 }, (_, i) => `: ${"x".repeat(100)}; echo ${String(i)}`),
      );
      expect(exit.exitCode).toBe(0);
      expect(lines).toHaveLength(3000);
      expect(lines.at(-1)).toEqual({ step: 3000, text: "2999" });
    });

    test("bytes that aren't UTF-8 become replacement characters, and the rest is untouched", async () => {
      const { lines } = await run(["printf 'a\\377b\\303\\251\\n\\357\\273\\277bom\\n'"]);
      expect(lines.map(({ text }) => text)).toEqual(["a\uFFFDbé", "\uFEFFbom"]);
    });

    test("a line of 10 MB comes in pieces, whole, and output without a line end at its end stays so", async () => {
      const { lines, text } = await run(["yes é | tr -d '\\n' | head -c 10000000 || true", "printf end"]);
      expect(lines.every(({ partial }) => partial === true)).toBe(true);
      expect(text.endsWith("end")).toBe(true);
      expect(text === `${"é".repeat(5_000_000)}end`).toBe(true);
    });

    test("what looks like a mark of ours, but isn't, is output", async () => {
      const { text, exit } = await run(["printf '\\036 x 0 - - -\\036\\036abc b 7 1\\036\\n'"]);
      expect(text).toBe("\u001e x 0 - - -\u001e\u001eabc b 7 1\u001e\n");
      expect(exit.steps).toHaveLength(1);
    });

    test("a stage that truncates, floods and lies in its room harms only its own log", async () => {
      const spec = await specOf([]);
      const inside = under.roomInside(spec);
      const lying = {
        ...spec,
        script: [
          `: >${inside}/log; : >${inside}/steps || true`,
          under.roomIsMounted
            ? `! rm -f ${inside}/log && ! rm -f ${inside}/out && ! mv ${inside}/gate /x`
            : "true",
          `n=$(sed -n "s/.*036\\([0-9a-f]*\\) b.*/\\1/p" ${inside}/script | head -n 1)`,
          `printf "\\036$n b 99999999 1\\036\\036$n b x\\036\\036$n x 999 - - -\\036\\036$n e\\036" || true`,
          `head -c 300000 /dev/zero || true`,
          "exit 4",
        ],
      };
      try {
        const { exit } = await read(await begin(lying));
        expect(exit.exitCode).toBe(4);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("following goes on exactly where an earlier following stopped", async () => {
      const spec = await specOf([
        "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done",
        "echo end",
      ]);
      try {
        const handle = await begin(spec);
        const stored: OutputLine[] = [];
        let cursor: Cursor | undefined;
        for (let round = 0; round < 5; round++) {
          const batch = await firstOutput(handle, cursor);
          stored.push(...batch.lines);
          cursor = batch.cursor;
        }
        const rest = await read(handle, cursor);
        const text = textOf([...stored, ...rest.lines]);
        const expected = Array.from({ length: 20_000 }, (_, i) => `line ${String(i)}\n`).join("");
        expect(text === `${expected}end\n`).toBe(true);
        expect(rest.exit.steps.map(({ step }) => step)).toEqual([1, 2]);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("an unfinished line is shown before it is finished, and stays one line", async () => {
      const spec = await specOf(["printf 'asking … '; while [ ! -e go ]; do sleep 0.1; done; echo answered"]);
      try {
        const handle = await begin(spec);
        const first = await firstOutput(handle);
        expect(first.lines).toEqual([{ step: 1, text: "asking … ", partial: true }]);
        await Bun.write(`${spec.workspace}/go`, "");
        const { lines } = await read(handle, first.cursor);
        expect(lines).toEqual([{ step: 1, text: "answered" }]);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("an unfinished line is shown up to its last whole character", async () => {
      const spec = await specOf([
        "printf 'a\\360\\237\\231'; while [ ! -e go ]; do sleep 0.1; done; printf '\\202\\n'",
      ]);
      try {
        const handle = await begin(spec);
        const first = await firstOutput(handle);
        expect(first.lines).toEqual([{ step: 1, text: "a", partial: true }]);
        await Bun.write(`${spec.workspace}/go`, "");
        const { lines } = await read(handle, first.cursor);
        expect(lines).toEqual([{ step: 1, text: "🙂" }]);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("processes left behind hold up nothing, and what they write later isn't part of the log", async () => {
      const { text, exit } = await run(["(sleep 60; echo late) & echo done"]);
      expect(text).toBe("done\n");
      expect(exit.exitCode).toBe(0);
    });

    test("stop lets a script end itself", async () => {
      const spec = await specOf(["trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done"]);
      try {
        const handle = await begin(spec);
        await firstOutput(handle);
        await engine.stop(handle, 10_000);
        const { lines, exit } = await read(handle);
        expect(textOf(lines)).toMatch(/^ready\n(Terminated\n)?bye\n$/);
        expect(exit.exitCode).toBe(9);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("stop right after open costs no grace", async () => {
      for (let round = 0; round < 4; round++) {
        const spec = await specOf(["sleep 60"], { afterScript: ["echo after"] });
        try {
          const handle = await begin(spec);
          await Bun.sleep(round); // somewhere between the gate and the first command
          const began = performance.now();
          await engine.stop(handle, 60_000);
          expect(performance.now() - began).toBeLessThan(20_000);
          const { exit } = await read(handle);
          expect([null, 143]).toContain(exit.exitCode);
        } finally {
          await engine.remove(spec.runId);
        }
      }
    });

    test("stop kills what ignores TERM, children of its own included", async () => {
      const spec = await specOf(["trap '' TERM; (while :; do sleep 0.05; done) & echo ready; wait; wait"]);
      try {
        const handle = await begin(spec);
        await firstOutput(handle);
        await engine.stop(handle, 200);
        const { exit } = await read(handle);
        expect(exit.exitCode).toBeNull();
        expect(await engine.inspect(handle, never)).toBe("ended");
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("a stage killed from outside ends without an exit code, with all that it had written", async () => {
      const spec = await specOf(["echo written; echo started >started; while :; do sleep 1; done"]);
      try {
        const handle = await begin(spec);
        await untilThere(spec.workspace, "started");
        await under.killFromOutside(engine, handle);
        const { lines, exit } = await read(handle);
        expect(textOf(lines)).toBe("written\n");
        expect(exit.exitCode).toBeNull();
        expect(exit.steps).toEqual([{ step: 1, exitCode: null, durationSeconds: 0 }]);
      } finally {
        await engine.remove(spec.runId);
      }
    });

    if (under.limits) {
      test("a stage has the cores, memory, processes and shared memory that it asks for, and no swap", async () => {
        const resources = { cpus: 0.5, memoryBytes: 64 * 2 ** 20, pids: 77, shmBytes: 3 * 2 ** 20 };
        const first = (v2: string, v1: string): string =>
          `(cat /sys/fs/cgroup/${v2} || cat /sys/fs/cgroup/${v1}) 2>/dev/null | cut -d " " -f 1`;
        const { text } = await run(
          [
            first("cpu.max", "cpu/cpu.cfs_quota_us"),
            first("memory.max", "memory/memory.limit_in_bytes"),
            first("pids.max", "pids/pids.max"),
            "df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2",
          ],
          { resources },
        );
        expect(text).toBe("50000\n67108864\n77\n3072\n");
      });

      test("a stage that asks for no number of processes has a limit nevertheless", async () => {
        const { text } = await run([
          "(cat /sys/fs/cgroup/pids.max || cat /sys/fs/cgroup/pids/pids.max) 2>/dev/null",
        ]);
        expect(text).toBe("2048\n");
      });

      test("want of memory is told, also when the script goes on without what was killed", async () => {
        const resources = { memoryBytes: 24 * 2 ** 20 };
        const fatal = await run(["tail /dev/zero", "echo never"], { resources });
        expect(fatal.exit).toMatchObject({ exitCode: 137, outOfMemory: true });
        const child = await run(["tail /dev/zero || echo went on"], { resources });
        expect(child.exit).toMatchObject({ exitCode: 0, outOfMemory: true });
        expect(child.text).toEndWith("went on\n");
        const enough = await run(["echo fine"], { resources });
        expect(enough.exit).toMatchObject({ exitCode: 0, outOfMemory: false });
      });

      test("without a network there is loopback and nothing else", async () => {
        const { text, exit } = await run(["ls /sys/class/net"], { network: "none" });
        expect([text, exit.exitCode]).toEqual(["lo\n", 0]);
      });
    }

    test("inspect tells created, held, running, ended and gone apart", async () => {
      const spec = await specOf(["echo started >started; while [ ! -e go ]; do sleep 0.05; done"]);
      await engine.pull(spec.image, () => {}, never);
      const handle = await engine.create(spec, never);
      expect(await engine.inspect(handle, never)).toBe("created");
      await engine.start(handle, never);
      expect(await engine.inspect(handle, never)).toBe("held");
      await engine.open(handle, { environment: {} }, never);
      await untilThere(spec.workspace, "started");
      expect(await engine.inspect(handle, never)).toBe("running");
      await Bun.write(`${spec.workspace}/go`, "");
      await read(handle);
      expect(await engine.inspect(handle, never)).toBe("ended");
      await engine.remove(spec.runId);
      await rm(spec.room, { recursive: true });
      expect(await engine.inspect(handle, never)).toBe("gone");
    });

    test("the id of an image is that of what a pull finds, and nothing is pulled for it", async () => {
      const image = { name: under.image, pullPolicy: "if_not_present" } as const;
      const { id } = await engine.pull(image, () => {}, never);
      expect(await engine.imageId(image, never)).toBe(id);
      expect(await engine.imageId({ ...image, pullPolicy: "never" }, never)).toBe(id);
      expect(await engine.imageId({ ...image, pullPolicy: "always" }, never)).toBeUndefined();
      const missing = { name: "missing.invalid/no/such:image", pullPolicy: "if_not_present" } as const;
      expect(await engine.imageId(missing, never)).toBeUndefined();
    });

    test("a second stage for the same run is a conflict", async () => {
      const spec = await specOf(["true"]);
      await engine.create(spec, never);
      expect(await codeOf(engine.create(spec, never))).toBe("conflict");
      await engine.remove(spec.runId);
    });

    test("removing is possible at any time, twice, and for runs that never were", async () => {
      const spec = await specOf(["sleep 60"]);
      await begin(spec);
      await engine.remove(spec.runId);
      await engine.remove(spec.runId);
      await engine.remove("never-was");
    });

    test("sweep removes what belongs to no live run, and nothing else", async () => {
      const [live, stale] = [await specOf(["sleep 60"]), await specOf(["sleep 60"])];
      const handle = await begin(live);
      await begin(stale);
      expect(await engine.sweep(new Set([live.runId]))).toEqual([stale.runId]);
      expect(["held", "running"]).toContain(await engine.inspect(handle, never));
      await engine.remove(live.runId);
    });

    test("an image that can't be had, and a shell that isn't there, are image errors", async () => {
      const missing = { name: "missing.invalid/no/such:image", pullPolicy: "if_not_present" } as const;
      expect(await codeOf(engine.pull(missing, () => {}, never))).toBe("image_unavailable");
      const spec = await specOf(["true"], { shell: "/no/such/shell" });
      expect(await codeOf(begin(spec))).toBe("image_unavailable");
      await engine.remove(spec.runId);
    });

    test("commands run in the working directory, and one that isn't there fails the stage", async () => {
      const spec = await specOf(["pwd"], { workingDirectory: "a b/c" });
      await mkdir(`${spec.workspace}/a b/c`, { recursive: true });
      try {
        const { lines } = await read(await begin(spec));
        expect(textOf(lines)).toEndWith("/a b/c\n");
      } finally {
        await engine.remove(spec.runId);
      }
      const { exit } = await run(["echo never"], { workingDirectory: "nowhere" });
      expect(exit.exitCode).not.toBe(0);
      expect(exit.steps).toEqual([]);
    });

    test("a shell that never comes to the gate is waited for no longer than the signal says", async () => {
      const spec = await specOf(["echo never"], { shell: "yes" });
      try {
        const handle = await engine.create(spec, never);
        await engine.start(handle, never);
        const signal = AbortSignal.timeout(300);
        expect(engine.open(handle, { environment: {} }, signal)).rejects.toThrow(DOMException);
        await engine.open(handle, { environment: {} }, signal).catch(() => {});
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("a stage that was killed at its gate has run nothing", async () => {
      const spec = await specOf(["echo never"]);
      try {
        await engine.pull(spec.image, () => {}, never);
        const handle = await engine.create(spec, never);
        await engine.start(handle, never);
        await under.killFromOutside(engine, handle);
        expect(await engine.inspect(handle, never)).toBe("created");
      } finally {
        await engine.remove(spec.runId);
      }
    });

    test("an aborted signal ends a verb at once", async () => {
      const aborted = AbortSignal.abort(new Error("enough"));
      const spec = await specOf(["true"]);
      expect(engine.ping(aborted)).rejects.toThrow("enough");
      expect(engine.create(spec, aborted)).rejects.toThrow("enough");
      await engine.remove(spec.runId);
    });
  });
}

export function textOf(lines: readonly OutputLine[]): string {
  return lines.map(({ text, partial }) => (partial === true ? text : `${text}\n`)).join("");
}

async function untilThere(folder: string, name: string): Promise<void> {
  while (!(await readdir(folder)).includes(name)) await Bun.sleep(10);
}

/** All that a folder's files hold; a FIFO holds nothing. */
async function onDisk(folder: string): Promise<string> {
  const files = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map(({ name }) => Bun.file(`${folder}/${name}`).text()));
  return texts.join("\n");
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: unknown) => String(error),
  );
}
