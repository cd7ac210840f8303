import { Type } from "@sinclair/typebox";
import { closed, duration, globs, is, key, oneOf, oneOrMore, outcomeWhen, required, text } from "./shapes.ts";

const reports = Type.Object(
  {
    junit: key(
      oneOrMore(text("a path or glob relative to the workspace"), "a glob or a list of globs"),
      "Test reports in JUnit's XML, read into the stage's answer.",
      { examples: ["reports/*.xml"] },
    ),
  },
  closed("a map with junit"),
);

export const artifacts = Type.Object(
  {
    paths: key(globs, "Files and folders to keep. A folder stands for all that is in it.", {
      examples: [["bin/", "*.log"]],
    }),
    exclude: key(globs, "Of those, what not to keep.", { examples: [["**/*.tmp"]] }),
    when: key(outcomeWhen, "After which end of the script they are kept.", { default: "on_success" }),
    expire_in: key(duration, "How long they are kept after the run's end.", {
      otherwise: "as long as the run",
      examples: ["30d"],
    }),
    reports: key(reports, "Files that the runner reads, besides keeping them."),
  },
  closed("a map with paths"),
);

const cacheKey = Type.Union(
  [
    text("a key"),
    Type.Object(
      {
        files: required(globs, "The key is made of these files' content.", { examples: [["go.sum"]] }),
        prefix: key(text("a text"), "Stands before it.", { examples: ["$CI_STAGE_ID"] }),
      },
      closed("a key, or a map with files"),
    ),
  ],
  is("a key, or a map with files"),
);

const oneCache = Type.Object(
  {
    key: key(cacheKey, "What names the cache: another key, another cache. Variables expand.", {
      default: "default",
      examples: ["$CI_COMMIT_REF_NAME", { files: ["package-lock.json"] }],
    }),
    paths: required(globs, "Files and folders to keep for later runs.", { examples: [[".cache/go"]] }),
    policy: key(
      oneOf("pull-push", "pull", "push"),
      "Whether it is read before the script, saved after it, or both.",
      {
        default: "pull-push",
      },
    ),
    fallback_keys: key(
      Type.Array(text("a key"), { maxItems: 10, description: "a list of at most 10 keys" }),
      "Keys to try in turn when there is no cache of this one.",
    ),
    when: key(outcomeWhen, "After which end of the script it is saved.", { default: "on_success" }),
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
