import { expect, test } from "bun:test";
import { serviceAlias, serviceNames } from "../../../src/manifest/service-names.ts";

const digest = `sha256:${"0".repeat(64)}`;

test.each([
  ["postgres", "postgres"],
  ["postgres:16", "postgres"],
  [`postgres:16@${digest}`, "postgres"],
  ["registry/foo/bar", "bar"],
  ["registry.example:5000/foo/bar:1.2", "bar"],
  ["localhost:5000/bar", "bar"],
])("%s is called %s when nobody says otherwise", (image, alias) => {
  expect(serviceAlias(image, undefined)).toBe(alias);
});

test("an alias is what a service is called, and GitLab's names hold beside it", () => {
  expect(serviceAlias("postgres:16", "Db")).toBe("Db");
  expect(serviceNames("registry.example:5000/foo/bar:1", "Db")).toEqual([
    "db",
    "registry.example__foo__bar",
    "registry.example-foo-bar",
  ]);
  expect(serviceNames("postgres:16", undefined)).toEqual(["postgres"]);
});
