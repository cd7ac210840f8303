import { engineContract } from "../../support/engine-contract.ts";
import { FakeEngine } from "../../support/fake-engine.ts";

for (const shell of ["sh", "bash"]) {
  engineContract({
    name: `the fake engine with ${shell}`,
    image: "any",
    shell,
    open: async () => new FakeEngine(),
    killFromOutside: async (engine, handle) => {
      if (engine instanceof FakeEngine) await engine.kill(handle);
    },
    roomIsMounted: false,
    roomInside: (spec) => spec.room,
  });
}
