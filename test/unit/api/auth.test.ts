import { afterAll, beforeAll, expect, test } from "bun:test";
import { defaultConfig } from "../../../src/store/config.ts";
import type { TestApi } from "../../support/api-fakes.ts";
import { raw, registeredConfig, startTestApi, token } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

async function statusWith(authorization: string | undefined, path = "/runner/version"): Promise<number> {
  const headers = authorization === undefined ? {} : { authorization };
  return (await fetch(api.url + path, { headers })).status;
}

test.each([`Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`])(
  "%p is let in",
  async (authorization) => {
    expect(await statusWith(authorization)).toBe(200);
  },
);

test.each([
  undefined,
  "",
  "Bearer",
  "Bearer ",
  `Bearer  ${token}`,
  `Bearer\t${token}`,
  `Bearer ${token} x`,
  `Bearer ${token}x`,
  `Bearer ${token.slice(0, -1)}`,
  `Bearer ${token.toUpperCase()}`,
  `Basic ${token}`,
  token,
  `Bearer ${"x".repeat(8000)}`,
])("%p is refused", async (authorization) => {
  expect(await statusWith(authorization)).toBe(401);
});

test("a refusal says nothing but that", async () => {
  const answer = await fetch(`${api.url}/runner/config`);
  expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(await answer.json()).toEqual({ type: "about:blank", title: "Unauthorized", status: 401 });
});

test("every path and method but health is guarded, the unknown ones too", async () => {
  const paths = [
    "/",
    "/trigger",
    "/stage/a",
    "/stage/a/logs?stream=sse",
    "/runs",
    "/run/a/cancel",
    "/nowhere",
    "/healthz/",
    "/healthz/../runs",
    "/HEALTHZ",
  ];
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      expect([path, method, (await fetch(api.url + path, { method })).status]).toEqual([path, method, 401]);
    }
  }
  expect(await raw(api.url, "GET //healthz HTTP/1.1\r\nHost: a\r\n\r\n")).toStartWith("HTTP/1.1 401");
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${api.url}/healthz?x=1`)).status).toBe(200);
  expect((await fetch(`${api.url}/healthz`, { method: "HEAD" })).status).toBe(200);
  expect((await fetch(`${api.url}/healthz`, { method: "POST" })).status).toBe(401);
});

test("the token counts in the header alone", async () => {
  for (const path of [`/runner/version?access_token=${token}`, `/runner/version?token=${token}`]) {
    expect((await fetch(api.url + path)).status).toBe(401);
  }
  const cookie = await fetch(`${api.url}/runner/version`, { headers: { cookie: `token=${token}` } });
  expect(cookie.status).toBe(401);
  const protocol = await fetch(`${api.url}/runner/version`, {
    headers: { "sec-websocket-protocol": `bearer.${token}` },
  });
  expect(protocol.status).toBe(401);
});

test("two Authorization headers are refused, even if one is right", async () => {
  for (const lines of [
    [`Bearer ${token}`, "Bearer x"],
    [`Bearer ${token}`, `Bearer ${token}`],
  ]) {
    const headers = lines.map((line) => `Authorization: ${line}\r\n`).join("");
    expect(await raw(api.url, `GET /runner/version HTTP/1.1\r\nHost: a\r\n${headers}\r\n`)).toStartWith(
      "HTTP/1.1 401",
    );
  }
});

test("a wrong token is refused before a body is looked at", async () => {
  const head =
    "POST /trigger HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n";
  expect(await raw(api.url, head)).toStartWith("HTTP/1.1 401");
});

test("a new token counts at once, and the old one no more", async () => {
  const { registration } = registeredConfig;
  if (registration === null) throw new Error("not registered");
  api.fakes.config = { ...registeredConfig, registration: { ...registration, token: "another" } };
  expect(await statusWith(`Bearer ${token}`)).toBe(401);
  expect(await statusWith("Bearer another")).toBe(200);
  api.fakes.config = registeredConfig;
});

test("a runner that isn't registered, or has an empty token, lets nobody in", async () => {
  const { registration } = registeredConfig;
  if (registration === null) throw new Error("not registered");
  for (const config of [
    defaultConfig,
    { ...registeredConfig, registration: { ...registration, token: "" } },
  ]) {
    api.fakes.config = config;
    for (const authorization of [
      undefined,
      "Bearer ",
      "Bearer null",
      "Bearer undefined",
      `Bearer ${token}`,
    ]) {
      expect(await statusWith(authorization)).toBe(401);
    }
    expect(await statusWith(undefined, "/healthz")).toBe(200);
  }
  api.fakes.config = registeredConfig;
});
