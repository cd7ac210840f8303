import { systemClock } from "../shared/clock.ts";
import { formatBytes } from "../shared/bytes.ts";
import { Cache } from "../store/cache/cache.ts";
import type { CacheEntry } from "../store/cache/entry.ts";
import type { CacheFilter } from "../store/cache/reset.ts";
import { forgetBoth } from "../store/forget-stand-ins.ts";
import { usage, type Flag } from "./arguments.ts";
import { groupCommand, strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { writeErr, writeOut } from "./output.ts";
import { printable, quoted } from "./printable.ts";
import { execFolder, ownStateFolder, stateDirFlag } from "./state-folder.ts";

const filterFlags = {
  pipeline: { kind: "text", value: "ID", about: "what this pipeline saved" },
  stage: { kind: "text", value: "ID", about: "what this stage saved" },
  repo: { kind: "text", value: "ORG/REPO", about: "what belongs to this repository" },
} as const satisfies Readonly<Record<string, Flag>>;

interface Listed {
  readonly entry: CacheEntry;
  readonly bytes: number;
}

const list = strictCommand({
  name: "cache list",
  summary: "Shows what is cached: newest first, by whom it was saved.",
  maxOperands: 0,
  flags: { json: { kind: "boolean", about: "one JSON object" }, "state-dir": stateDirFlag },
  examples: ["cache list", "cache list --json"],
  async run(args) {
    const entries: Listed[] = [];
    for (const cache of cachesIn(args.text("state-dir")))
      for await (const listed of cache.entries()) entries.push(listed);
    const newest = entries.toSorted((one, other) => (one.entry.savedAt < other.entry.savedAt ? 1 : -1));
    await writeOut(args.is("json") ? renderJson(newest) : newest.map(renderLine).join(""));
    if (!args.is("json")) await writeErr(`${total(newest)}\n`);
    return exit.ok;
  },
});

const reset = strictCommand({
  name: "cache reset",
  summary: "Removes what is cached; all of it, unless flags narrow it.",
  maxOperands: 0,
  flags: { ...filterFlags, "state-dir": stateDirFlag },
  notes: ["A running daemon may go on meanwhile: what it reads it reads to the end."],
  examples: ["cache reset", "cache reset --repo acme/app --stage build"],
  async run(args) {
    const [pipelineId, stageId, repo] = [args.text("pipeline"), args.text("stage"), args.text("repo")];
    const filter: CacheFilter = {
      ...(pipelineId === undefined ? {} : { pipelineId }),
      ...(stageId === undefined ? {} : { stageId }),
      ...(repo === undefined ? {} : { repository: readRepository(repo) }),
    };
    let [cleared, bytes] = [0, 0];
    for (const cache of cachesIn(args.text("state-dir"))) {
      const removed = await forgetBoth(cache.reset(filter), cache.folder, filter);
      cleared += removed.cleared;
      bytes += removed.bytes;
    }
    await writeErr(`removed ${entriesOf(cleared)}, ${formatBytes(bytes)}\n`);
    return exit.ok;
  },
});

export const command = groupCommand({
  name: "cache",
  summary: "Shows and removes what stages have cached.",
  commands: {
    list: { summary: "what is cached", load: async () => list },
    reset: { summary: "remove it", load: async () => reset },
  },
});

/** The daemon's, and that of `exec`. */
function cachesIn(stateDir: string | undefined): readonly Cache[] {
  const state = ownStateFolder(stateDir);
  return [state, execFolder(state)].map((folder) => new Cache({ folder, durable: true, clock: systemClock }));
}

function readRepository(text: string): { readonly orgId: string; readonly repoId: string } {
  const slash = text.indexOf("/");
  if (slash === -1) throw usage(`--repo is ORG/REPO, as \`cache list\` shows it, not ${quoted(text)}`);
  return { orgId: text.slice(0, slash), repoId: text.slice(slash + 1) };
}

function renderLine({ entry, bytes }: Listed): string {
  const { orgId, repoId, stageId, scope, key, savedAt } = entry;
  const columns = [
    savedAt,
    formatBytes(bytes),
    `${orgId}/${repoId}`,
    stageId,
    scope === "" ? "-" : scope,
    key,
  ];
  return `${columns.map(printable).join("  ")}\n`;
}

function renderJson(entries: readonly Listed[]): string {
  const shown = entries.map(({ entry, bytes }) => {
    const { orgId, repoId, scope: branch, key, paths, pipelineId, stageId, runId, savedAt, files } = entry;
    return { orgId, repoId, branch, key, paths, pipelineId, stageId, runId, savedAt, files, bytes };
  });
  return `${JSON.stringify({ entries: shown }, undefined, 2)}\n`;
}

function total(entries: readonly Listed[]): string {
  const bytes = entries.reduce((sum, listed) => sum + listed.bytes, 0);
  return `${entriesOf(entries.length)}, ${formatBytes(bytes)}`;
}

function entriesOf(count: number): string {
  return count === 1 ? "1 entry" : `${String(count)} entries`;
}
