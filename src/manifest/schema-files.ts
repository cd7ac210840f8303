import { Type } from "@sinclair/typebox";
import { closed, duration, globs, is, oneOf, oneOrMore, outcomeWhen, text } from "./shapes.ts";

const reports = Type.Object(
  {
    junit: Type.Optional(
      oneOrMore(text("a path or glob relative to the workspace"), "a glob or a list of globs"),
    ),
  },
  closed("a map with junit"),
);

export const artifacts = Type.Object(
  {
    paths: Type.Optional(globs),
    exclude: Type.Optional(globs),
    when: Type.Optional(outcomeWhen),
    expire_in: Type.Optional(duration),
    reports: Type.Optional(reports),
  },
  closed("a map with paths"),
);

const cacheKey = Type.Union(
  [
    text("a key"),
    Type.Object(
      { files: globs, prefix: Type.Optional(text("a text")) },
      closed("a key, or a map with files"),
    ),
  ],
  is("a key, or a map with files"),
);

const oneCache = Type.Object(
  {
    key: Type.Optional(cacheKey),
    paths: globs,
    policy: Type.Optional(oneOf("pull-push", "pull", "push")),
    fallback_keys: Type.Optional(
      Type.Array(text("a key"), { maxItems: 10, description: "a list of at most 10 keys" }),
    ),
    when: Type.Optional(outcomeWhen),
  },
  closed("a map with paths"),
);

const mostCaches = 8;
export const cache = Type.Union(
  [
    oneCache,
    Type.Array(oneCache, {
      minItems: 1,
      maxItems: mostCaches,
      description: `a list of at most ${mostCaches} caches`,
    }),
  ],
  is("a map with paths, or a list of them"),
);
