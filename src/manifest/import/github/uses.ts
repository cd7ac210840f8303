import type { Item } from "../tree.ts";
import { countIn, filled, flagIn, leaveKeys, under, wordIn } from "../values.ts";
import { download, keepCache, upload } from "./files.ts";
import type { JobDraft } from "./job-draft.ts";

/** `settings`: what stands under `with`. */
type Use = (step: Item, settings: Item | undefined, job: JobDraft) => void;

interface Language {
  readonly image: string;
  /** Which setting names the version. */
  readonly key: string;
  readonly otherwise: string;
}

const node = { image: "node", key: "node-version", otherwise: "lts" };
const python = { image: "python", key: "python-version", otherwise: "3" };
const go = { image: "golang", key: "go-version", otherwise: "1" };
const java = { image: "eclipse-temurin", key: "java-version", otherwise: "21" };

/** Actions that have an equal, by the part of their name before the "@". */
const known: Readonly<Record<string, Use>> = {
  "actions/checkout": checkout,
  "actions/setup-node": (step, settings, job) => setUp(node, step, settings, job),
  "actions/setup-python": (step, settings, job) => setUp(python, step, settings, job),
  "actions/setup-go": (step, settings, job) => setUp(go, step, settings, job),
  "actions/setup-java": (step, settings, job) => setUp(java, step, settings, job),
  "actions/cache": keepCache,
  "actions/upload-artifact": upload,
  "actions/download-artifact": download,
};

export function useAction(step: Item, job: JobDraft): void {
  const uses = step.take("uses")?.text ?? "";
  const [name = ""] = uses.split("@");
  const settings = step.take("with");
  const use = Object.hasOwn(known, name) ? known[name] : undefined;
  if (use === undefined) {
    step.leave("an action can't be run: do what it does by commands of the script", `uses ${uses}`);
    return;
  }
  use(step, settings, job);
  for (const child of settings?.children() ?? []) {
    if (!child.tree.isTaken(child.spot)) child.leave("there is no equal", `${name}: ${child.key}`);
  }
}

const submodules = { true: "normal", recursive: "recursive", false: "none" } as const;

function checkout(step: Item, settings: Item | undefined, job: JobDraft): void {
  step.tree.note(step, "uses actions/checkout", "nothing to do: every stage has the repository's files");
  if (settings === undefined) return;
  const git = filled({
    depth: under(settings, "fetch-depth", (depth) => countIn(depth, 1_000_000)),
    submodules: under(settings, "submodules", (how) => wordIn(how, submodules)),
    lfs: under(settings, "lfs", flagIn),
  });
  if (git !== undefined) job.keys["git"] = git;
}

/** Instead of a tool put onto a machine, an image that has it. */
function setUp(
  { image, key, otherwise }: Language,
  step: Item,
  settings: Item | undefined,
  job: JobDraft,
): void {
  const item = settings?.take(key);
  leaveSettings(settings);
  const why = whyNotImage(image, job);
  const version = item === undefined ? "" : versionOf(item, job);
  if (why === undefined) job.image = `${image}:${version === "" ? otherwise : version}`;
  step.tree.note(
    step,
    `${image} ${version}`.trim(),
    why ?? `nothing to do: the image ${job.image ?? ""} has it`,
  );
}

function whyNotImage(image: string, { hasContainer, image: other }: JobDraft): string | undefined {
  if (hasContainer) return "the container's image has to hold it";
  if (other === undefined || other.startsWith(`${image}:`)) return undefined;
  return `a stage has one image, and that is ${other}: use one that holds both, or install one by commands`;
}

function leaveSettings(settings: Item | undefined): void {
  if (settings === undefined) return;
  leaveKeys(
    settings,
    {
      cache: "name the tool's folder, below the workspace, under cache.paths",
      distribution: "the image has the one that it has",
    },
    "with.",
  );
}

function versionOf(item: Item, job: JobDraft): string {
  const [first, ...more] = item.list();
  for (const other of more) other.leave("a stage has one image; a matrix makes several stages");
  const text = first === undefined ? "" : job.text(first, first.text ?? "");
  const version = text.replace(/^[~^v>=\s]+/, "").replace(/\.x$/, "");
  return version.includes("lts") || /\s/.test(version) ? "" : version;
}
