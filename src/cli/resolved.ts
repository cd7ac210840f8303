import type { Manifest } from "../manifest/manifest.ts";
import { writeYaml } from "../manifest/write.ts";
import { compilePlan } from "../plan/compile.ts";
import { manifestOfPlan } from "../plan/resolved.ts";
import { defaultConfig } from "../store/config.ts";

/** What a manifest comes to, as a manifest: in YAML, each stage after those it needs, or in JSON. */
export function renderResolved(manifest: Manifest, format: "pretty" | "json"): string {
  const plan = compilePlan(manifest, {
    image: defaultConfig.defaultImage,
    timeoutSeconds: defaultConfig.defaultTimeout,
    successExit: defaultConfig.successExit,
  });
  const stages = manifestOfPlan(plan);
  if (format === "json") return `${JSON.stringify({ stages: Object.fromEntries(stages) }, undefined, 2)}\n`;
  return writeYaml({ stages });
}
