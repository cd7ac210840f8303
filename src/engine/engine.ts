import type { ImagePlan, ResourcesPlan, ServicePlan } from "../plan/plan.ts";
import type { Services } from "./services.ts";

/**
 * Where stages run: the one seam between the runner and a container engine.
 *
 * The life of a stage: `pull` → `create` → `start` → `open` → `follow` (`stop` beside it, if need be) →
 * `dismiss` or `remove`. A started stage is held before its first command until `open`, so that the
 * workspace may be filled while the engine starts it.
 *
 * Errors are RunnerErrors: `engine_unreachable` (nothing is known of the stage; try again), `image_unavailable`,
 * `engine_failed` (the engine refused). A script that fails is an `Exit`, not an error. After `signal` is
 * aborted a verb rejects with the signal's reason; what it made by then is still found by `remove` and `sweep`.
 */
export interface Engine {
  /** Rejects when the engine can't be reached or may not be used. */
  ping(signal: AbortSignal): Promise<void>;

  /** Makes the image present as its pull policy says. One pull of an image at a time; `report` gets lines for people. */
  pull(image: ImagePlan, report: (line: string) => void, signal: AbortSignal): Promise<Image>;

  /** The id of the image that `pull` would find present; undefined when it would have to ask a registry. Never asks one itself. */
  imageId(image: ImagePlan, signal: AbortSignal): Promise<string | undefined>;

  /** Makes the container, not running. Its name follows from the run: a second create of a run is `conflict`. */
  create(spec: StageSpec, signal: AbortSignal): Promise<StageHandle>;

  /** Starts the container; resolves when it is held before its first command, or when it died before that. */
  start(handle: StageHandle, signal: AbortSignal): Promise<void>;

  /**
   * Hands over what the stage is given and lets the commands begin. None of it is written to a disk or seen from outside. To be called once, after `start`. Rejects with
   * `image_unavailable` when the stage died before its gate, which is what an image without the stage's shell leads to. A
   * shell that is none may never get there: `signal` ends the wait.
   */
  open(handle: StageHandle, delivery: Delivery, signal: AbortSignal): Promise<void>;

  /**
   * The output, from where `cursor` says (undefined: from the start), in the order in which the stage wrote it;
   * returns how the stage ended, after its last byte was yielded, whatever ended it. May be called again after
   * a restart of the runner, with the cursor of the last batch stored: no byte comes twice, none is left out.
   * What processes that the commands left behind write after the commands' end isn't part of it.
   */
  follow(
    handle: StageHandle,
    cursor: Cursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<OutputBatch, Exit, void>;

  /** TERM to every process of the stage, `graceMs` later KILL. Resolves when nothing of it runs. May be repeated. */
  stop(handle: StageHandle, graceMs: number): Promise<void>;

  /** What has become of a stage that an earlier process of the runner started. */
  inspect(handle: StageHandle, signal: AbortSignal): Promise<StageCondition>;

  /**
   * Lets go of a stage whose output has been followed to its end: it ends, and whatever its commands left behind with it. May
   * put that off for as long as others start; `settle` says that none will. An ephemeral stage then vanishes by itself,
   * another one is still to be removed.
   */
  dismiss(handle: StageHandle): Promise<void>;

  /** No start is near: what was put off is done now. */
  settle(): void;

  /** The containers beside stages. */
  readonly services: Services;

  /** Removes all that was made for the run, its services included, running or not. Idempotent; no error when there is nothing. */
  remove(runId: string): Promise<void>;

  /**
   * Removes whatever bears this runner's label and belongs to none of `liveRuns`. Touches nothing else.
   * Resolves to the ids of the runs it removed something of.
   */
  sweep(liveRuns: ReadonlySet<string>): Promise<readonly string[]>;

  /**
   * Deletes a folder of ours in which a stage may have left files that this process may not delete, by means
   * of a container of `image`. For when the runner isn't root.
   */
  erase(folder: string, image: string): Promise<void>;
}

/** An image that is present. */
export interface Image {
  /** The engine's id of it: "sha256:…". */
  readonly id: string;
  /** As whom its processes run when the stage doesn't say: "", "root", "1000:1000" … */
  readonly user: string;
  /** Owners inside a container aren't those outside (user namespaces): not even root inside owns what root outside made. */
  readonly shiftsOwners: boolean;
}

/** All that an engine must know to make one stage. */
export interface StageSpec {
  readonly runId: string;
  readonly stageId: string;
  readonly image: ImagePlan;
  readonly shell: string;
  readonly beforeScript: readonly string[];
  readonly script: readonly string[];
  readonly afterScript: readonly string[];
  readonly workingDirectory: string;
  readonly user?: string;
  /** With any, the stage is on the run's network, which has been made (`services.connect`). */
  readonly services?: readonly ServicePlan[];
  readonly resources?: ResourcesPlan;
  /** Nothing but loopback; absent: the engine's own network. */
  readonly network?: "none";
  /** A folder on this machine, mounted at /workspace; made when it isn't there. */
  readonly workspace: string;
  /** A folder on this machine in which the engine keeps what it needs for the stage. Made by the engine, closed to others. */
  readonly room: string;
  /** True when nobody will adopt the stage after a crash: the engine may let it vanish by itself once it has ended. */
  readonly ephemeral: boolean;
}

/** What a stage is given when its commands begin, never before. */
export interface Delivery {
  readonly environment: Readonly<Record<string, string>>;
  /** Texts that it finds in files in memory, open to its own user alone: each by the variable that holds the file's path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Names a created stage. Plain JSON: it is stored with the run, and serves after a restart. Opaque outside the engine. */
export interface StageHandle {
  readonly runId: string;
  readonly engine: string;
  readonly container: string;
  readonly room: string;
  /** Facts that an engine needs again after a restart. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A place in a stage's output. Opaque outside the engine; plain JSON. */
export type Cursor = number | string;

export interface OutputBatch {
  readonly lines: readonly OutputLine[];
  /** The place after the last of `lines`. */
  readonly cursor: Cursor;
}

export interface OutputLine {
  /** 1 for the first command of before_script + script + after_script; 0 before any. */
  readonly step: number;
  /** Without its line end. Bytes that aren't UTF-8 are U+FFFD. */
  readonly text: string;
  /** True when the line goes on in the next one: it was too long for one, or the output ended without a line end. */
  readonly partial?: true;
}

/** How a stage ended. */
export interface Exit {
  /** Of the script; null when the stage was killed before it could say. */
  readonly exitCode: number | null;
  /** The kernel killed a process of the stage for want of memory; the script may have gone on. */
  readonly outOfMemory: boolean;
  /** The container is gone and nobody knows how it ended. */
  readonly lost: boolean;
  /** One entry a command that began, in order. */
  readonly steps: readonly StepExit[];
  readonly usage: { readonly peakMemoryBytes?: number | undefined; readonly cpuSeconds?: number | undefined };
}

export interface StepExit {
  /** As in `OutputLine`. */
  readonly step: number;
  /** null when the stage was killed during the command. */
  readonly exitCode: number | null;
  readonly durationSeconds: number;
}

/** `held`: started, not opened. `gone`: the engine knows no such container. */
export type StageCondition = "created" | "held" | "running" | "ended" | "gone";
