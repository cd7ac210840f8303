import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { bearer, problemOf, raw, startTestApi, token } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const authorization = `Authorization: Bearer ${token}\r\n`;
describe("paths", () => {
  test.each([
    "/nowhere",
    "/runner/version/",
    "/runner//version",
    "/stage",
    "/stage/",
    "/run/a/b",
    "/RUNS",
    "/",
  ])("%p is unknown", async (path) => {
    expect((await problemOf(await api.get(path))).status).toBe(404);
  });

  test.each(["%2e", "%2e%2e", "..", "../x"])(
    "a path with %p is the path it stands for, or none",
    async (id) => {
      const answer = await raw(api.url, `GET /stage/${id}/logs HTTP/1.1\r\nHost: a\r\n${authorization}\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 (404|422)/);
    },
  );

  test.each([
    "a%2fb",
    "a%5cb",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "a%00b",
    "a%0ab",
    "a%0d%0ab",
    "a%7f",
    "a%c2%85",
    "a".repeat(257),
    "a".repeat(10_000),
  ])("the id %p is refused everywhere", async (id) => {
    for (const path of [
      `/stage/${id}`,
      `/stage/${id}/logs`,
      `/stage/${id}/logs?stream=sse`,
      `/run/${id}`,
      `/run/${id}/artifacts`,
      `/run/x/artifacts/${id}`,
      `/run/${id}/events`,
      `/stage/a?runId=${id}`,
      `/stage/a?pipelineId=${id}`,
      `/runs?cursor=${id}`,
    ]) {
      expect([path, (await problemOf(await api.get(path))).status]).toEqual([path, 422]);
    }
    expect((await problemOf(await api.post(`/run/${id}/cancel`))).status).toBe(422);
    expect((await problemOf(await api.post(`/cache/reset?stageId=${id}`))).status).toBe(422);
  });

  test.each(["$(id)", "a;b", "a'b", "__proto__", "constructor", "a".repeat(256), "%F0%9F%98%80"])(
    "the id %p is odd, and is just not there",
    async (id) => {
      for (const path of [`/stage/${id}`, `/run/${id}`, `/run/${id}/artifacts`, `/run/x/artifacts/${id}`]) {
        expect([path, (await problemOf(await api.get(path))).status]).toEqual([path, 404]);
      }
    },
  );

  test.each(["x%zz", "%", "x%", "%ff%fe"])("the id %p means nothing", async (id) => {
    for (const path of [`/stage/${id}`, `/run/${id}/artifacts`, `/run/x/artifacts/${id}`]) {
      expect([path, (await problemOf(await api.get(path))).status]).toEqual([path, 422]);
    }
    expect((await problemOf(await api.get(`/stage/a?runId=${id}`))).status).toBe(404);
  });

  test("a path with two slashes is another path", async () => {
    for (const path of ["//runner/version", "/runner//version", "//runner//version//"]) {
      const answer = await raw(api.url, `GET ${path} HTTP/1.1\r\nHost: a\r\n${authorization}\r\n`);
      expect(answer).toStartWith("HTTP/1.1 404");
    }
  });

  test("a wrong method is told which ones there are", async () => {
    const get = await api.get("/trigger");
    expect((await problemOf(get)).status).toBe(405);
    expect(get.headers.get("allow")).toBe("POST");
    for (const method of ["DELETE", "OPTIONS", "PUT"]) {
      const answer = await fetch(`${api.url}/run/x/artifacts/y`, { method, headers: bearer });
      expect((await problemOf(answer)).status).toBe(405);
      expect(answer.headers.get("allow")).toBe("GET, HEAD");
    }
  });

  test("HEAD answers as GET does, without a body", async () => {
    const run = await api.accept();
    for (const path of [
      "/runner/version",
      "/stage/build",
      "/stage/build/logs?stream=sse",
      "/stage/build/logs?stream=http",
      "/stage/build/logs",
      `/run/${run.runId}/events`,
    ]) {
      const head = await fetch(api.url + path, { method: "HEAD", headers: bearer });
      expect([path, head.status, await head.text()]).toEqual([path, 200, ""]);
    }
    expect((await fetch(`${api.url}/stage/nope`, { method: "HEAD", headers: bearer })).status).toBe(404);
  });

  test("an unknown key of a query is named", async () => {
    for (const path of [
      "/runner/version?x=1",
      "/stage/a?streem=ws",
      "/stage/a/logs?afterr=1",
      "/runs?__proto__=1",
      "/run/a?x",
      "/run/a/artifacts?x=1",
    ]) {
      const problem = await problemOf(await api.get(path));
      expect([path, problem.status, problem.errors?.[0]?.message]).toEqual([path, 422, "unknown key"]);
    }
  });

  test.each([
    "after=-1",
    "after=x",
    "after=1.5",
    "after=1e3",
    "after=",
    "after=%20",
    `after=${"9".repeat(16)}`,
    "tail=-1",
    "tail=all",
    "step=-1",
    "step=NaN",
    "stream=tcp",
    "stream=",
    "stream=SSE",
    "after=1&after=x",
  ])("a log with %p is refused", async (query) => {
    const problem = await problemOf(await api.get(`/stage/build/logs?${query}`));
    expect(problem.status).toBe(422);
    expect(problem.errors?.[0]?.path).toBe(`query.${query.split("=")[0]}`);
  });
});

describe("Host", () => {
  test.each(["a/healthz?", "a#b", "a b", "a@b", "", "a,b", "a:b", "a:123456", "[::1", "a\\b", "a%2f", "é"])(
    "%p is refused",
    async (host) => {
      for (const path of ["/public/secret", "/healthz", "/runner/version"]) {
        const answer = await raw(api.url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${authorization}\r\n`);
        expect(answer).toStartWith("HTTP/1.1 400");
      }
    },
  );

  test.each(["a", "localhost", "127.0.0.1:80", "[::1]:4483", "ci.example.com"])(
    "%p is taken, and changes no path",
    async (host) => {
      const send = (path: string, more = ""): Promise<string> =>
        raw(api.url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
      expect(await send("/healthz")).toStartWith("HTTP/1.1 200");
      expect(await send("/public/secret")).toStartWith("HTTP/1.1 401");
      expect(await send("/public/healthz")).toStartWith("HTTP/1.1 401");
      expect(await send("/x/healthz")).toStartWith("HTTP/1.1 401");
      expect(await send("/public/runner/version", authorization)).toStartWith("HTTP/1.1 404");
      expect(await send("/runner/version", authorization)).toStartWith("HTTP/1.1 200");
    },
  );

  test("none, or two, are refused", async () => {
    expect(await raw(api.url, "GET /healthz HTTP/1.1\r\n\r\n")).toStartWith("HTTP/1.1 400");
    expect(await raw(api.url, "GET /healthz HTTP/1.0\r\n\r\n")).toStartWith("HTTP/1.1 400");
    expect(await raw(api.url, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")).toStartWith(
      "HTTP/1.1 400",
    );
  });

  test("an absolute address in the request line opens nothing", async () => {
    expect(await raw(api.url, "GET http://evil/runner/version HTTP/1.1\r\nHost: a\r\n\r\n")).toStartWith(
      "HTTP/1.1 401",
    );
  });
});
