import { Type } from "@sinclair/typebox";
import { artifacts, cache } from "./schema-files.ts";
import { allowFailure, concurrency, git, image, matrix, resources, retry, rule } from "./schema-keys.ts";
import { secrets, services } from "./schema-services.ts";
import { commands, duration, exitCodes, globs, key, oneOf, text, variables, when } from "./shapes.ts";

/** What a stage may say, and `default` for all of them. */
export const sharedKeys = {
  image: key(image, "The image that the stage's container is made of.", {
    otherwise: "the runner's `defaultImage`",
    examples: ["golang:1.24", { name: "golang:1.24", pull_policy: "always" }],
  }),
  script: key(
    commands,
    "The commands, run by one shell with those of `before_script`, up to the first that fails.",
    {
      examples: [["go build ./...", "go test ./..."]],
    },
  ),
  before_script: key(commands, "Commands that go before `script`, in the same shell."),
  after_script: key(
    commands,
    "Commands that run whatever became of the script, in a shell of their own; they can't change the result.",
  ),
  shell: key(text("a shell's name or path"), "What runs the commands.", {
    default: "sh",
    examples: ["bash"],
  }),
  variables: key(
    variables,
    "Variables for the stage, over those of `default` and of the manifest. `$NAME` and `${NAME}` expand in them.",
    {
      examples: [{ LEVEL: "2" }],
    },
  ),
  secrets: key(
    secrets,
    "Secrets of the trigger or of the runner's store, as variables. Their values never appear in a log.",
    { examples: [["DEPLOY_KEY"], { SSH_KEY: { name: "deploy-key", file: true } }] },
  ),
  working_directory: key(
    text("a folder relative to the workspace"),
    "Where the commands run, inside `/workspace`.",
    {
      default: ".",
    },
  ),
  user: key(text("a user name or id"), "Who runs the commands.", {
    otherwise: "the image's user",
    examples: ["1000:1000"],
  }),
  rules: key(
    Type.Array(rule, { maxItems: 100, description: "a list of rules" }),
    "Whether the stage runs: the first rule whose conditions all hold decides; when none does, the stage is passed over.",
    { examples: [[{ if: '$CI_COMMIT_BRANCH == "main"' }]] },
  ),
  when: key(when, "On which end of the stages it needs this one runs.", { default: "on_success" }),
  inputs: key(
    globs,
    "Tracked files that the stage's result depends on: when they and its definition, image and variables are as in an earlier success, the stage is passed over and gets that one's artifacts.",
    { examples: [["go.mod", "**/*.go"]] },
  ),
  matrix: key(
    matrix,
    "Makes a stage of every combination, with an id such as `test:20:alpine` and the values as variables. At most 200 combinations.",
    { examples: [{ NODE: [20, 22], OS: ["alpine", "slim"] }] },
  ),
  services: key(
    services,
    "Containers beside the stage's, reached by their alias; the script waits until each is healthy.",
    {
      examples: [["redis:7"], [{ name: "postgres:16", alias: "db" }]],
    },
  ),
  cache: key(cache, "Files that one run leaves for later ones, to be quicker.", {
    examples: [{ key: { files: ["go.sum"] }, paths: [".cache/go"] }],
  }),
  artifacts: key(artifacts, "Files that are kept after the stage, and handed to those that need it.", {
    examples: [{ paths: ["bin/"] }],
  }),
  timeout: key(
    duration,
    "How long the stage may take; then its processes get TERM, and KILL after the grace.",
    {
      otherwise: "the runner's `defaultTimeout`, 15m",
      examples: ["10m"],
    },
  ),
  retry: key(retry, "How often a stage that failed is tried again.", { default: 0 }),
  allow_failure: key(allowFailure, "Whether the pipeline goes on as if a failure of this stage were none.", {
    default: false,
  }),
  success_exit: key(exitCodes, "The exit codes of the script that count as success.", {
    otherwise: "the runner's `successExit`, `[0]`",
    examples: [[0, 3]],
  }),
  resources: key(resources, "Limits for the stage's container, within the operator's.", {
    examples: [{ cpus: 2, memory: "1g" }],
  }),
  network: key(oneOf("default", "none"), "`none`: the stage can reach nothing.", { default: "default" }),
  concurrency: key(
    concurrency,
    "Of the runs that name the same group only so many run at the same time, across pipelines.",
    {
      examples: ["production"],
    },
  ),
  git: key(git, "What the workspace has of the repository."),
};
