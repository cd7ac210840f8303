import { expect, test } from "bun:test";
import { portsOf } from "../../../../src/engine/docker/listening.ts";
import { randomSubnet } from "../../../../src/engine/docker/network.ts";
import { linesOf } from "../../../../src/engine/docker/service-log.ts";
import { toServiceOptions } from "../../../../src/engine/docker/service-options.ts";

const head =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, state: string, remote = "00000000:0000"): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 94962 1 0 100 0 0 10 0\n`;

test("ports that listen to others are seen, of both families", () => {
  expect(portsOf(head + row("00000000:1538", "0A") + row("0B00A8C0:0050", "0A"))).toEqual([5432, 80]);
  expect(portsOf(head + row("00000000000000000000000000000000:18EB", "0A"))).toEqual([6379]);
});

test("ports that listen to nobody else, and connections, are none", () => {
  const loopback = ["0100007F:1538", "0B00007F:94B9", "00000000000000000000000001000000:1538"];
  expect(portsOf(head + loopback.map((local) => row(local, "0A")).join(""))).toEqual([]);
  expect(portsOf(head + row("0000000000000000FFFF00000100007F:1538", "0A"))).toEqual([]);
  expect(portsOf(head + row("00000000:1538", "01", "0100000A:9999"))).toEqual([]);
  expect(portsOf("cat: no such file\n   0: nonsense\n")).toEqual([]);
});

function frame(stream: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

test("frames of an engine's log become lines, whatever is torn", () => {
  const whole = Buffer.concat([frame(1, "one\n"), frame(2, "tw"), frame(2, "o\n"), frame(1, "é\n\nend")]);
  expect(linesOf(whole)).toEqual(["one", "two", "é", "", "end"]);
  expect(linesOf(whole.subarray(0, whole.length - 3)).at(0)).toBe("one");
  expect(linesOf(Buffer.alloc(0))).toEqual([]);
  expect(linesOf(Buffer.from([1, 0, 0]))).toEqual([]);
});

test("small subnets lie within 198.18.0.0/15, begin where a /27 does, and none is out of reach", () => {
  const all = Array.from({ length: 4096 }, (_, index) => randomSubnet(() => index / 4096));
  expect(new Set(all).size).toBe(4096);
  expect(all.every((subnet) => /^198\.1[89]\.\d{1,3}\.(0|32|64|96|128|160|192|224)\/27$/.test(subnet))).toBe(
    true,
  );
  expect([all[0], all.at(-1)]).toEqual(["198.18.0.0/27", "198.19.255.224/27"]);
});

test("a service gets what its image needs to drop root, and no more", () => {
  const options = toServiceOptions(
    {
      runId: "r",
      stageId: "s",
      alias: "db",
      names: ["db"],
      image: { name: "postgres:16", pullPolicy: "if_not_present" },
      environment: { A: "b=c" },
      resources: { memoryBytes: 1024, cpus: 0.5, pids: 10, shmBytes: 7 },
    },
    "runner",
    "network-id",
  );
  expect(options.NetworkingConfig?.EndpointsConfig).toEqual({ "network-id": { Aliases: ["db"] } });
  expect(options.HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    CapAdd: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
    SecurityOpt: ["no-new-privileges"],
    Memory: 1024,
    MemorySwap: 1024,
    NanoCpus: 5e8,
    PidsLimit: 10,
    ShmSize: 7,
  });
  expect(options.HostConfig?.Mounts).toBeUndefined();
  expect(options.HostConfig?.Privileged).toBeUndefined();
  expect(options.Env).toEqual(["A=b=c"]);
  expect(options.Labels).toMatchObject({ "dev.gitfoss.runner": "runner", "dev.gitfoss.service": "db" });
});
