import { engineContract } from "../support/engine-contract.ts";
import { fakeEngineWith } from "../support/fake-engine-contract.ts";

engineContract(fakeEngineWith("bash"));
