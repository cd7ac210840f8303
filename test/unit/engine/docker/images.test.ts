import { afterEach, beforeEach, expect, test } from "bun:test";
import Docker from "dockerode";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Images } from "../../../../src/engine/docker/images.ts";

const image = { name: "hello:1", pullPolicy: "always" } as const;

/** An engine whose pulls never end. */
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
