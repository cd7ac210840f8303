import { loadConfig, saveConfig } from "../store/config.ts";
import { usage } from "./arguments.ts";
import { groupCommand, strictCommand } from "./command.ts";
import { settingAt, withoutToken, withSetting } from "./config-keys.ts";
import { exit } from "./exit.ts";
import { writeErr, writeOut } from "./output.ts";
import { ownStateFolder, stateDirFlag } from "./state-folder.ts";

const flags = { "state-dir": stateDirFlag } as const;

const show = strictCommand({
  name: "config show",
  summary: "Shows the configuration as JSON, the token hidden.",
  maxOperands: 0,
  flags,
  examples: ["config show"],
  async run(args) {
    const config = await loadConfig(ownStateFolder(args.text("state-dir")));
    await writeOut(`${JSON.stringify(withoutToken(config), undefined, 2)}\n`);
    return exit.ok;
  },
});

const get = strictCommand({
  name: "config get",
  summary: "Shows one value: text as it is, anything else as JSON.",
  operands: "KEY",
  maxOperands: 1,
  flags,
  notes: ["registration.token is shown when it is asked for by that name, and only then."],
  examples: ["config get defaultTimeout", "config get registration.id"],
  async run(args) {
    const [key] = args.operands;
    if (key === undefined) throw usage("config get needs a KEY");
    const value = settingAt(await loadConfig(ownStateFolder(args.text("state-dir"))), key);
    await writeOut(`${typeof value === "string" ? value : JSON.stringify(value)}\n`);
    return exit.ok;
  },
});

const set = strictCommand({
  name: "config set",
  summary: "Sets one value. A running daemon reads it at SIGHUP.",
  operands: "KEY VALUE…",
  maxOperands: Infinity,
  flags,
  notes: [
    "Keys: repoRoots DIR…, defaultImage IMAGE, defaultTimeout DURATION,",
    "successExit CODE…, concurrency N|auto, queueLimit N, grace DURATION,",
    "ceiling cpus=N memory=SIZE pids=N|none (what one stage may use at most),",
    "cacheLimit SIZE.",
  ],
  examples: [
    "config set repoRoots /srv/git /home/git",
    "config set defaultTimeout 30m",
    "config set ceiling cpus=2 memory=4g",
  ],
  async run(args) {
    const [key, ...words] = args.operands;
    if (key === undefined || words.length === 0) throw usage("config set needs a KEY and a VALUE");
    const folder = ownStateFolder(args.text("state-dir"));
    const config = await withSetting(await loadConfig(folder), key, words);
    await saveConfig(folder, config);
    await writeErr(`${key} is now ${JSON.stringify(settingAt(config, key))}\n`);
    return exit.ok;
  },
});

export const command = groupCommand({
  name: "config",
  summary: "Shows and changes the configuration in the state folder.",
  commands: {
    show: { summary: "all of it", load: async () => show },
    get: { summary: "one value", load: async () => get },
    set: { summary: "change one value", load: async () => set },
  },
});
