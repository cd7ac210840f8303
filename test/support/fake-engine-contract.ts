import type { EngineUnderTest } from "./engine-under-test.ts";
import { FakeEngine } from "./fake-engine.ts";

/** The fake engine as the contract's suite wants it, with one of this machine's shells. */
export function fakeEngineWith(shell: string): EngineUnderTest {
  return {
    name: `the fake engine with ${shell}`,
    image: "any",
    shell,
    open: async () => new FakeEngine(),
    killFromOutside: async (engine, handle) => {
      if (engine instanceof FakeEngine) await engine.kill(handle);
    },
    killService: async (engine, service) => {
      if (engine instanceof FakeEngine) await engine.services.kill(service);
    },
    roomIsMounted: false,
    limits: false,
    roomInside: (spec) => spec.room,
  };
}
