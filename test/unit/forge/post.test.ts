import { afterEach, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { post } from "../../../src/forge/post.ts";
import { startRawServer } from "../../support/forge.ts";

const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function given(accept: (socket: Socket) => void): Promise<unknown> {
  const server = await startRawServer(accept);
  stops.push(() => server.stop());
  return post(server.url, {}, 200, new AbortController().signal).catch((error: unknown) => error);
}

test("a forge that never answers is given up at the deadline", async () => {
  expect(await given(() => {})).toMatchObject({
    code: "forge_unreachable",
    message: expect.stringContaining("no answer within 0.2 seconds"),
  });
});

test("a forge that drips its answer is given up at the deadline, too", async () => {
  const error = await given((socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{");
    const timer = setInterval(() => socket.write(" "), 20);
    socket.on("close", () => clearInterval(timer));
  });
  expect(error).toMatchObject({
    code: "forge_unreachable",
    message: expect.stringContaining("no answer within 0.2 seconds"),
  });
});

test("a peer that doesn't speak HTTP is out of reach", async () => {
  expect(await given((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"))).toMatchObject({
    code: "forge_unreachable",
  });
});

test("an answer that ends in its middle is out of reach", async () => {
  const half = "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{";
  expect(await given((socket) => socket.end(half))).toMatchObject({ code: "forge_unreachable" });
});
