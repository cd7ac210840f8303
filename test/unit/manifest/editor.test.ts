import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { jsonSchema } from "../../../src/manifest/json-schema.ts";
import { isObject } from "../../e2e/support/daemon.ts";
import { startLanguageServer, type LanguageServer } from "../../support/language-server.ts";

/* The published schema in an editor: the YAML language server finds it by the manifest's first line. */

const modeline = "# yaml-language-server: $schema=./gitfoss-ci.schema.json\n";
let folder: string;
let server: LanguageServer;
let opened = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitfoss-editor-"));
  await Bun.write(join(folder, "gitfoss-ci.schema.json"), JSON.stringify(jsonSchema()));
  server = startLanguageServer();
  const capabilities = {
    textDocument: { completion: { completionItem: { snippetSupport: true } }, hover: {} },
  };
  await server.request("initialize", {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    capabilities,
  });
  server.notify("initialized", {});
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A manifest opened in the editor, by its address. */
function open(text: string): string {
  const uri = pathToFileURL(join(folder, `${String(++opened)}.gitfoss-ci.yml`)).href;
  server.notify("textDocument/didOpen", {
    textDocument: { uri, languageId: "yaml", version: 1, text: modeline + text },
  });
  return uri;
}

/** Where the file of `open` has that line, counted without the first one. */
function at(uri: string, line: number, character: number): object {
  return { textDocument: { uri }, position: { line: line + 1, character } };
}

async function diagnosticsOf(text: string): Promise<string[]> {
  const uri = open(text);
  for (;;) {
    const found = await server.next("textDocument/publishDiagnostics");
    if (!isObject(found) || found["uri"] !== uri || !Array.isArray(found["diagnostics"])) continue;
    return found["diagnostics"].map((each: unknown) => (isObject(each) ? String(each["message"]) : ""));
  }
}

async function labelsAt(place: object): Promise<string[]> {
  const found = await server.request("textDocument/completion", place);
  const items: unknown = isObject(found) ? found["items"] : found;
  return Array.isArray(items)
    ? items.map((each: unknown) => (isObject(each) ? String(each["label"]) : ""))
    : [];
}

test("a sound manifest is sound, with templates, a matrix and merge keys", async () => {
  const text = `x-base: &base { image: alpine }
stages:
  .go: { script: [go test], cache: { policy: pull } }
  test: { <<: *base, extends: .go, cache: { paths: [.cache] }, matrix: { N: [1, 2] }, timeout: 1h 30m }
`;
  expect(await diagnosticsOf(text)).toEqual([]);
});

test("slips are marked, in our words where there are some", async () => {
  const text = `stages:
  build:
    script: make
    tiemout: 15m
    timeout: "15"
    when: sometimes
`;
  const messages = await diagnosticsOf(text);
  expect(messages).toContain("Property tiemout is not allowed.");
  expect(messages).toContain('must be a duration such as "90s", "15m" or "1h 30m"');
  expect(messages.join("\n")).toContain('"on_success", "on_failure", "always", "never"');
});

test("keys and values are completed", async () => {
  expect(await labelsAt(at(open("stages:\n  build:\n    \n"), 2, 4))).toEqual(
    expect.arrayContaining(["script", "needs", "extends", "matrix", "services"]),
  );
  expect(await labelsAt(at(open("stages:\n  build:\n    when: \n"), 2, 10))).toEqual(
    expect.arrayContaining(["on_success", "on_failure", "always", "never"]),
  );
  expect(await labelsAt(at(open("stages:\n  build:\n    cache:\n      \n"), 3, 6))).toEqual(
    expect.arrayContaining(["paths", "key", "policy"]),
  );
});

test("the pointer on a key says what it is for", async () => {
  const uri = open("stages:\n  build:\n    after_script: x\n");
  const shown = await server.request("textDocument/hover", at(uri, 2, 6));
  expect(JSON.stringify(shown)).toContain("can't change the result");
});
