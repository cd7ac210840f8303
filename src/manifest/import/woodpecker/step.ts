import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import { filled, flagIn, isVariableName, leaveKeys, orNone, textIn, textsIn, under } from "../values.ts";
import { type When, whenOf } from "./when.ts";

export interface Step {
  readonly name: string;
  readonly item: Item;
  readonly image: string;
  readonly alwaysPull: boolean;
  readonly commands: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** By variable, the secret's name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly when: When;
  readonly mayFail: boolean;
  readonly folder: string | undefined;
  /** Absent: after the step before it. */
  readonly dependsOn?: readonly string[];
}

const notCarried: Readonly<Record<string, string>> = {
  backend_options: "resources has limits of memory and processors",
  detach: "a step beside the others is a service here",
  devices: "a stage gets no devices",
  dns: "the engine's own is used",
  dns_search: "the engine's own is used",
  entrypoint: "the stage's shell is started",
  extra_hosts: "services are reached by their alias",
  group: "needs says what runs side by side",
  labels: "every runner takes every stage; the forge chooses the runner",
  network_mode: "network: none, or the network of the stage's services",
  networks: "network: none, or the network of the stage's services",
  privileged: "no stage is privileged",
  shm_size: "resources.shm_size",
  tmpfs: "write below the workspace, or to /tmp",
  ulimits: "resources.pids limits processes",
  volumes: "a stage sees no folder of the machine; use cache and artifacts",
};

/** undefined for what can't run here: a plugin, or a step without commands. */
export function readStep(item: Item, name: string): Step | undefined {
  item.tree.take(item.spot);
  item.take("name");
  const isPlugin = item.has("settings") || !item.has("image") || !item.has("commands");
  if (isPlugin) return item.leave("a plugin: do what it does by commands of a script", `step ${name}`);
  const image = under(item, "image", textIn);
  const commands = under(item, "commands", textsIn);
  if (image === undefined || commands === undefined)
    return item.leave("it has nothing to run", `step ${name}`);
  leaveKeys(item, notCarried, `${name}.`);
  const dependsOn = under(item, "depends_on", (depends) => textsIn(depends) ?? []);
  return {
    name,
    item,
    image,
    commands,
    alwaysPull: under(item, "pull", flagIn) === true,
    ...environmentOf(item),
    when: whenOf(item.take("when")),
    mayFail: mayFail(item),
    folder: under(item, "directory", textIn),
    ...(dependsOn === undefined ? {} : { dependsOn }),
  };
}

function mayFail(item: Item): boolean {
  const failure = item.take("failure");
  if (failure === undefined || failure.text === "fail") return false;
  if (failure.text === "ignore") return true;
  failure.leave("allow_failure is true or false");
  return false;
}

export function environmentOf(item: Item): Pick<Step, "variables" | "secrets"> {
  const variables: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  for (const value of under(item, "environment", pairsIn) ?? []) {
    const secret = value.take("from_secret")?.text;
    if (!isVariableName(value.key) || (secret === undefined && !isOneValue(value))) {
      value.leave("a variable has a name of letters, digits and _, and a text");
    } else if (secret === undefined) variables[value.key] = value.text ?? "";
    else secrets[value.key] = secret;
  }
  Object.assign(secrets, olderSecrets(item.take("secrets")));
  return { variables, secrets };
}

function olderSecrets(item: Item | undefined): Readonly<Record<string, string>> {
  return Object.assign({}, ...(item?.list() ?? []).map(olderSecret));
}

function isOneValue({ value }: Item): boolean {
  return typeof value !== "object" || value === null;
}

/** A name, or a map from what it's called to the variable. */
function olderSecret(item: Item): Readonly<Record<string, string>> {
  const source = item.isMap ? item.take("source")?.text : item.text;
  const target = item.isMap ? item.take("target")?.text : source?.toUpperCase();
  if (source !== undefined && target !== undefined && isVariableName(target)) return { [target]: source };
  item.leave("a secret is named under secrets", "secrets");
  return {};
}

/** A map; the older list of "NAME=value" is noted. */
function pairsIn(item: Item): readonly Item[] {
  if (!item.isMap) return item.leave("variables are a map here: write NAME: value", "environment") ?? [];
  for (const child of item.children()) child.tree.take(child.spot);
  return item.children();
}

/** What stages have that are made of steps like this one. */
export function keysOf(step: Step): Keys {
  const { variables, secrets, when, folder, image } = step;
  const isOpen = when.conditions.length === 0;
  return {
    image: step.alwaysPull ? { name: image, pull_policy: "always" } : image,
    variables: filled(variables),
    secrets: secretsOf(secrets),
    rules: isOpen ? undefined : when.conditions.map((condition) => ({ ...condition, when: when.status })),
    when: isOpen ? when.status : undefined,
    allow_failure: step.mayFail ? true : undefined,
    working_directory: folder,
  };
}

function secretsOf(secrets: Step["secrets"]): unknown {
  const names = Object.keys(secrets);
  if (names.every((name) => secrets[name] === name)) return orNone(names);
  return Object.fromEntries(names.map((name) => [name, { name: secrets[name] }]));
}
