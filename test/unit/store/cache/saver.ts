import { join } from "node:path";
import { mkdirSync, writeFileSync } from "node:fs";
import { systemClock } from "../../../../src/shared/clock.ts";
import { Cache } from "../../../../src/store/cache/cache.ts";
import { identity, never } from "./bench.ts";

/** `bun saver.ts STATE WORKSPACE`: saves one cache again and again, each time of other files, until it's killed. */
const [state = "", workspace = ""] = process.argv.slice(2);
const cache = new Cache({ folder: state, durable: true, clock: systemClock });
for (let round = 1; ; round++) {
  for (let at = 0; at < 40; at++) {
    mkdirSync(join(workspace, "deps", String(at)), { recursive: true });
    writeFileSync(
      join(workspace, "deps", String(at), "file"),
      `${String(process.pid)}-${String(round)}`.repeat(500),
    );
  }
  const saver = { pipelineId: "p", stageId: "s", runId: "r" };
  await cache.save({ identity: identity(), saver, workspace, mostBytes: 2 ** 30 }, never);
  if (round === 1) console.log("saved");
}
