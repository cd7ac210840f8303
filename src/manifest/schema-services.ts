import { Type } from "@sinclair/typebox";
import {
  closed,
  duration,
  flag,
  key,
  is,
  oneOrMore,
  pullKeys,
  required,
  text,
  variableName,
  variables,
  wholeNumber,
} from "./shapes.ts";

const words = oneOrMore(text("a word"), "a word or a list of words");

const healthcheck = Type.Object(
  {
    test: required(
      oneOrMore(text("a command"), "a command, or a program with its arguments as a list"),
      "Run in the service's container; it's healthy when this succeeds.",
      { examples: ["pg_isready"] },
    ),
    interval: key(duration, "Between two tries.", { default: "1s" }),
    timeout: key(duration, "How long one try may take.", { default: "10s" }),
    retries: key(
      wholeNumber(1, 1000, "how many failures in a row, 1 to 1000"),
      "After so many failures in a row the service is given up.",
      { default: 30 },
    ),
    start_period: key(duration, "Failures within it don't count.", { otherwise: "none" }),
  },
  closed("a map with test"),
);

const alias = Type.String({
  // With variables in it, it's checked when they are in place.
  pattern: "^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?|[A-Za-z0-9{}$_-]*\\$[A-Za-z0-9{}$_-]*)$",
  description: "a host name: letters, digits and -",
});

const service = Type.Union(
  [
    text("an image's name"),
    Type.Object(
      {
        name: required(text("an image's name"), "With its tag or digest. Variables expand."),
        alias: key(alias, "The host name under which the script finds it.", {
          otherwise: "the last part of the image's name",
          examples: ["db"],
        }),
        command: key(words, "In place of the image's own command."),
        entrypoint: key(words, "In place of the image's own entrypoint."),
        variables: key(variables, "For the service alone."),
        healthcheck: key(healthcheck, "How it's told that the service is ready.", {
          otherwise: "the image's, else that a port it exposes accepts",
        }),
        ...pullKeys,
      },
      closed("an image's name, or a map with its name"),
    ),
  ],
  is("an image's name, or a map with its name"),
);

export const services = Type.Array(service, { maxItems: 20, description: "a list of at most 20 services" });

const secretName = Type.String({
  pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
  description: "a secret's name: letters, digits, _, . and -",
});
const secretVariable = Type.String({
  pattern: variableName,
  description: "a secret's name that can be a variable: letters, digits and _",
});

export const secrets = Type.Union(
  [
    Type.Array(secretVariable, { maxItems: 100, description: "a list of names" }),
    Type.Record(
      Type.String({ pattern: variableName }),
      Type.Object(
        {
          name: key(secretName, "The secret, as the trigger or the runner's store has it.", {
            otherwise: "the variable's name",
          }),
          file: key(flag, "Whether the variable holds the path of a file with the secret in it.", {
            default: false,
          }),
          optional: key(flag, "Whether the stage runs without it when nobody has it, the variable not set.", {
            default: false,
          }),
        },
        closed("a map with name, file or optional"),
      ),
      closed("a map of variables, each with the secret's name"),
    ),
  ],
  is("a list of names, or a map of variables"),
);
