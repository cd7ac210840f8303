import { expect, test } from "bun:test";
import { forgeAddress } from "../../../src/forge/address.ts";
import { RunnerError } from "../../../src/shared/errors.ts";

function refusal(address: string): RunnerError {
  try {
    throw new Error(`taken as ${forgeAddress(address)}`);
  } catch (error) {
    if (error instanceof RunnerError) return error;
    throw error;
  }
}

test.each([
  ["https://ci.example.org", "https://ci.example.org"],
  ["https://ci.example.org:8443/a/b//", "https://ci.example.org:8443/a/b"],
  ["HTTPS://CI.example.org/", "https://ci.example.org"],
  ["http://127.0.0.1:1", "http://127.0.0.1:1"],
  ["http://127.9.9.9", "http://127.9.9.9"],
  ["http://127.1:1", "http://127.0.0.1:1"],
  ["http://localhost:1", "http://localhost:1"],
  ["http://[::1]:1", "http://[::1]:1"],
])("%s is taken as %s", (address, expected) => {
  expect(forgeAddress(address)).toBe(expected);
});

test.each([
  ["", "nothing"],
  ["ci.example.org", "a bare name"],
  ["ftp://ci.example.org", "ftp"],
  ["file:///etc/passwd", "a file"],
  ["http://ci.example.org", "plain http"],
  ["http://10.0.0.1", "plain http in a private network"],
  ["http://127.0.0.1.example.org", "a name that begins like loopback"],
  ["http://localhost.example.org", "a name that begins like localhost"],
  ["http://[::2]", "another IPv6 address"],
  ["https://user:pass@ci.example.org", "credentials"],
  ["https://token@ci.example.org", "a user name"],
  ["https://ci.example.org/?a=b", "a query"],
  ["https://ci.example.org/#a", "a fragment"],
  ["https://ci.example.org/\n", "a line end"],
])("the address %j (%s) is a mistake in usage", (address) => {
  expect(refusal(address).code).toBe("usage");
});

test("credentials in the address aren't repeated", () => {
  expect(refusal("https://user:hunter2@ci.example.org").message).not.toContain("hunter2");
});
