import type Docker from "dockerode";
import { RunnerError } from "../../shared/errors.ts";
import type { ImagePlan } from "../../plan/plan.ts";
import { unlessAborted } from "../../shared/abort.ts";
import { isNotFound, translate } from "./errors.ts";
import { checkImageName } from "./image-name.ts";

type Report = (line: string) => void;

/** How often a pull that takes long says how far it is. */
const reportEveryMs = 5000;

/** What the engine says of an image that is present. */
export interface PresentImage {
  readonly id: string;
  /** The user that its processes run as, as the image has it: "", "root", "1000:1000" … */
  readonly user: string;
}

/** One that is under way, and those who wait for it. */
interface Pull {
  readonly done: Promise<void>;
  readonly reports: Set<Report>;
  readonly stop: AbortController;
}

/** Images of one engine. However many stages want an image at the same time, it's pulled once. */
export class Images {
  readonly #docker: Docker;
  readonly #pulls = new Map<string, Pull>();

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  async ensure(image: ImagePlan, report: Report, signal: AbortSignal): Promise<PresentImage> {
    checkImageName(image.name);
    if (image.pullPolicy !== "always") {
      const present = await this.#inspect(image, signal);
      if (present !== undefined) return present;
      if (image.pullPolicy === "never") throw notHere(image, "and its pull_policy is never");
    }
    await this.#pullOnce(image, report, signal);
    const pulled = await this.#inspect(image, signal);
    if (pulled === undefined) throw notHere(image, "although it was pulled; was it removed meanwhile?");
    return pulled;
  }

  async idOf(image: ImagePlan, signal: AbortSignal): Promise<string | undefined> {
    checkImageName(image.name);
    return image.pullPolicy === "always" ? undefined : (await this.#inspect(image, signal))?.id;
  }

  async #inspect({ name, platform }: ImagePlan, signal: AbortSignal): Promise<PresentImage | undefined> {
    try {
      const info = await unlessAborted(this.#docker.getImage(name).inspect(), signal);
      const [os, architecture] = (platform ?? "").split("/");
      const isOther = platform !== undefined && (info.Os !== os || info.Architecture !== architecture);
      return isOther ? undefined : { id: info.Id, user: info.Config.User ?? "" };
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error)) return undefined;
      throw translate(error, { verb: `look for image "${name}"`, image: name });
    }
  }

  /** Who comes second waits for the first one's pull; it ends when nobody waits for it any more. */
  async #pullOnce(image: ImagePlan, report: Report, signal: AbortSignal): Promise<void> {
    const key = `${image.name} ${image.platform ?? ""}`;
    const pull = this.#pulls.get(key) ?? this.#begin(key, image);
    pull.reports.add(report);
    report(`pulling image ${image.name}`);
    try {
      await unlessAborted(pull.done, signal);
    } finally {
      pull.reports.delete(report);
      if (pull.reports.size === 0) this.#end(key, pull);
    }
  }

  #begin(key: string, image: ImagePlan): Pull {
    const reports = new Set<Report>();
    const stop = new AbortController();
    const tell: Report = (line) => reports.forEach((each) => each(line));
    const pull: Pull = { done: this.#pull(image, tell, stop.signal), reports, stop };
    pull.done.catch(() => {}); // seen by whoever still waits
    this.#pulls.set(key, pull);
    return pull;
  }

  #end(key: string, pull: Pull): void {
    if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
    pull.stop.abort();
  }

  async #pull(image: ImagePlan, report: Report, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const options = image.platform === undefined ? {} : { platform: image.platform };
    try {
      const stream = await this.#docker.pull(withTag(image.name), { ...options, abortSignal: signal });
      await this.#read(stream, image.name, report);
    } catch (error) {
      throw pullError(error, image.name);
    }
    report(`pulled image ${image.name} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }

  /** The engine answers 200 and tells of failures in the stream. */
  #read(stream: NodeJS.ReadableStream, name: string, report: Report): Promise<void> {
    const layers = new Map<string, { readonly current: number; readonly total: number }>();
    let next = performance.now() + reportEveryMs;
    return new Promise((resolve, reject) => {
      const finished = (error: Error | null): void => (error === null ? resolve() : reject(error));
      this.#docker.modem.followProgress(stream, finished, (event: unknown) => {
        noteProgress(layers, event);
        if (performance.now() < next || layers.size === 0) return;
        next = performance.now() + reportEveryMs;
        report(`pulling image ${name}: ${progressOf(layers)}`);
      });
    });
  }
}

type Layers = Map<string, { readonly current: number; readonly total: number }>;

function noteProgress(layers: Layers, event: unknown): void {
  if (typeof event !== "object" || event === null) return;
  const { id, status, progressDetail } = event as {
    id?: unknown;
    status?: unknown;
    progressDetail?: { current?: unknown; total?: unknown };
  };
  if (typeof id !== "string" || status !== "Downloading") return;
  const { current, total } = progressDetail ?? {};
  if (typeof current === "number" && typeof total === "number") layers.set(id, { current, total });
}

function progressOf(layers: Layers): string {
  const sum = (pick: "current" | "total"): number =>
    [...layers.values()].reduce((total, layer) => total + layer[pick], 0);
  return `${(sum("current") / 1e6).toFixed(1)} of ${(sum("total") / 1e6).toFixed(1)} MB`;
}

/** Without a tag the engine would pull every tag there is. */
function withTag(name: string): string {
  return /@sha256:|:[^/]+$/.test(name) ? name : `${name}:latest`;
}

function notHere({ name, platform }: ImagePlan, why: string): RunnerError {
  const forWhich = platform === undefined ? "" : ` for ${platform}`;
  return new RunnerError("image_unavailable", `image "${name}" isn't on this machine${forWhich}, ${why}`);
}

function pullError(error: unknown, name: string): RunnerError {
  const translated = translate(error, { verb: `pull image "${name}"`, image: name });
  if (translated.code === "engine_unreachable") return translated;
  return new RunnerError(
    "image_unavailable",
    `can't pull image "${name}": ${translated.message.replace(/^.*?couldn't pull image "[^"]*": /, "")}`,
    { cause: error },
  );
}
