import { expect, test } from "bun:test";
import { untilHealthy } from "../../../src/engine/healthcheck.ts";

const never = new AbortController().signal;
const pace = { intervalSeconds: 0.05, timeoutSeconds: 10, retries: 3, startSeconds: 0 };
const failing = async () => ({ succeeded: false, output: "no" });

test("the first success ends it, long before the interval", async () => {
  let tries = 0;
  const probe = async () => ({ succeeded: ++tries === 3, output: "" });
  expect(await untilHealthy({ ...pace, intervalSeconds: 3600, retries: 1 }, probe, never)).toBeUndefined();
  expect(tries).toBe(3);
});

test("as many counted failures as retries end it, with what the last one said", async () => {
  const began = performance.now();
  expect(await untilHealthy(pace, failing, never)).toBe("no");
  expect(performance.now() - began).toBeGreaterThanOrEqual(149);
});

test("failures within the start period don't count", async () => {
  const began = performance.now();
  expect(await untilHealthy({ ...pace, retries: 1, startSeconds: 0.3 }, failing, never)).toBe("no");
  expect(performance.now() - began).toBeGreaterThanOrEqual(299);
});

test("one that hangs is a failure once its timeout is over, and the next is tried", async () => {
  let tries = 0;
  const hangs = (signal: AbortSignal) => {
    tries += 1;
    return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const said = await untilHealthy({ ...pace, timeoutSeconds: 0.06, retries: 2 }, hangs, never);
  expect([tries, said]).toEqual([2, "no answer within 0.06 s"]);
});

test("an abort ends it at once, and an error isn't taken for a failure", async () => {
  const leaving = new AbortController();
  const waiting = untilHealthy(pace, failing, leaving.signal);
  leaving.abort(new Error("enough"));
  expect(await waiting.catch(String)).toBe("Error: enough");
  const broken = () => Promise.reject(new Error("away"));
  expect(await untilHealthy(pace, broken, never).catch(String)).toBe("Error: away");
});
