/** A folder of the user's as the detectors see it. */
export interface Folder {
  /** Relative to where `init` was called, "." for that folder itself. */
  readonly path: string;
  has(name: string): boolean;
  /** Of the names that lie in it, the first that is one of these. */
  first(...names: readonly string[]): string | undefined;
  /** "" for a file that isn't there or isn't a text of reasonable size. */
  text(name: string): string;
}

/** What a detector makes of a folder: what its stages have in common, and the stages. */
export interface Draft {
  /** One word: "node". */
  readonly kind: string;
  /** For people: "Node 22 with npm (package.json, package-lock.json)". */
  readonly title: string;
  readonly image: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly cache?: {
    /** Files whose change begins a new cache. */
    readonly files: readonly string[];
    readonly paths: readonly string[];
  };
  /** What every stage does first. */
  readonly before: readonly string[];
  readonly stages: readonly DraftStage[];
}

export interface DraftStage {
  readonly id: "lint" | "test" | "build";
  readonly script: readonly string[];
  readonly junit?: string;
  /** True where nothing but the files of the repository can change the result. */
  readonly isPure?: true;
  /** A comment below its keys. */
  readonly hint?: string;
}

/** undefined: it isn't such a project. */
export type Detector = (folder: Folder) => Draft | undefined;

/** Where tools keep what they fetch: below the workspace, since only what lies there can be cached. */
export function cachePlace(name: string): string {
  return `/workspace/.cache/${name}`;
}

/** The first group of the first pattern that fits, when it's a plain version. */
export function versionIn(text: string, ...patterns: readonly RegExp[]): string | undefined {
  const found = patterns.map((pattern) => pattern.exec(text)?.[1]).find((version) => version !== undefined);
  return found !== undefined && /^\d{1,3}(\.\d{1,3}){0,2}$/.test(found) ? found : undefined;
}
