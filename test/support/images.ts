import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { docker, dockerWithInput } from "./engine.ts";

/** The images that tests run stages in. Made of what's on this machine, since none can be pulled. */
export const images = {
  /** A static busybox; users root and app (1000). */
  busybox: "gitfoss-test/busybox:1",
  /** As busybox, but its user is app. */
  nonroot: "gitfoss-test/nonroot:1",
  /** Debian's bash, dash as sh, GNU tools, git. */
  bash: "gitfoss-test/bash:1",
  /** Debian's dash as sh, GNU tools; no bash, no git. */
  dash: "gitfoss-test/dash:1",
  /** Debian's servers, each as its official image: drops root, exposes its port; the first two keep their data in a volume. */
  postgres: "gitfoss-test/postgres:1",
  redis: "gitfoss-test/redis:1",
  nginx: "gitfoss-test/nginx:1",
} as const;

export type TestImage = keyof typeof images;

/** Makes the images that aren't there yet; resolves to the name of the first. */
export async function requireImages(first: TestImage, ...more: readonly TestImage[]): Promise<string> {
  for (const image of [first, ...more]) {
    if (!(await isPresent(images[image]))) await make(image);
  }
  return images[first];
}

async function isPresent(name: string): Promise<boolean> {
  return (await docker("images", "--quiet", name)) !== "";
}

async function make(image: TestImage): Promise<void> {
  const name = images[image];
  if (image === "busybox") await run("scripts/base-image", name);
  else if (image === "nonroot") await run("scripts/base-image", name, "USER app");
  else if (image === "postgres" || image === "redis" || image === "nginx") await run("scripts/server-images");
  else if (image === "dash") await importDebian(name, tools);
  else await importDebian(name, [...tools, "bash", "git"]);
}

const tools = [
  ..."dash env cat chmod chown cp cut date dd dirname basename echo expr false head id ln ls mkdir mkfifo".split(
    " ",
  ),
  ..."mktemp mv od printf pwd readlink rm rmdir seq sha256sum sleep sort stat stty sync tail tee test timeout".split(
    " ",
  ),
  ..."touch tr true truncate uname uniq wc whoami yes sed grep find xargs tar gzip setsid".split(" "),
];

/** A small Debian: the programs, copied from this machine, with the libraries that they need. */
async function importDebian(name: string, programs: readonly string[]): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "gitfoss-image-"));
  try {
    await layOut(root);
    const files = programs.map(whereIs);
    for (const file of new Set([...files, ...(await librariesOf(files))])) {
      await mkdir(join(root, dirname(file)), { recursive: true });
      await cp(file, join(root, file), { dereference: true });
    }
    const pack = Bun.spawn(["tar", "--numeric-owner", "--owner=0", "--group=0", "-C", root, "-cf", "-", "."]);
    await dockerWithInput(pack.stdout, "import", "--change", "ENV PATH=/usr/bin:/bin", "-", name);
    if ((await pack.exited) !== 0) throw new Error(`tar failed for ${name}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Folders and links as Debian has them since /bin and /lib moved into /usr. */
async function layOut(root: string): Promise<void> {
  for (const folder of [
    "dev",
    "etc",
    "proc",
    "root",
    "sys",
    "tmp",
    "var/tmp",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
  ]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  for (const folder of ["bin", "lib", "lib64"]) await symlink(`usr/${folder}`, join(root, folder));
  await symlink("dash", join(root, "usr/bin/sh"));
  await Bun.write(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
  );
  await Bun.write(join(root, "etc/group"), "root:x:0:\napp:x:1000:\nnogroup:x:65534:\n");
  await run("chmod", "755", root);
  await run("chmod", "1777", join(root, "tmp"), join(root, "var/tmp"));
}

function whereIs(program: string): string {
  const file = Bun.which(program, { PATH: "/usr/bin:/bin" });
  if (file === null)
    throw new Error(`the test images are made of this machine's programs, and ${program} is missing`);
  return file;
}

async function librariesOf(files: readonly string[]): Promise<readonly string[]> {
  const listed = await run("ldd", ...files);
  return [...listed.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)].flatMap(([, file]) => file ?? []);
}

async function run(...command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit code ${code}: ${err.trim()}`);
  return out;
}
