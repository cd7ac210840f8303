import type { Path, Source } from "../document.ts";
import type { Problem } from "../problem.ts";
import type { ManifestStage } from "../schema.ts";

/** Names that no engine takes. One with a variable in it can't be told yet. */
export function badImages(source: Source, path: Path, { image, services = [] }: ManifestStage): Problem[] {
  const images = [
    { at: [...path, "image"], image },
    ...services.map((service, index) => ({ at: [...path, "services", index], image: service })),
  ];
  return images.flatMap((each) => {
    const { name, platform } = typeof each.image === "object" ? each.image : { name: each.image };
    const at = typeof each.image === "object" ? [...each.at, "name"] : each.at;
    return [
      ...problems(source, at, wrongName(name ?? "")),
      ...problems(source, [...each.at, "platform"], wrongPlatform(platform)),
    ];
  });
}

function problems(source: Source, path: Path, message: string | undefined): Problem[] {
  return message === undefined ? [] : [source.problemAtValue(path, message)];
}

function wrongName(name: string): string | undefined {
  if (name.includes("$")) return undefined;
  if (/\s/.test(name)) return `an image's name has no blanks: ${JSON.stringify(name)}`;
  const [withoutDigest = ""] = name.split("@");
  const parts = withoutDigest.split("/");
  const [first = ""] = parts;
  const host = parts.length > 1 && (/[.:]/.test(first) || first === "localhost") ? 1 : 0;
  const repository = parts
    .slice(host)
    .join("/")
    .replace(/:[^/]*$/, "");
  if (!/[A-Z]/.test(repository)) return undefined;
  return `an image's name is in lower case: "${repository.toLowerCase()}", not "${repository}"`;
}

function wrongPlatform(platform: string | undefined): string | undefined {
  if (platform === undefined || platform.includes("$") || /^[\w.-]+\/[\w.-]+(\/[\w.-]+)?$/.test(platform))
    return undefined;
  return `"platform" must be a system and an architecture such as "linux/arm64", not "${platform}"`;
}
