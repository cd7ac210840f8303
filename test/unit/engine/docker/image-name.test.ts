import { expect, test } from "bun:test";
import { checkImageName } from "../../../../src/engine/docker/image-name.ts";
import { RunnerError } from "../../../../src/shared/errors.ts";

const hash = "0123456789abcdef".repeat(4);

for (const name of [
  "busybox",
  "busybox:1.36",
  "library/node:22-alpine",
  "ghcr.io/org/x__y/z.z-z--z:v1.0_A",
  "127.0.0.1:5000/hello:1",
  "[::1]:5000/hello",
  "localhost/hello",
  "REGISTRY.example/hello",
  `busybox@sha256:${hash}`,
  `busybox:1@sha256:${hash}`,
  `sha256:${hash}`,
  hash,
]) {
  test(`${name} is a name`, () => {
    expect(() => checkImageName(name)).not.toThrow();
  });
}

for (const name of [
  "",
  " ",
  "a b",
  "../../containers/json",
  "/../../containers/json",
  "busybox/../x",
  "Not/An//Image:::",
  "a//b",
  "a/",
  "/a",
  "x:",
  "@",
  "-x",
  "HELLO",
  "org/HELLO",
  "a?b=c",
  "a#b",
  "%2e%2e/x",
  "é",
  "a\0",
  "a\nb",
  "a\n",
  "busybox@sha256:12",
  `busybox:${"t".repeat(129)}`,
  `${"a/".repeat(400)}a`,
  `${"a-".repeat(100_000)}!`,
  "__".repeat(100_000),
]) {
  test(`${JSON.stringify(name.slice(0, 40))} (${name.length}) is none`, () => {
    expect(() => checkImageName(name)).toThrow(RunnerError);
    expect(() => checkImageName(name)).toThrow(/^".*…?" is no image's name; one is written /);
  });
}
