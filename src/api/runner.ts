import type { Elysia } from "elysia";
import type { Config } from "../store/config.ts";
import type { ApiContext } from "./options.ts";
import { noQuery } from "./schema.ts";

export function addRunner(app: Elysia, { config, version }: ApiContext): void {
  app.get("/runner/config", () => configView(config()), { query: noQuery });
  app.get("/runner/version", () => ({ version: version.version, commit: version.commit }), {
    query: noQuery,
  });
}

function configView({ registration, defaultImage, defaultTimeout, successExit }: Config): object {
  const { id, url, token } = registration ?? { id: null, url: null, token: null };
  return { registration: { id, url, token }, defaultImage, defaultTimeout, successExit };
}
