import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, lstat, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openToAll } from "../../../src/source/checkout.ts";
import { temporaryFolder, writeFiles } from "../../support/repository.ts";

let under: string;

beforeAll(async () => {
  under = await temporaryFolder();
});

afterAll(() => rm(under, { recursive: true, force: true }));

const modeOf = async (path: string): Promise<string> => ((await lstat(path)).mode & 0o7777).toString(8);

test("files and folders can be read and written by everyone, executables run by everyone", async () => {
  const folder = join(under, "workspace");
  await writeFiles(folder, { plain: "1", "deep/er/run": { executable: "2" }, "deep/setuid": "3" });
  await chmod(join(folder, "plain"), 0o600);
  await chmod(join(folder, "deep/er/run"), 0o500);
  await chmod(join(folder, "deep/setuid"), 0o4755);
  await chmod(join(folder, "deep/er"), 0o700);
  await chmod(folder, 0o700);
  await openToAll(folder);
  expect(await modeOf(folder)).toBe("777");
  expect(await modeOf(join(folder, "plain"))).toBe("666");
  expect(await modeOf(join(folder, "deep"))).toBe("777");
  expect(await modeOf(join(folder, "deep/er"))).toBe("777");
  expect(await modeOf(join(folder, "deep/er/run"))).toBe("777");
  expect(await modeOf(join(folder, "deep/setuid"))).toBe("777");
});

test("links are never followed", async () => {
  const outside = join(under, "outside");
  const folder = join(under, "links");
  await writeFiles(outside, { file: "1" });
  await chmod(join(outside, "file"), 0o600);
  await chmod(outside, 0o700);
  await writeFiles(folder, {
    "to-file": { link: join(outside, "file") },
    "to-folder": { link: outside },
    dangling: { link: "/no/where" },
    loop: { link: "loop" },
  });
  await openToAll(folder);
  expect(await modeOf(outside)).toBe("700");
  expect(await modeOf(join(outside, "file"))).toBe("600");
});

test("names that aren't UTF-8 are opened, too", async () => {
  const folder = join(under, "bytes");
  await mkdir(folder);
  const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x0a])]);
  await writeFile(name, "", { mode: 0o600 });
  await openToAll(folder);
  expect((await lstat(name)).mode & 0o777).toBe(0o666);
});
