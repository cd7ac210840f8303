import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEvent, RunRequest } from "../../../src/events/event.ts";
import type { StagePlan } from "../../../src/plan/plan.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { Store } from "../../../src/store/store.ts";
import { stagePlan } from "../../support/stage-plan.ts";

const folders: string[] = [];

/** A new, empty folder, there until `removeFolders`. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gitfoss-store-"));
  folders.push(folder);
  return folder;
}

/** For `afterAll` of each file that makes folders. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function openStore(folder: string, warnings: string[] = []): Promise<Store> {
  return Store.open({ folder, durable: false, clock: systemClock, warn: (line) => warnings.push(line) });
}

export function requestOf(overrides: Partial<RunRequest> = {}): RunRequest {
  return {
    pipelineId: "p1",
    orgId: "o1",
    repoId: "r1",
    stageId: "build",
    source: {
      kind: "repository",
      gitDir: "/srv/git/a.git",
      commit: { sha: "a".repeat(40), ref: "main", message: "m" },
    },
    variables: {},
    ...overrides,
  };
}

export const plan: StagePlan = stagePlan({ image: { name: "alpine", pullPolicy: "if_not_present" } });

export const started: RunEvent = { type: "started", attempt: 1, deadline: "2030-01-01T00:00:00.000Z" };

export const finished: RunEvent & { readonly type: "finished" } = {
  type: "finished",
  status: "SUCCESS",
  exitCode: 0,
  cause: null,
  reason: "",
  steps: [],
  usage: {},
  log: { lines: 0, bytes: 0, sha256: "" },
  artifacts: 0,
};

export async function acceptRun(store: Store, overrides: Partial<RunRequest> = {}): Promise<string> {
  const runId = Bun.randomUUIDv7();
  await store.accept(runId, requestOf(overrides), plan);
  return runId;
}

/** A reader's pieces as text, to the end. */
export async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const piece of pieces) chunks.push(Buffer.from(piece));
  return Buffer.concat(chunks).toString("utf8");
}

export function seqsOf(text: string): readonly number[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => Number(/^\{"seq":(\d+),/.exec(line)?.[1]));
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error,
  );
}
