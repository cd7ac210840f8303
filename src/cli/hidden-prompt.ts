import { Interrupted } from "./interruption.ts";
import { writeErr } from "./output.ts";

const keys = {
  interrupt: "\u0003",
  erase: new Set(["\u007f", "\b"]),
  enter: new Set(["\r", "\n", "\u0004"]),
};

/** A line from the terminal, not shown while it's typed. Throws `Interrupted` on Ctrl-C. */
export async function askHidden(question: string): Promise<string> {
  await writeErr(question);
  const { stdin } = process;
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  const typing = new Typing();
  try {
    for await (const piece of stdin) {
      typing.take(String(piece));
      if (typing.isOver) break;
    }
    return typing.text;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    await writeErr("\n");
  }
}

class Typing {
  text = "";
  isOver = false;

  take(piece: string): void {
    for (const key of piece) {
      if (key === keys.interrupt) throw new Interrupted("SIGINT");
      this.isOver ||= keys.enter.has(key);
      if (this.isOver) return;
      this.text = keys.erase.has(key) ? this.text.slice(0, -1) : this.text + key;
    }
  }
}
