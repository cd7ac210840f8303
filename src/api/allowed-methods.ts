/** Which methods each path takes: "GET, HEAD" for a path that has a GET; undefined for one that has no route. */
export type AllowedMethods = (path: string) => string | undefined;

export function allowedMethods(
  routes: readonly { readonly method: string; readonly path: string }[],
): AllowedMethods {
  // "WS" is the framework's word for a GET with an upgrade.
  const known = routes
    .filter(({ method }) => method !== "WS")
    .map(({ method, path }) => ({ method, pattern: patternOf(path) }));
  return (path) => {
    const methods = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (methods.includes("GET")) methods.push("HEAD");
    return methods.length === 0 ? undefined : methods.toSorted().join(", ");
  };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`);
}
