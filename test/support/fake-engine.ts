import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Cursor,
  Delivery,
  Engine,
  Exit,
  Image,
  OutputBatch,
  StageCondition,
  StageHandle,
  StageSpec,
} from "../../src/engine/engine.ts";
import { followRoom } from "../../src/engine/room/follow.ts";
import { Leftover } from "../../src/engine/room/leftover.ts";
import { marksOf, signalCommands } from "../../src/engine/room/read-marks.ts";
import { Gate } from "../../src/engine/room/gate.ts";
import { deliveryText } from "../../src/engine/room/delivery.ts";
import { makeRoom } from "../../src/engine/room/room.ts";
import type { ImagePlan } from "../../src/plan/plan.ts";
import { RunnerError } from "../../src/shared/errors.ts";
import { FakeServices } from "./fake-services.ts";

interface Stage {
  readonly spec: StageSpec;
  readonly handle: StageHandle;
  /** In memory, as a container has it. */
  readonly secrets: string;
  process?: ChildProcess;
  leftover?: Leftover;
  gate?: Gate;
  ended: boolean;
}

/**
 * An engine without containers: a stage is a process group of this machine, its room the same as in a container. Images
 * whose name begins with "missing" aren't there. Held to the contract that every engine is held to.
 */
export class FakeEngine implements Engine {
  readonly stages = new Map<string, Stage>();
  readonly services = new FakeServices(() => this.#reach());
  /** Set to make every verb fail as if the engine were out of reach. */
  away = false;

  async ping(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#reach();
  }

  async pull(image: ImagePlan, report: (line: string) => void, signal: AbortSignal): Promise<Image> {
    signal.throwIfAborted();
    this.#reach();
    if (!image.name.startsWith("missing"))
      return { id: `sha256:${image.name}`, user: "", shiftsOwners: false };
    report(`pulling image ${image.name}`);
    throw new RunnerError("image_unavailable", `can't pull image "${image.name}": there is none`);
  }

  async imageId({ name, pullPolicy }: ImagePlan, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    this.#reach();
    return pullPolicy === "always" || name.startsWith("missing") ? undefined : `sha256:${name}`;
  }

  async create(spec: StageSpec, signal: AbortSignal): Promise<StageHandle> {
    signal.throwIfAborted();
    this.#reach();
    if (spec.services !== undefined && spec.services.length > 0) this.services.mustBeConnected(spec.runId);
    if (this.stages.has(spec.runId)) throw new RunnerError("conflict", "this run has a stage already");
    const nonce = randomBytes(16).toString("hex");
    await mkdir(spec.workspace, { recursive: true });
    const secrets = await mkdtemp("/dev/shm/gitfoss-fake-");
    await makeRoom(spec.room, spec, { room: spec.room, workspace: spec.workspace, secrets }, nonce);
    const handle = {
      runId: spec.runId,
      engine: "fake",
      container: spec.runId,
      room: spec.room,
      facts: { nonce },
    };
    this.stages.set(spec.runId, { spec, handle, secrets, ended: false });
    return handle;
  }

  async start(handle: StageHandle, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stage = this.#stage(handle);
    const child = spawn(stage.spec.shell, [`${stage.spec.room}/boot`], {
      detached: true,
      stdio: "ignore",
      cwd: stage.spec.workspace,
      env: { PATH: "/usr/bin:/bin" },
    });
    try {
      await once(child, "spawn");
    } catch (error) {
      throw new RunnerError("image_unavailable", `no shell ${stage.spec.shell}`, { cause: error });
    }
    stage.process = child;
    const leftover = new Leftover(stage.spec.room);
    stage.leftover = leftover;
    child.once("exit", () => {
      this.#signal(stage, "SIGKILL"); // as the end of a container's first process ends all
      leftover.rescue();
      stage.ended = true;
    });
  }

  async open(handle: StageHandle, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const stage = this.#stage(handle);
    const gate = await Gate.open(handle.room, deliveryText(delivery, stage.secrets), {
      ended: () => stage.ended,
      signal,
    });
    if (gate !== undefined) {
      stage.gate = gate;
      return;
    }
    throw new RunnerError("image_unavailable", "the stage died before its gate");
  }

  async *follow(
    handle: StageHandle,
    cursor: Cursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<OutputBatch, Exit, void> {
    const stage = this.stages.get(handle.runId);
    const from = typeof cursor === "number" ? cursor : 0;
    const nonce = String(handle.facts["nonce"]);
    const marks = yield* followRoom(
      { room: handle.room, nonce, from, ended: () => stage?.ended ?? true },
      signal,
    );
    const { end } = marks;
    return {
      exitCode: end?.exitCode ?? null,
      outOfMemory: false,
      lost: stage === undefined,
      steps: marks.steps(),
      usage: {},
    };
  }

  async stop(handle: StageHandle, graceMs: number): Promise<void> {
    const stage = this.#stage(handle);
    stage.gate?.close();
    const place = { room: handle.room, nonce: String(handle.facts["nonce"]) };
    void signalCommands(
      place,
      () => this.#signal(stage, "SIGTERM"),
      () => stage.ended,
    );
    const deadline = performance.now() + graceMs;
    while (!stage.ended && performance.now() < deadline) await sleep(5);
    this.#signal(stage, "SIGKILL");
    while (!stage.ended) await sleep(5);
  }

  async inspect(handle: StageHandle, signal: AbortSignal): Promise<StageCondition> {
    signal.throwIfAborted();
    this.#reach();
    const marks = await marksOf(handle.room, String(handle.facts["nonce"]));
    if (marks?.end !== undefined) return "ended";
    const stage = this.stages.get(handle.runId);
    if (stage === undefined) return "gone";
    if (stage.process === undefined) return "created";
    if (stage.ended) return marks?.passedGate === true ? "ended" : "created";
    return marks?.passedGate === true ? "running" : "held";
  }

  async dismiss(handle: StageHandle): Promise<void> {
    const stage = this.#stage(handle);
    stage.gate?.letGo();
    while (!stage.ended) await sleep(2);
  }

  settle(): void {}

  async remove(runId: string): Promise<void> {
    await this.#removeStage(runId);
    await this.services.remove(runId);
  }

  async #removeStage(runId: string): Promise<void> {
    const stage = this.stages.get(runId);
    if (stage === undefined) return;
    this.#signal(stage, "SIGKILL");
    while (stage.process !== undefined && !stage.ended) await sleep(2);
    stage.leftover?.close();
    stage.gate?.letGo();
    await rm(stage.secrets, { recursive: true, force: true });
    this.stages.delete(runId);
  }

  async sweep(liveRuns: ReadonlySet<string>): Promise<readonly string[]> {
    this.#reach();
    const runs = new Set([...this.stages.keys(), ...this.services.runs()]);
    const stale = [...runs].filter((runId) => !liveRuns.has(runId));
    for (const runId of stale) await this.remove(runId);
    return stale;
  }

  async erase(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  /** As `docker kill` from outside. */
  async kill(handle: StageHandle): Promise<void> {
    const stage = this.#stage(handle);
    this.#signal(stage, "SIGKILL");
    while (!stage.ended) await sleep(2);
  }

  #reach(): void {
    if (this.away) throw new RunnerError("engine_unreachable", "the fake engine is away");
  }

  #stage(handle: StageHandle): Stage {
    this.#reach();
    const stage = this.stages.get(handle.runId);
    if (stage === undefined) throw new RunnerError("engine_failed", "no such stage");
    return stage;
  }

  #signal(stage: Stage, signal: NodeJS.Signals): void {
    const pid = stage.process?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // nothing of it is left
    }
  }
}
