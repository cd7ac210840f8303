import { Type } from "@sinclair/typebox";
import {
  closed,
  duration,
  flag,
  is,
  oneOrMore,
  pullPolicy,
  text,
  variableName,
  variables,
  wholeNumber,
} from "./shapes.ts";

const words = oneOrMore(text("a word"), "a word or a list of words");

const healthcheck = Type.Object(
  {
    test: oneOrMore(text("a command"), "a command, or a program with its arguments as a list"),
    interval: Type.Optional(duration),
    timeout: Type.Optional(duration),
    retries: Type.Optional(wholeNumber(1, 1000, "how many failures in a row, 1 to 1000")),
    start_period: Type.Optional(duration),
  },
  closed("a map with test"),
);

const alias = Type.String({
  pattern: "^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
  description: "a host name: letters, digits and -",
});

const service = Type.Union(
  [
    text("an image's name"),
    Type.Object(
      {
        name: text("an image's name"),
        alias: Type.Optional(alias),
        command: Type.Optional(words),
        entrypoint: Type.Optional(words),
        variables: Type.Optional(variables),
        healthcheck: Type.Optional(healthcheck),
        pull_policy: Type.Optional(pullPolicy),
        platform: Type.Optional(text('a platform such as "linux/arm64"')),
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
        { name: Type.Optional(secretName), file: Type.Optional(flag) },
        closed("a map with name or file"),
      ),
      closed("a map of variables, each with the secret's name"),
    ),
  ],
  is("a list of names, or a map of variables"),
);
