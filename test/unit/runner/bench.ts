import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Delivery, Image, StageCondition, StageHandle, StageSpec } from "../../../src/engine/engine.ts";
import type { RunRequest, Verdict } from "../../../src/events/event.ts";
import type { RunState } from "../../../src/events/run-state.ts";
import type { ImagePlan, StagePlan } from "../../../src/plan/plan.ts";
import type { RunnerSettings } from "../../../src/runner/context.ts";
import { Runner } from "../../../src/runner/runner.ts";
import type { Clock } from "../../../src/shared/clock.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import type { Logger } from "../../../src/shared/log.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeEngine } from "../../support/fake-engine.ts";
import { stagePlan } from "../../support/stage-plan.ts";

export type Verb =
  | "ping"
  | "pull"
  | "create"
  | "start"
  | "open"
  | "stop"
  | "inspect"
  | "dismiss"
  | "remove"
  | "sweep";

/** A fake engine that tells what was asked of it, and lets a test hold up or fail any verb. */
class WatchedEngine extends FakeEngine {
  /** "verb runId"; of a pull, the image. */
  readonly calls: string[] = [];
  /** Awaited before every verb; what it throws, the verb throws. */
  before: (verb: Verb, of: string, signal?: AbortSignal) => Promise<void> | void = () => {};

  override async ping(signal: AbortSignal): Promise<void> {
    await this.#note("ping", "", signal);
    return super.ping(signal);
  }
  override async pull(image: ImagePlan, report: (line: string) => void, signal: AbortSignal): Promise<Image> {
    await this.#note("pull", image.name, signal);
    return super.pull(image, report, signal);
  }
  override async create(spec: StageSpec, signal: AbortSignal): Promise<StageHandle> {
    await this.#note("create", spec.runId, signal);
    return super.create(spec, signal);
  }
  override async start(handle: StageHandle, signal: AbortSignal): Promise<void> {
    await this.#note("start", handle.runId, signal);
    return super.start(handle, signal);
  }
  override async open(handle: StageHandle, delivery: Delivery, signal: AbortSignal): Promise<void> {
    await this.#note("open", handle.runId);
    return super.open(handle, delivery, signal);
  }
  override async stop(handle: StageHandle, graceMs: number): Promise<void> {
    await this.#note("stop", handle.runId);
    return super.stop(handle, graceMs);
  }
  override async inspect(handle: StageHandle, signal: AbortSignal): Promise<StageCondition> {
    await this.#note("inspect", handle.runId, signal);
    return super.inspect(handle, signal);
  }
  override async dismiss(handle: StageHandle): Promise<void> {
    await this.#note("dismiss", handle.runId);
    return super.dismiss(handle);
  }
  override async remove(runId: string): Promise<void> {
    await this.#note("remove", runId);
    return super.remove(runId);
  }
  override async sweep(liveRuns: ReadonlySet<string>): Promise<readonly string[]> {
    await this.#note("sweep", "");
    return super.sweep(liveRuns);
  }

  count(verb: Verb): number {
    return this.calls.filter((call) => call.startsWith(`${verb} `)).length;
  }

  async #note(verb: Verb, of: string, signal?: AbortSignal): Promise<void> {
    this.calls.push(`${verb} ${of}`);
    await this.before(verb, of, signal);
  }
}

/** Wall time that a test moves; timers go on in real time. */
class MovedClock implements Clock {
  aheadMs = 0;
  now(): number {
    return Date.now() + this.aheadMs;
  }
  elapsed(): number {
    return performance.now() + this.aheadMs;
  }
}

export type Settings = { -readonly [Key in keyof RunnerSettings]: RunnerSettings[Key] };
export type Stage = Partial<StagePlan> & { readonly id: string };

/** A runner on a real store and a fake engine, and what a test wants to know of it. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "gitfoss-runner-"));
  readonly source = join(this.folder, "source");
  readonly engine = new WatchedEngine();
  readonly clock = new MovedClock();
  readonly settings: Settings = {
    runnerId: "runner-1",
    version: "1.2.3",
    concurrency: 4,
    queueLimit: 100,
    repoRoots: [],
    graceMs: 2000,
    ephemeral: false,
    cacheLimit: 2 ** 30,
  };
  /** What the operator was told. */
  readonly told: string[] = [];
  readonly retryMs = 10;
  #store: Store | undefined;
  #runner: Runner | undefined;
  readonly #open: number[] = [];

  /** So many turns of the event loop. */
  static async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await nextTurn();
  }

  /** A store, and a runner on it that isn't started. */
  static async prepare(settings: Partial<Settings> = {}): Promise<Bench> {
    const bench = new Bench();
    Object.assign(bench.settings, settings);
    mkdirSync(bench.source);
    writeFileSync(join(bench.source, "README"), "hello\n");
    await bench.reopen();
    return bench;
  }

  static async open(settings: Partial<Settings> = {}): Promise<Bench> {
    const bench = await Bench.prepare(settings);
    await bench.runner.start();
    return bench;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("not open");
    return this.#store;
  }

  get runner(): Runner {
    if (this.#runner === undefined) throw new Error("not open");
    return this.#runner;
  }

  get stateFolder(): string {
    return join(this.folder, "state");
  }

  /** The same folder and engine, as the next process has them: nothing in memory. */
  async reopen(): Promise<void> {
    this.#store = await Store.open({ folder: this.stateFolder, durable: false, clock: this.clock });
    this.#runner = this.runnerOn(this.#store);
  }

  runnerOn(store: Store): Runner {
    const tell = (message: string, facts: unknown): void => {
      this.told.push(`${message} ${JSON.stringify(facts ?? {})}`);
    };
    const log: Logger = { info: tell, warn: tell, error: tell };
    const { engine, clock, retryMs } = this;
    return new Runner({ engine, store, clock, log, retryMs, settings: () => this.settings });
  }

  /** Stops, and starts the next process's runner. */
  async restart(): Promise<void> {
    await this.leave();
    await this.runner.start();
  }

  /** Stops; the next process's runner is there, but not started. */
  async leave(): Promise<void> {
    await this.runner.stop();
    await this.store.close();
    await this.reopen();
  }

  async close(): Promise<void> {
    this.engine.before = () => {};
    this.engine.away = false;
    await this.#runner?.stop();
    await this.engine.sweep(new Set());
    await this.#store?.close();
    for (const descriptor of this.#open) closeSync(descriptor);
    rmSync(this.folder, { recursive: true, force: true });
  }

  request(stageId: string, more: Partial<RunRequest> = {}): RunRequest {
    const source = { kind: "tree", folder: this.source } as const;
    return { pipelineId: "p1", orgId: "o1", repoId: "r1", stageId, source, variables: {}, ...more };
  }

  async submit(stage: Stage | string, more: Partial<RunRequest> = {}): Promise<RunState> {
    const plan = planOf(stage);
    return this.runner.submit(this.request(plan.id, more), plan);
  }

  /** Submits and waits for the verdict. */
  async run(stage: Stage | string, more: Partial<RunRequest> = {}): Promise<Verdict> {
    return this.verdict((await this.submit(stage, more)).runId);
  }

  /** Resolves once `holds` is true of the run. */
  async until(runId: string, holds: (state: RunState) => boolean): Promise<RunState> {
    const { store } = this;
    return new Promise((resolve, reject) => {
      const look = (state: RunState | undefined): void => {
        if (state === undefined || state.runId !== runId || !holds(state)) return;
        stop();
        resolve(state);
      };
      const stop = store.onChange(look);
      store.load(runId).then(look, reject);
    });
  }

  async verdict(runId: string): Promise<Verdict> {
    const { verdict } = await this.until(runId, (state) => state.verdict !== null);
    if (verdict === null) throw new Error("no verdict");
    return verdict;
  }

  /** Resolves once the log has `text`. */
  async printed(runId: string, text: string): Promise<void> {
    const enough = new AbortController();
    let all = "";
    for await (const piece of this.store.readLog(runId, { after: 0, follow: true }, enough.signal)) {
      all += Buffer.from(piece).toString("utf8");
      if (all.includes(text)) return;
    }
    throw new Error(`the log ended without ${text}: ${all}`);
  }

  /** The texts of the whole log, the runner's own with "# " before them. */
  async log(runId: string): Promise<string[]> {
    const lines: string[] = [];
    const never = new AbortController().signal;
    let rest = "";
    for await (const piece of this.store.readLog(runId, { after: 0, follow: false }, never))
      rest += Buffer.from(piece).toString("utf8");
    for (const line of rest.split("\n").filter((text) => text !== "")) {
      const parsed: unknown = JSON.parse(line);
      if (typeof parsed !== "object" || parsed === null || !("text" in parsed) || !("stream" in parsed)) {
        throw new Error(`not a log line: ${line}`);
      }
      lines.push(`${parsed.stream === "runner" ? "# " : ""}${String(parsed.text)}`);
    }
    return lines;
  }

  /** What of all runs is left on this machine beside their records: stages and work folders. */
  leftovers(): readonly string[] {
    const work = join(this.stateFolder, "work");
    const folders = existsSync(work) ? readdirSync(work, { recursive: true }).map(String) : [];
    return [...this.engine.stages.keys(), ...folders];
  }

  /** A command that goes on until `release`, without a process that polls. */
  hold(): { readonly command: string; release(): void } {
    const fifo = join(this.folder, `hold-${String(this.#open.length)}`);
    Bun.spawnSync(["mkfifo", fifo]);
    // Open from the beginning to the end, for both directions: what is written waits for its reader.
    const descriptor = openSync(fifo, "r+");
    this.#open.push(descriptor);
    return { command: `read held <${fifo}`, release: () => void writeSync(descriptor, "go\n") };
  }
}

export function planOf(stage: Stage | string): StagePlan {
  const image = { name: "alpine", pullPolicy: "if_not_present" } as const;
  return stagePlan({ image, ...(typeof stage === "string" ? { id: stage } : stage) });
}

export function need(
  stage: string,
  artifacts = true,
): { stage: string; artifacts: boolean; optional: boolean } {
  return { stage, artifacts, optional: false };
}

/** The code of the RunnerError that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof RunnerError ? error.code : String(error)),
  );
}

/** A promise to be resolved from outside. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Resolves when `holds` does; for what no event tells of. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 2000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`it never came true: ${what}`);
    await Bun.sleep(1);
  }
}

/** Never resolves; rejects when `signal` aborts, as a verb of an engine does. */
export async function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal === undefined) throw new Error("no signal");
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
  });
}
