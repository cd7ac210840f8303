import { parseBytes } from "../../shared/bytes.ts";
import { parseDuration } from "../../shared/duration.ts";
import type { Path, Source } from "../document.ts";
import type { Problem } from "../problem.ts";
import type { ManifestStage } from "../schema.ts";

/** What a container can't start without. */
const leastMemoryBytes = 6 * 1024 * 1024;

export function badDurations(source: Source, path: Path, stage: ManifestStage): Problem[] {
  const found = [
    { path: [...path, "timeout"], text: stage.timeout },
    { path: [...path, "artifacts", "expire_in"], text: stage.artifacts?.expire_in },
    ...(stage.services ?? []).flatMap((service, index) => {
      const healthcheck = typeof service === "string" ? undefined : service.healthcheck;
      const at = [...path, "services", index, "healthcheck"];
      return [
        { path: [...at, "interval"], text: healthcheck?.interval },
        { path: [...at, "timeout"], text: healthcheck?.timeout },
        { path: [...at, "start_period"], text: orNothing(healthcheck?.start_period) },
      ];
    }),
  ];
  return found
    .filter(({ text }) => text !== undefined && parseDuration(text) === undefined)
    .map((each) =>
      source.problemAtValue(
        each.path,
        `"${String(each.path.at(-1))}" must be between 1s and 366d, each unit at most once`,
      ),
    );
}

/** "0s" says "none" where none is a choice. */
function orNothing(text: string | undefined): string | undefined {
  return text !== undefined && /^0+[smhd]$/.test(text) ? undefined : text;
}

export function badSizes(source: Source, path: Path, { resources = {} }: ManifestStage): Problem[] {
  return (["memory", "shm_size"] as const).flatMap((key) => {
    const text = resources[key];
    if (text === undefined) return [];
    const wrong = wrongSize(key, text);
    return wrong === undefined ? [] : [source.problemAtValue([...path, "resources", key], wrong)];
  });
}

function wrongSize(key: "memory" | "shm_size", text: string): string | undefined {
  const bytes = parseBytes(text);
  if (bytes === undefined) return `"${key}" must be a size between 1 byte and 8191t, not "${text}"`;
  if (key !== "memory" || bytes >= leastMemoryBytes) return undefined;
  const hint = /^\d+$/.test(text) ? `; did you mean "${text}m"?` : "";
  return `"memory" must be at least 6m, for no container starts with less; "${text}" is ${String(bytes)} bytes${hint}`;
}
