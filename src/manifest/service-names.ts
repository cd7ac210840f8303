/** The name by which a stage reaches a service: the one that it's given, else the last part of its image's name. */
export function serviceAlias(image: string, alias: string | undefined): string {
  return alias ?? withoutVersion(image).split("/").at(-1) ?? image;
}

/**
 * All of its names. "registry:5000/foo/bar:1" is "bar", and as GitLab has it "registry__foo__bar" and "registry-foo-bar".
 * Letters are small: names of hosts know no others.
 */
export function serviceNames(image: string, alias: string | undefined): readonly string[] {
  const path = withoutVersion(image).replace(/:\d+\//, "/");
  const names = [serviceAlias(image, alias), path.replaceAll("/", "__"), path.replaceAll("/", "-")];
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

/** Without tag and digest; what stands before a slash is a port. */
function withoutVersion(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}
