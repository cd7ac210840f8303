import type { HostConfig } from "dockerode";

/** What holds in every container that runs something of a user's. `capabilities`: those that are left to its root. */
export function hardening(capabilities: readonly string[]): HostConfig {
  return {
    CapDrop: ["ALL"],
    CapAdd: [...capabilities],
    SecurityOpt: ["no-new-privileges"],
    OomKillDisable: false,
    RestartPolicy: { Name: "no" },
    Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
  };
}
