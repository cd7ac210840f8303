import { afterEach, beforeEach, expect, test } from "bun:test";
import Docker from "dockerode";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Images } from "../../../../src/engine/docker/images.ts";

const present = { Id: "sha256:1", Os: "linux", Architecture: "amd64", Config: { User: "app" } };
const image = { name: "hello:1", pullPolicy: "always" } as const;

/** An engine whose pulls never end, and whose images are all there for amd64. */
let engine: Bun.Server<undefined>;
let folder: string;
let images: Images;
let begun: number;
let ended: number;
let wake: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gitfoss-images-"));
  begun = 0;
  ended = 0;
  wake = () => {};
  const socket = join(folder, "engine.sock");
  engine = Bun.serve({
    unix: socket,
    fetch(request) {
      if (new URL(request.url).pathname.endsWith("/json")) return Response.json(present);
      begun += 1;
      wake();
      request.signal.addEventListener("abort", () => {
        ended += 1;
        wake();
      });
      return new Promise<Response>(() => {});
    },
  });
  images = new Images(new Docker({ socketPath: socket }));
});
afterEach(async () => {
  await engine.stop(true);
  rmSync(folder, { recursive: true });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
}

function wait(): { readonly gone: Promise<unknown>; leave(): void } {
  const controller = new AbortController();
  const gone = images.ensure(image, () => {}, controller.signal).catch((error: unknown) => error);
  return { gone, leave: () => controller.abort(new Error("leaves")) };
}

test("a pull goes on while somebody waits for it, and ends with the last", async () => {
  const [first, second] = [wait(), wait()];
  await until(() => begun === 1);
  first.leave();
  expect(await first.gone).toEqual(new Error("leaves"));
  expect(ended).toBe(0);
  second.leave();
  await until(() => ended === 1);
  expect(begun).toBe(1);
});

test("who comes after everybody has left gets a pull of their own", async () => {
  const first = wait();
  await until(() => begun === 1);
  first.leave();
  await first.gone;
  const second = wait();
  await until(() => begun === 2);
  second.leave();
  await until(() => ended === 2);
});

test("an image of another platform than the stage's isn't taken for present", async () => {
  const signal = new AbortController().signal;
  const here = { name: "hello:1", pullPolicy: "if_not_present", platform: "linux/amd64" } as const;
  expect(await images.ensure(here, () => {}, signal)).toEqual({ id: "sha256:1", user: "app" });
  expect(begun).toBe(0);
  const elsewhere = { ...here, platform: "linux/arm64", pullPolicy: "never" } as const;
  expect(images.ensure(elsewhere, () => {}, signal)).rejects.toThrow("isn't on this machine for linux/arm64");
});
