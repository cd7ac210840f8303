import { t } from "elysia";

/** `description` ends the sentence "must be …" when a value doesn't fit. */

// Ids become parts of paths: no separators, no dots alone, no control characters, no lone surrogates.
const idPattern =
  "^(?!\\.{1,2}$)(?:[^\\u0000-\\u001f\\u007f-\\u009f/\\\\\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff]){1,256}$";
const id = t.String({
  pattern: idPattern,
  description: '1 to 256 characters, none of them "/", "\\" or a control character, and not "." or ".."',
});
const text = (maxLength: number) =>
  t.String({
    minLength: 1,
    maxLength,
    pattern: "^[^\\u0000-\\u001f\\u007f]*$",
    description: `1 to ${maxLength} characters without control characters`,
  });
const count = t.String({ pattern: "^\\d{1,15}$", description: "a whole number, 0 or more" });
const closed = { additionalProperties: false, description: "an object" };

const value = t.String({
  maxLength: 65_536,
  pattern: "^[^\\u0000]*$",
  description: "a string of at most 65536 characters without NUL",
});

export const triggerBody = t.Object(
  {
    pipelineId: id,
    orgId: id,
    repoId: id,
    gitRepoDir: text(4096),
    stageId: id,
    ref: t.Optional(text(1024)),
    variables: t.Optional(
      t.Record(t.String({ pattern: "^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$" }), value, {
        maxProperties: 1000,
        additionalProperties: false,
        description: "an object of at most 1000 variables",
        unknownKey: "a variable's name is letters, digits and underscores, and doesn't begin with a digit",
      }),
    ),
    secrets: t.Optional(
      t.Record(t.String({ pattern: "^(?!__proto__$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$" }), value, {
        maxProperties: 1000,
        additionalProperties: false,
        description: "an object of at most 1000 secrets",
        unknownKey:
          "a secret's name is 1 to 128 letters, digits, _, . and -, and begins with none of the last two",
      }),
    ),
    manifest: t.Optional(text(1024)),
    reuse: t.Optional(t.Boolean({ description: "true or false" })),
  },
  closed,
);

/** Both a body and a query: `POST /cache/reset` takes either. */
export const cacheFilter = t.Object({ pipelineId: t.Optional(id), stageId: t.Optional(id) }, closed);

export const noQuery = t.Object({}, closed);
export const stageParams = t.Object({ stageId: id });
export const runParams = t.Object({ runId: id });
export const serviceParams = t.Object({ runId: id, alias: id });
export const artifactParams = t.Object({ runId: id, artefactId: id });

export const stageQuery = t.Object({ pipelineId: t.Optional(id), runId: t.Optional(id) }, closed);

export const logQuery = t.Object(
  {
    pipelineId: t.Optional(id),
    runId: t.Optional(id),
    stream: t.Optional(
      t.Union([t.Literal("http"), t.Literal("ws"), t.Literal("sse")], {
        description: '"http", "ws" or "sse"',
      }),
    ),
    after: t.Optional(count),
    tail: t.Optional(count),
    step: t.Optional(count),
  },
  closed,
);

const statuses = ["PENDING", "RUNNING", "SUCCESS", "FAILURE", "CANCELED", "PASSED"] as const;

export const runsQuery = t.Object(
  {
    status: t.Optional(
      t.Union(
        statuses.map((status) => t.Literal(status)),
        { description: `one of ${statuses.join(", ")}` },
      ),
    ),
    stageId: t.Optional(id),
    pipelineId: t.Optional(id),
    limit: t.Optional(
      t.String({ pattern: "^(?:[1-9]\\d{0,2}|1000)$", description: "a whole number from 1 to 1000" }),
    ),
    cursor: t.Optional(id),
  },
  closed,
);

export const eventsQuery = t.Object({ after: t.Optional(count) }, closed);
