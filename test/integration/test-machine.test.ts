import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { docker, labelledObjects, requireEngine } from "../support/engine.ts";
import { images, requireImages } from "../support/images.ts";
import { startRegistry, type Registry } from "../support/registry.ts";

/** What the other tests stand on does what it promises. */

beforeAll(async () => {
  await requireEngine();
  await requireImages("busybox", "nonroot", "bash", "dash");
});

function inside(image: string, script: string): Promise<string> {
  return docker("run", "--rm", image, "sh", "-c", script);
}

describe("the test images", () => {
  test("each have the shell they are named for", async () => {
    expect(await inside(images.busybox, "readlink -f /proc/$$/exe")).toBe("/bin/busybox");
    expect(await inside(images.dash, "readlink -f /proc/$$/exe; command -v bash git || echo neither")).toBe(
      "/usr/bin/dash\nneither",
    );
    expect(await docker("run", "--rm", images.bash, "bash", "-c", "echo $BASH_VERSION")).toMatch(/^5\./);
  });

  test("have a git that works, in the image with bash", async () => {
    expect(await inside(images.bash, "cd /tmp && git init -q . && touch a && git status --short")).toBe(
      "?? a",
    );
  });

  test("know the user app, and one runs as it", async () => {
    for (const image of [images.busybox, images.bash]) expect(await inside(image, "id -u app")).toBe("1000");
    expect(await inside(images.nonroot, "id -un; touch /tmp/mine ~/mine && echo writable")).toBe(
      "app\nwritable",
    );
  });
});

describe("the test registry", () => {
  let registry: Registry;

  beforeAll(async () => {
    registry = await startRegistry(images.busybox);
  });

  afterAll(() => registry.stop());

  test("has an image that the engine gets by pulling alone", async () => {
    const name = await registry.publish("hello:1", 100_000);
    expect(await docker("images", "--quiet", name)).toBe("");
    expect(await docker("pull", name)).toContain("Pull complete");
    expect(await inside(name, "wc -c < /filler")).toBe("100000");
  });

  test("doesn't know what wasn't published", async () => {
    const outcome = await docker("pull", `${registry.address}/nobody:1`).catch(String);
    expect(outcome).toMatch(/not found|manifest unknown/);
  });
});

test("what bears our label is found, by runner", async () => {
  const name = `gitfoss-labelled-${process.pid}`;
  await docker("create", "--name", name, "--label", `dev.gitfoss.runner=${name}`, images.busybox, "true");
  await docker("volume", "create", "--label", `dev.gitfoss.runner=${name}`, name);
  expect(await labelledObjects(name)).toEqual([`container ${name}`, `volume ${name}`]);
  await docker("rm", name);
  await docker("volume", "rm", name);
  expect(await labelledObjects(name)).toEqual([]);
});
