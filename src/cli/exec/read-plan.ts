import { renderProblem } from "../../manifest/frame.ts";
import { parseManifest } from "../../manifest/parse.ts";
import { compilePlan } from "../../plan/compile.ts";
import type { ImagePlan, Plan } from "../../plan/plan.ts";
import { selectStages } from "../../plan/select.ts";
import { RunnerError } from "../../shared/errors.ts";
import { defaultConfig } from "../../store/config.ts";
import { printable } from "../printable.ts";
import type { ExecOptions } from "./options.ts";

export interface ManifestFile {
  /** As the user knows it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The stages asked for. Throws `manifest_invalid` with every problem's frame, `not_found` for an unknown stage. */
export function readPlanOf(file: ManifestFile, options: ExecOptions): Plan {
  const parsed = parseManifest(file.bytes, file.name);
  if ("problems" in parsed) {
    const { length } = parsed.problems;
    throw new RunnerError(
      "manifest_invalid",
      `${printable(file.name)} has ${length === 1 ? "an error" : `${length} errors`}; nothing was run`,
      { errors: parsed.problems.map((problem) => ({ path: "", message: renderProblem(problem) })) },
    );
  }
  const defaults = {
    image: options.defaultImage,
    timeoutSeconds: defaultConfig.defaultTimeout,
    successExit: defaultConfig.successExit,
  };
  const plan = selectStages(compilePlan(parsed.manifest, defaults), options.stages);
  const wanted = options.noCache ? withoutCaches(plan) : plan;
  return options.pull ? alwaysPull(wanted) : wanted;
}

function withoutCaches(plan: Plan): Plan {
  return { ...plan, stages: plan.stages.map(({ caches: _caches, ...stage }) => stage) };
}

function alwaysPull(plan: Plan): Plan {
  const stages = plan.stages.map((stage) => ({
    ...pulled(stage),
    ...(stage.services === undefined ? {} : { services: stage.services.map(pulled) }),
  }));
  return { ...plan, stages };
}

function pulled<T extends { readonly image: ImagePlan }>(what: T): T {
  return { ...what, image: { ...what.image, pullPolicy: "always" } };
}
