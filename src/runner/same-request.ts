import type { RunRequest } from "../events/event.ts";

/** Whether two triggers ask for the same, even if the ref has moved to another commit between them. */
export function sameRequest(one: RunRequest, other: RunRequest): boolean {
  return asked(one) === asked(other);
}

function asked(request: RunRequest): string {
  const { pipelineId, orgId, repoId, stageId, source, variables } = request;
  const place = source.kind === "repository" ? source.gitDir : source.folder;
  const sorted = Object.entries(variables).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([pipelineId, orgId, repoId, stageId, place, source.commit?.ref, sorted]);
}
