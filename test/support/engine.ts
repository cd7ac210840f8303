import { expect } from "bun:test";

/** What bore our label before the first test: a runner that is in use on this machine. */
let before: ReadonlySet<string> | undefined;

/** Fails at once and says why: a test that needs an engine is never skipped. */
export async function requireEngine(): Promise<void> {
  try {
    await docker("version", "--format", "{{.Server.Version}}");
    before ??= new Set(await labelledObjects());
  } catch (error) {
    throw new Error(
      `these tests need a Docker Engine, and none answers (./scripts/test starts one): ${String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Runs the docker command and resolves to what it printed, without the last line end. Throws with its stderr. */
export async function docker(...args: readonly string[]): Promise<string> {
  return dockerWithInput("ignore", ...args);
}

/** The same, fed with `input`. */
export async function dockerWithInput(
  input: "ignore" | ReadableStream<Uint8Array>,
  ...args: readonly string[]
): Promise<string> {
  const command = Bun.spawn(["docker", ...args], { stdin: input, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([command.stdout.text(), command.stderr.text(), command.exited]);
  if (code !== 0) throw new Error(`docker ${args.join(" ")}: exit code ${code}: ${err.trim()}`);
  return out.trimEnd();
}

/**
 * What bears our label in the engine now: "container NAME", "network NAME", "volume NAME".
 * With a runner's id, only that runner's.
 */
export async function labelledObjects(runnerId?: string): Promise<readonly string[]> {
  const label = runnerId === undefined ? "dev.gitfoss.runner" : `dev.gitfoss.runner=${runnerId}`;
  const filter = ["--filter", `label=${label}`, "--format"];
  const [containers, networks, volumes] = await Promise.all([
    docker("ps", "--all", ...filter, "container {{.Names}}"),
    docker("network", "ls", ...filter, "network {{.Name}}"),
    docker("volume", "ls", ...filter, "volume {{.Name}}"),
  ]);
  return [containers, networks, volumes].flatMap((lines) => lines.split("\n")).filter((line) => line !== "");
}

const removalMs = 5000;

/** For `afterAll`: removal may come after the answer, but within 5 seconds everything of ours is gone. */
export async function expectNothingLeft(runnerId?: string): Promise<void> {
  const deadline = Date.now() + removalMs;
  let left = await newlyLabelled(runnerId);
  while (left.length > 0 && Date.now() < deadline) {
    await Bun.sleep(100);
    left = await newlyLabelled(runnerId);
  }
  expect(left).toEqual([]);
}

async function newlyLabelled(runnerId: string | undefined): Promise<readonly string[]> {
  const now = await labelledObjects(runnerId);
  return now.filter((object) => before?.has(object) !== true);
}
