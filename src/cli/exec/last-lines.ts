import type { LogLine } from "../../events/event.ts";

const keptLines = 40;
const keptLength = 2000;

/** Remembers the end of a stage's output, to show it again when the stage has failed. Long lines are cut. */
export class LastLines {
  #lines: string[] = [];
  #open = "";
  #isOpen = false;

  add(lines: readonly LogLine[]): void {
    for (const line of lines) {
      if (line.stream !== "runner") this.#addLine(line);
    }
    if (this.#lines.length > keptLines) this.#lines = this.#lines.slice(-keptLines);
  }

  read(): readonly string[] {
    return (this.#isOpen ? [...this.#lines, cut(this.#open)] : this.#lines).slice(-keptLines);
  }

  #addLine({ text, partial }: LogLine): void {
    if (this.#open.length <= keptLength) this.#open += text.slice(0, keptLength + 1);
    this.#isOpen = partial === true;
    if (this.#isOpen) return;
    this.#lines.push(cut(this.#open));
    this.#open = "";
  }
}

function cut(line: string): string {
  return line.length > keptLength ? `${line.slice(0, keptLength)}…` : line;
}
