import type { StepExit } from "../engine.ts";

/**
 * What a stage's shell says between the bytes of its output (see script.ts): the gate was passed (g), a command
 * begins (b), a shell ended (e), all ended (x). It's the stage's own word, so whatever doesn't make sense is clamped or
 * left out, and can harm no one.
 */
export class Marks {
  #steps: StepExit[] = [];
  #open: { step: number; since: number } | undefined;
  #passedGate = false;
  #end: MarkedEnd | undefined;

  /** The command whose output comes next; 0 before the first. */
  get step(): number {
    return this.#open?.step ?? this.#steps.at(-1)?.step ?? 0;
  }

  get passedGate(): boolean {
    return this.#passedGate;
  }

  /** Set once the commands have ended. */
  get end(): MarkedEnd | undefined {
    return this.#end;
  }

  /** `text` is what stands between the nonce and the mark's end. */
  read(text: string): void {
    const [kind, ...fields] = text.split(" ");
    if (kind === "g") this.#passedGate = true;
    if (kind === "b") this.#begin(toCount(fields[0]), toCount(fields[1]), toSeconds(fields[2]));
    if (kind === "e") this.#close(toCount(fields[0]), toSeconds(fields[1]));
    if (kind === "x") this.#finish(fields);
  }

  /** The steps so far; one that hasn't ended gets no exit code. */
  steps(): readonly StepExit[] {
    if (this.#open === undefined) return this.#steps;
    return [...this.#steps, { step: this.#open.step, exitCode: null, durationSeconds: 0 }];
  }

  #begin(step: number | undefined, previousExit: number | undefined, now: number): void {
    if (step === undefined || step <= this.step || step > 100_000) return;
    this.#close(previousExit, now);
    this.#open = { step, since: now };
  }

  #close(exitCode: number | undefined, now: number): void {
    if (this.#open === undefined) return;
    const durationSeconds = Math.max(0, Math.round((now - this.#open.since) * 1000) / 1000);
    this.#steps.push({ step: this.#open.step, exitCode: exitCode ?? null, durationSeconds });
    this.#open = undefined;
  }

  #finish(fields: readonly string[]): void {
    const exitCode = toCount(fields[0]);
    if (exitCode === undefined || exitCode > 255) return;
    const cpuNanoseconds = toCount(fields[2]);
    this.#end = {
      exitCode,
      outOfMemoryKills: toCount(fields[3]) ?? 0,
      peakMemoryBytes: toCount(fields[1]),
      cpuSeconds: cpuNanoseconds === undefined ? undefined : cpuNanoseconds / 1e9,
    };
  }
}

export interface MarkedEnd {
  readonly exitCode: number;
  readonly outOfMemoryKills: number;
  readonly peakMemoryBytes: number | undefined;
  readonly cpuSeconds: number | undefined;
}

function toCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function toSeconds(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
}
