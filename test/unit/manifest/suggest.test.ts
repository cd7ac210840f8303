import { expect, test } from "bun:test";
import { nearest } from "../../../src/manifest/suggest.ts";

const known = ["artifacts", "after_script", "image", "script", "timeout"];

test("a slip of the fingers is understood", () => {
  expect(nearest("artefacts", known)).toBe("artifacts");
  expect(nearest("scirpt", known)).toBe("script");
  expect(nearest("Timeout", known)).toBe("timeout");
  expect(nearest("imge", known)).toBe("image");
});

test("another word is left alone, however long", () => {
  expect(nearest("services", known)).toBeUndefined();
  expect(nearest("", known)).toBeUndefined();
  expect(nearest("x".repeat(100_000), known)).toBeUndefined();
});
