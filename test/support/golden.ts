import { expect } from "bun:test";

/**
 * Holds a text against the file that people read and agree to. With UPDATE_GOLDEN=1 the file is written anew: look at
 * the difference before it is committed.
 */
export async function expectGolden(path: string, actual: string): Promise<void> {
  const file = Bun.file(path);
  if (process.env["UPDATE_GOLDEN"] === "1") await Bun.write(path, actual);
  if (!(await file.exists())) throw new Error(`${path} isn't there; UPDATE_GOLDEN=1 writes it`);
  expect(actual).toBe(await file.text());
}
