import type { StageSpec } from "../engine.ts";

/** The part of a stage that becomes shell text. */
export type Commands = Pick<
  StageSpec,
  "shell" | "beforeScript" | "script" | "afterScript" | "workingDirectory"
>;

/** Where the stage sees its room, its workspace, and the folder in memory that holds what it was given at its gate. */
export interface Places {
  readonly room: string;
  readonly workspace: string;
  readonly secrets: string;
}

/**
 * Runs first, waits at the gate, runs `script` and `after` in shells of their own and notes how they ended.
 *
 * At the gate it's given the environment, through the FIFO `env` and into memory. That FIFO is open for both directions before
 * the gate is reached, so that neither side waits for the other to open it. Its end may also be that of the runner, so
 * only the line at the gate, which comes after it, says that all was given.
 *
 * Both output streams of the commands go to the FIFO `out`, from which `cat` appends to `log`: order is kept, a
 * script may write to /dev/stderr (which would truncate a file), and nothing depends on the runner being alive.
 * `cat` is given an open FIFO: were it to open it itself, it could come too late, after the last writer, and wait for
 * ever; one that the commands have killed gets a successor. Traps are set so that a TERM to every process ends the
 * commands, but neither this shell nor `cat`; one that comes before the commands leaves them out. The shell's own words
 * about killed children go nowhere: what the user sees is what the commands wrote.
 *
 * Once all is said, this shell waits at the gate again, and with it whatever the commands left behind: a line means that
 * the runner has read all; the gate's end that there is no runner, so `cat` must be through first.
 */
export function bootText(commands: Commands, places: Places, nonce: string): string {
  const shell = quote(commands.shell);
  const file = (name: string): string => quote(`${places.room}/${name}`);
  return `gitfoss_mark() {
  read -r gitfoss_now gitfoss_rest </proc/uptime || gitfoss_now=0
  printf '\\036${nonce} %s %s\\036' "$*" "$gitfoss_now"
}
exec </dev/null >>${file("log")} 2>&1
if ! command -v cat >/dev/null; then echo 'gitfoss-ci-runner needs "cat" in the image'; exit 125; fi
exec 6<>${file("env")} 5<${file("gate")}
exec 7<${file("env")} 6>&-
(umask 077; exec cat <&7 >${quote(`${places.secrets}/.env`)}) || exit 125
exec 7<&-
read -r gitfoss_line <&5 || exit 125
exec 2>/dev/null
trap gitfoss_told=1 TERM INT HUP
exec 3<>${file("out")} 4<${file("out")}
(trap '' TERM INT HUP; exec 3>&- 5<&-; gitfoss_tries=0
until cat <&4 >>${file("log")} || [ $gitfoss_tries -ge 20 ]; do gitfoss_tries=$((gitfoss_tries + 1)); done) &
gitfoss_cat=$!
exec 4<&-
gitfoss_mark g >&3
gitfoss_code=143
if [ -z "$gitfoss_told" ]; then
${shell} ${file("script")} >&3 2>&3 3>&- 5<&-
gitfoss_code=$?
fi
gitfoss_mark e $gitfoss_code >&3
${commands.afterScript.length > 0 ? `${shell} ${file("after")} >&3 2>&3 3>&- 5<&-\ngitfoss_mark e $? >&3` : ""}
${usageText}
trap 'exit $gitfoss_code' TERM
gitfoss_mark x $gitfoss_code "\${gitfoss_peak:--}" "\${gitfoss_cpu:--}" "\${gitfoss_oom:--}" >&3
if read -r gitfoss_line <&5; then exit $gitfoss_code; fi
exec 3>&-
while kill -0 $gitfoss_cat; do wait $gitfoss_cat; done
exit $gitfoss_code
`;
}

/** before_script and script: one shell, stops at the first command that fails. */
export function scriptText(commands: Commands, places: Places, nonce: string): string {
  return commandsText([...commands.beforeScript, ...commands.script], 1, { commands, places, nonce });
}

/** after_script: a shell of its own; its steps are counted on from the script's. */
export function afterText(commands: Commands, places: Places, nonce: string): string {
  const first = commands.beforeScript.length + commands.script.length + 1;
  return commandsText(commands.afterScript, first, { commands, places, nonce });
}

/** What a marker in the log begins with; no output has it by accident. */
export function markerPrefix(nonce: string): string {
  return `\u001e${nonce} `;
}

interface Context {
  readonly commands: Commands;
  readonly places: Places;
  readonly nonce: string;
}

/**
 * Every command is `eval`ed, so that a syntax error in one is that step's own. Marks are written to `out` by its
 * path, since the commands may have turned the shell's own streams elsewhere, and within braces whose stderr is
 * closed, so that `set -x` shows nothing of ours.
 */
function commandsText(list: readonly string[], first: number, context: Context): string {
  const out = quote(`${context.places.room}/out`);
  const folder = quote(`${context.places.workspace}/${context.commands.workingDirectory}`);
  const steps = list.map((command, index) => {
    const step = String(first + index);
    const text = index < list.length - 1 ? notTheLast(command) : command;
    return `{ gitfoss_begin ${step}; } 2>/dev/null\neval "$gitfoss_trace"${quote(text)}\n`;
  });
  return `. ${quote(`${context.places.secrets}/.env`)}
gitfoss_begin() {
  gitfoss_code=$?
  case $- in *x*) gitfoss_trace='set -x
'; set +x ;; *) gitfoss_trace= ;; esac
  IFS=' ' command read -r gitfoss_now gitfoss_rest </proc/uptime || gitfoss_now=0
  command printf '\\036${context.nonce} b %s %s %s\\036' "$1" "$gitfoss_code" "$gitfoss_now" >>${out}
}
cd ${folder} || exit 1
set -e
if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi
${steps.join("")}`;
}

/**
 * As in a plain script under `set -e`, what ends in a false condition (`[ -n "$X" ] && echo set`) stops only a script
 * that it is the last of; `eval` by itself would take it for a failure.
 */
function notTheLast(command: string): string {
  return command.endsWith("\\") ? command : `${command}\n{ :; } 2>/dev/null`;
}

/** cgroup v2 first, then v1; what can't be read stays empty. No forks: this stands between a script's end and its verdict. */
const usageText = `gitfoss_find() { while read -r gitfoss_key gitfoss_found; do
  if [ "$gitfoss_key" = "$1" ]; then return; fi; done <"$2"; gitfoss_found=; }
cd /sys/fs/cgroup
read -r gitfoss_peak <memory.peak || read -r gitfoss_peak <memory/memory.max_usage_in_bytes
if [ -r memory.events ]; then gitfoss_find oom_kill memory.events
else gitfoss_find oom_kill memory/memory.oom_control; fi
gitfoss_oom=$gitfoss_found
if [ -r cpu.stat ]; then gitfoss_find usage_usec cpu.stat; gitfoss_cpu=$gitfoss_found\${gitfoss_found:+000}
else read -r gitfoss_cpu <cpuacct/cpuacct.usage; fi`;

export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
