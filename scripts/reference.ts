import { withReference } from "./reference/render.ts";

/** `bun run reference`: writes the reference in docs/manifest.md anew from the schema. */
async function main(): Promise<void> {
  const path = "docs/manifest.md";
  await Bun.write(path, withReference(await Bun.file(path).text()));
}

await main();
