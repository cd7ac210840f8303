import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { messageOf, RunnerError, systemCodeOf } from "../shared/errors.ts";
import { quoted } from "./printable.ts";
import { defaultManifest } from "../manifest/manifest.ts";

/** One byte more than a manifest may have: enough to know that it is too big. */
const maxBytes = 1024 * 1024 + 1;

/** The manifest to take when none is named: in the folder itself, else at the top of its repository. Relative to it. */
export async function findManifest(folder: string): Promise<string> {
  if (await exists(join(folder, defaultManifest))) return defaultManifest;
  const top = await topOf(folder);
  if (top !== undefined && (await exists(join(top, defaultManifest)))) {
    return relative(folder, join(top, defaultManifest));
  }
  const places = top === undefined || top === folder ? "here" : "here or at the top of the repository";
  throw new RunnerError(
    "manifest_missing",
    `there is no ${defaultManifest} ${places}; name one as the first argument`,
  );
}

/** The folder above (or at) `folder` that holds `.git`; undefined outside of a repository. No git is started for it. */
async function topOf(folder: string): Promise<string | undefined> {
  if (await exists(join(folder, ".git"))) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : topOf(parent);
}

/** The bytes of a manifest, as many as a manifest may have and one more. Throws `manifest_missing`. */
export async function readManifestFile(path: string, named: string): Promise<Uint8Array> {
  try {
    return await readStart(path);
  } catch (error) {
    throw new RunnerError(
      "manifest_missing",
      `can't read the manifest ${quoted(named)}: ${whyUnreadable(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function readStart(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.alloc(maxBytes);
    let length = 0;
    while (length < maxBytes) {
      const { bytesRead } = await file.read(bytes, length, maxBytes - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

function whyUnreadable(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    ENOTDIR: "no such file",
    EISDIR: "it is a folder",
    EACCES: "permission denied",
    ENAMETOOLONG: "the name is too long",
  };
  return reasons[systemCodeOf(error) ?? ""] ?? messageOf(error);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
