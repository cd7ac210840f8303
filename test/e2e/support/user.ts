import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Invocation } from "./binary.ts";
import { makeRepository } from "./commit.ts";

/** Somebody who isn't root and has folders of their own. Whoever runs the tests as somebody else is that user. */
export interface User {
  readonly uid: number;
  /** Where `exec` puts what it makes. */
  readonly tmp: string;
  /** A folder of theirs, made by nobody yet. */
  place(name: string): string;
  /** Makes one of their repositories. */
  repository(name: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** How to start the binary as this user; `withEngine: false` without the right to talk to the engine. */
  invocation(cwd: string, options?: { readonly withEngine?: boolean }): Invocation;
  remove(): Promise<void>;
}

/** No machine has this user in its list, and none need have: a number is enough. */
const strangerId = 61_234;

export async function makeUser(): Promise<User> {
  const own = process.getuid?.() ?? strangerId;
  const uid = own === 0 ? strangerId : own;
  const folder = await mkdtemp(join(tmpdir(), "gitfoss-user-"));
  const [home, tmp] = [join(folder, "home"), join(folder, "tmp")];
  for (const each of [home, tmp]) await mkdir(each);
  const engineGroup = await groupOfEngine();
  await give(folder, uid);
  return {
    uid,
    tmp,
    place: (name) => join(folder, name),
    async repository(name, files) {
      const repository = await makeRepository(join(folder, name), files);
      await give(repository, uid);
      return repository;
    },
    invocation: (cwd, { withEngine = true } = {}) => ({
      cwd,
      env: { HOME: home, TMPDIR: tmp },
      by: own === 0 ? asUser(uid, withEngine ? engineGroup : uid) : [],
    }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function asUser(uid: number, group: number): readonly string[] {
  return ["setpriv", `--reuid=${String(uid)}`, `--regid=${String(uid)}`, `--groups=${String(group)}`, "--"];
}

async function groupOfEngine(): Promise<number> {
  const host = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  if (!host.startsWith("unix://"))
    throw new Error(`these tests need an engine on a unix socket, not ${host}`);
  return (await stat(host.slice("unix://".length))).gid;
}

/** Gives away a folder with all that is in it. */
async function give(folder: string, uid: number): Promise<void> {
  await chmod(folder, 0o755);
  if (process.getuid?.() !== 0) return;
  const all = Bun.spawnSync(["chown", "-R", `${String(uid)}:${String(uid)}`, folder]);
  if (!all.success) throw new Error(all.stderr.toString());
}
