import type { Elysia } from "elysia";
import type { Artifact } from "../store/artifact.ts";
import { RunnerError } from "../shared/errors.ts";
import { findRun } from "./find-run.ts";
import type { ApiContext, ApiStore } from "./options.ts";
import { HttpError, problemResponse } from "./problem.ts";
import { rangeOf } from "./range.ts";
import { artifactParams, noQuery, runParams } from "./schema.ts";
import { artifactsView } from "./views.ts";

export function addArtifacts(app: Elysia, { store }: ApiContext): void {
  app.get(
    "/run/:runId/artifacts",
    async ({ params }) =>
      artifactsView(await findRun(store, params.runId), store.runArtifacts.list(params.runId)),
    { params: runParams, query: noQuery },
  );
  app.get(
    "/run/:runId/artifacts/:artefactId",
    async ({ params, request }) => {
      await findRun(store, params.runId);
      refuseExpired(store, params.runId);
      const found = await store.artifactFile(params.runId, params.artefactId);
      if (found === undefined) throw new RunnerError("not_found", "this run has no artifact with this id");
      return download(found.artifact, found.file, request);
    },
    { params: artifactParams, query: noQuery },
  );
}

function refuseExpired({ runArtifacts }: ApiStore, runId: string): void {
  const { expiresAt, isExpired } = runArtifacts.list(runId);
  if (!isExpired) return;
  const detail = `the artifacts of this run expired at ${String(expiresAt)}`;
  throw new HttpError({ status: 410, title: "Gone", detail });
}

function download(artifact: Artifact, path: string, request: Request): Response {
  const file = Bun.file(path);
  if (file.size !== artifact.size)
    throw new Error(`the file of artifact ${artifact.id} has ${file.size} bytes, not ${artifact.size}`);
  const etag = `"sha256-${artifact.sha256}"`;
  const headers = { ...downloadHeaders, etag, "content-disposition": disposition(artifact.name) };
  if (isMatched(request.headers.get("if-none-match"), etag))
    return new Response(null, { status: 304, headers });
  const ifRange = request.headers.get("if-range");
  const range =
    ifRange === null || ifRange === etag ? rangeOf(request.headers.get("range"), file.size) : undefined;
  if (range === undefined)
    return new Response(file, { headers: { ...headers, "content-length": String(file.size) } });
  if (range === "unsatisfiable") {
    return problemResponse({
      status: 416,
      title: "Range not satisfiable",
      detail: `the file has ${file.size} bytes`,
      headers: { "content-range": `bytes */${file.size}` },
    });
  }
  const contentRange = `bytes ${range.start}-${range.end - 1}/${file.size}`;
  return new Response(file.slice(range.start, range.end), {
    status: 206,
    headers: { ...headers, "content-range": contentRange, "content-length": String(range.end - range.start) },
  });
}

/** A stage made the file, and it may be HTML: a browser must save it, not show it. */
const downloadHeaders = {
  "content-type": "application/octet-stream",
  "content-security-policy": "sandbox",
  "cache-control": "private, no-cache",
  "accept-ranges": "bytes",
};

function isMatched(header: string | null, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}

/** RFC 6266: a name in ASCII for old readers, the real one beside it (RFC 8187). */
function disposition(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, percent);
  return `attachment; filename="${name.replace(/[^\w.-]/g, "_")}"; filename*=UTF-8''${encoded}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
