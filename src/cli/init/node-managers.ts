import { cachePlace, type Folder } from "./project.ts";

/** What of package.json is looked at. */
export interface Package {
  readonly scripts: Readonly<Record<string, unknown>>;
  readonly engine: string;
  readonly manager: string;
  readonly hasJestJunit: boolean;
}

export interface Manager {
  readonly name: string;
  readonly lockfiles: readonly string[];
  /** Where it keeps what it fetches. */
  readonly caches: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  install(pkg: Package, isLocked: boolean, folder: Folder): readonly string[];
}

const corepack = ["npm install --global corepack@latest", "corepack enable"];

const npm: Manager = {
  name: "npm",
  lockfiles: ["package-lock.json", "npm-shrinkwrap.json"],
  caches: [".cache/npm/"],
  variables: { npm_config_cache: cachePlace("npm") },
  install: (_, isLocked) => [isLocked ? "npm ci" : "npm install"],
};

const managers: readonly Manager[] = [
  {
    name: "pnpm",
    lockfiles: ["pnpm-lock.yaml"],
    caches: [".cache/npm/", ".cache/pnpm/"],
    variables: { npm_config_cache: cachePlace("npm"), npm_config_store_dir: cachePlace("pnpm") },
    install: (_, isLocked) => [...corepack, isLocked ? "pnpm install --frozen-lockfile" : "pnpm install"],
  },
  {
    name: "yarn",
    lockfiles: ["yarn.lock"],
    caches: [".cache/yarn/"],
    variables: { YARN_CACHE_FOLDER: cachePlace("yarn"), YARN_ENABLE_GLOBAL_CACHE: "false" },
    install: installByYarn,
  },
  {
    name: "bun",
    lockfiles: ["bun.lock", "bun.lockb"],
    caches: [".cache/bun/"],
    variables: { BUN_INSTALL_CACHE_DIR: cachePlace("bun") },
    install: (_, isLocked) => [isLocked ? "bun install --frozen-lockfile" : "bun install"],
  },
  npm,
];

export function managerOf(folder: Folder, pkg: Package): Manager {
  const byLockfile = managers.find(({ lockfiles }) => folder.first(...lockfiles) !== undefined);
  const named = managers.find(({ name }) => pkg.manager.startsWith(`${name}@`));
  return byLockfile ?? named ?? npm;
}

/** Its second generation has no --frozen-lockfile, and comes by corepack. */
function installByYarn(pkg: Package, isLocked: boolean, folder: Folder): readonly string[] {
  const isModern = folder.has(".yarnrc.yml") || /^yarn@[2-9]/.test(pkg.manager);
  if (!isModern) return [isLocked ? "yarn install --frozen-lockfile" : "yarn install"];
  return [...corepack, isLocked ? "yarn install --immutable" : "yarn install"];
}
