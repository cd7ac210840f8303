import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import {
  filled,
  isHostName,
  leaveKeys,
  orNone,
  sameWords,
  textIn,
  textsIn,
  under,
  variablesIn,
  wordIn,
} from "../values.ts";

const policies = { ...sameWords("always", "never"), "if-not-present": "if_not_present" } as const;

/** A name, or a map with it. */
export function imageOf(item: Item): unknown {
  if (!item.isMap) return textIn(item);
  const { name, ...more } = imageKeys(item);
  if (name === undefined) return item.leave("it has no name", "image");
  const others = filled(more);
  return others === undefined ? name : { name, ...others };
}

function imageKeys(item: Item): Keys {
  leaveKeys(item, { entrypoint: "an image's entrypoint isn't used: the stage's shell is started" }, "image.");
  const docker = item.take("docker");
  const policy = item.take("pull_policy")?.list()[0];
  return {
    name: under(item, "name", textIn),
    user: docker && under(docker, "user", textIn),
    platform: docker && under(docker, "platform", textIn),
    pull_policy: policy && wordIn(policy, policies),
  };
}

export function servicesOf(items: readonly Item[]): unknown[] | undefined {
  return orNone(items.flatMap((item) => serviceOf(item) ?? []));
}

function serviceOf(item: Item): unknown {
  if (!item.isMap) return withAlias({ name: textIn(item) }, item, undefined);
  const { user, ...image } = imageKeys(item);
  if (user !== undefined) item.tree.note(item, "services.docker.user", "a service runs as its image's user");
  const command = under(item, "command", textsIn);
  const variables = under(item, "variables", variablesIn);
  return withAlias({ ...image, command, variables }, item, item.take("alias"));
}

/** GitLab makes a service's host name of its image's whole name, with "-" for "/"; here it's the last part. */
function withAlias(keys: Keys, item: Item, given: Item | undefined): unknown {
  const service = filled(keys) ?? {};
  const { name } = service;
  if (typeof name !== "string") return item.leave("a service has an image", "services");
  const image = withoutTag(name);
  const alias = given === undefined ? image.replaceAll("/", "-") : aliasIn(given);
  if (given === undefined && !image.includes("/")) return Object.keys(service).length === 1 ? name : service;
  if (isHostName(alias)) return { ...service, alias };
  item.tree.note(given ?? item, `services.alias ${alias}`, "an alias is a host name: letters, digits and -");
  return service;
}

function aliasIn(item: Item): string {
  const [first = "", ...more] = (item.text ?? "").split(/[,\s]+/).filter((word) => word !== "");
  for (const other of more) item.tree.note(item, `services.alias ${other}`, "a service has one alias here");
  return first;
}

function withoutTag(name: string): string {
  return name.replace(/@.*$/, "").replace(/:[^/]*$/, "");
}
