import type { Path, Source } from "../document.ts";
import type { Problem } from "../problem.ts";
import type { Checked } from "../rules.ts";
import type { ManifestStage } from "../schema.ts";
import { serviceAlias } from "../service-names.ts";

/** Each service is reached by a name of its own. Names with variables in them aren't known yet. */
export function badAliases(source: Source, path: Path, { services = [] }: ManifestStage): Problem[] {
  const taken = new Set<string>();
  return services.flatMap((service, index) => {
    const { name, alias } = typeof service === "string" ? { name: service } : service;
    const known = serviceAlias(name, alias).toLowerCase();
    const isTaken = taken.has(known);
    taken.add(known);
    const at = [...path, "services", index];
    if (known.includes("$")) return [];
    if (known === "")
      return [source.problemAtValue(at, "no alias can be made of the image's name; give it one")];
    if (!isTaken) return [];
    const message = `an earlier service of this stage is called ${JSON.stringify(known)} as well; give one of them another alias`;
    return [source.problemAtValue(at, message)];
  });
}

/** A stage without a network reaches no service. */
export function servicesOutOfReach(
  { source, defaults }: Checked,
  id: string,
  stage: ManifestStage,
): Problem[] {
  const { network, services } = { ...defaults, ...stage };
  if (network !== "none" || services === undefined || services.length === 0) return [];
  const message = `stage "${id}" has services, and "network: none" keeps it from them; leave one of them out`;
  const path = stage.network === undefined ? ["default", "network"] : ["stages", id, "network"];
  return [source.problemAtValue(path, message)];
}
