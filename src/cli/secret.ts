import { isatty } from "node:tty";
import { timestamp } from "../shared/clock.ts";
import type { KeptSecret, SecretScope } from "../store/secret-store.ts";
import { Secrets } from "../store/secrets.ts";
import { usage } from "./arguments.ts";
import { groupCommand, strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { askHidden } from "./hidden-prompt.ts";
import { writeErr, writeOut } from "./output.ts";
import { printable, quoted } from "./printable.ts";
import { checked, readSecretFile, secretName } from "./secret-sources.ts";
import { ownStateFolder, stateDirFlag } from "./state-folder.ts";

const scopeFlags = {
  org: { kind: "text", value: "ORG", about: "for one organisation alone, by its id" },
  repo: { kind: "text", value: "REPO", about: "for one repository of --org alone, by its id" },
  "state-dir": stateDirFlag,
} as const;

const set = strictCommand({
  name: "secret set",
  summary: "Keeps a secret for the stages that name it.",
  operands: "NAME",
  maxOperands: Infinity, // what is one too many may be a value, and must not be repeated
  flags: {
    file: { kind: "text", value: "FILE", about: "read it from a file, - for stdin" },
    ...scopeFlags,
  },
  notes: [
    "The value is asked for on a terminal, else read from stdin. Of one line, the line end is no part of it.",
    "A stage gets the repository's own, else the organisation's, else the runner's; a trigger's comes before all.",
  ],
  examples: [
    "secret set DEPLOY_TOKEN",
    "secret set DEPLOY_KEY --org acme --repo app --file ~/.ssh/deploy",
    "pass show npm | gitfoss-ci-runner secret set NPM_TOKEN",
  ],
  async run(args) {
    const name = nameOf(args.operands, "secret set");
    const scope = scopeOf(args.text("org"), args.text("repo"));
    const value = checked(name, await readValue(name, args.text("file")));
    if (value === "") throw usage(`the secret ${name} is empty; nothing was changed`);
    const { kept } = secretsIn(args.text("state-dir"));
    await kept.set(scope, name, { value, setAt: timestamp(Date.now()) });
    await writeErr(`${name} is kept for ${wordsOf(scope)}\n`);
    return exit.ok;
  },
});

const list = strictCommand({
  name: "secret list",
  summary: "Shows which secrets are kept, never their values.",
  maxOperands: 0,
  flags: { json: { kind: "boolean", about: "one JSON object" }, "state-dir": stateDirFlag },
  examples: ["secret list"],
  async run(args) {
    const kept = await secretsIn(args.text("state-dir")).kept.list();
    const rows = kept.map((secret) => `${secret.setAt}  ${secret.name}  ${wordsOf(secret)}\n`);
    await writeOut(args.is("json") ? `${JSON.stringify({ secrets: kept })}\n` : rows.join(""));
    return exit.ok;
  },
});

const remove = strictCommand({
  name: "secret remove",
  summary: "Removes a secret. Runs that wait or run keep theirs until they end.",
  operands: "NAME",
  maxOperands: Infinity, // what is one too many may be a value, and must not be repeated
  flags: scopeFlags,
  examples: ["secret remove DEPLOY_TOKEN", "secret remove DEPLOY_KEY --org acme --repo app"],
  async run(args) {
    const name = nameOf(args.operands, "secret remove");
    const scope = scopeOf(args.text("org"), args.text("repo"));
    if (!secretsIn(args.text("state-dir")).kept.remove(scope, name))
      throw usage(`no secret ${name} is kept for ${wordsOf(scope)}; see: gitfoss-ci-runner secret list`);
    await writeErr(`${name} is no longer kept for ${wordsOf(scope)}\n`);
    return exit.ok;
  },
});

function secretsIn(stateDir: string | undefined): Secrets {
  return new Secrets(ownStateFolder(stateDir), true);
}

function nameOf([name, ...more]: readonly string[], command: string): string {
  if (name === undefined) throw usage(`${command} needs the secret's NAME`);
  if (name.includes("=") || more.length > 0)
    throw usage(
      `${command} takes no value on the command line, where every user can read it; it comes from stdin or --file`,
    );
  return secretName(command, name);
}

function scopeOf(orgId: string | undefined, repoId: string | undefined): SecretScope {
  if (repoId !== undefined && orgId === undefined)
    throw usage("--repo needs --org: a repository is one of an organisation");
  return { ...(orgId === undefined ? {} : { orgId }), ...(repoId === undefined ? {} : { repoId }) };
}

function readValue(name: string, file: string | undefined): Promise<string> {
  if (file === undefined && isatty(0)) return askHidden(`Value of ${name} (not shown): `);
  return readSecretFile(file ?? "-");
}

function wordsOf({ orgId, repoId }: SecretScope | KeptSecret): string {
  if (orgId === undefined) return "all that this runner runs";
  if (repoId === undefined) return `organisation ${quoted(orgId)}`;
  return `repository ${quoted(`${printable(orgId)}/${repoId}`)}`;
}

export const command = groupCommand({
  name: "secret",
  summary: "Keeps secrets for stages, in the state folder.",
  commands: {
    set: { summary: "keep one", load: async () => set },
    list: { summary: "show their names", load: async () => list },
    remove: { summary: "remove one", load: async () => remove },
  },
});
