import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../../shared/errors.ts";

/** Removes a folder of ours and all in it, also what lies in folders that may not be written to, as package managers leave them. */
export function removeTree(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    if (!["EACCES", "EPERM"].includes(systemCodeOf(error) ?? "")) throw error;
    openFolders(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

function openFolders(top: string): void {
  const folders = [top];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    chmodSync(folder, 0o700);
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) folders.push(join(folder, entry.name));
  }
}
