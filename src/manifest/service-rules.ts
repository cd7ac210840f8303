import type { Path, Source } from "./document.ts";
import type { Problem } from "./problem.ts";
import type { ManifestStage } from "./schema.ts";
import { serviceAlias } from "./service-names.ts";

type Service = NonNullable<ManifestStage["services"]>[number];

/** Two services can't be reached by one name. Names with variables in them aren't known yet. */
export function sameAliases(source: Source, path: Path, services: readonly Service[] = []): Problem[] {
  const taken = new Set<string>();
  return services.flatMap((service, index) => {
    const { name, alias } = typeof service === "string" ? { name: service } : service;
    const known = serviceAlias(name, alias).toLowerCase();
    if (known.includes("$")) return [];
    if (!taken.has(known)) {
      taken.add(known);
      return [];
    }
    const message = `an earlier service of this stage is called ${JSON.stringify(known)} as well; give one of them another alias`;
    return [source.problemAtValue([...path, index], message)];
  });
}
