import type { LogLine, RecordedEvent } from "../../events/event.ts";
import type { Screen } from "./screen.ts";
import type { View } from "./view.ts";

/** NDJSON on stdout: the recorded events and the log lines as stored, each with its stage. */
export class JsonView implements View {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  async event(stageId: string, event: RecordedEvent): Promise<void> {
    await this.#print([{ stageId, ...event }]);
  }

  async log(stageId: string, lines: readonly LogLine[]): Promise<void> {
    await this.#print(lines.map((line) => ({ type: "log", stageId, ...line })));
  }

  async end(): Promise<void> {}

  async #print(records: readonly object[]): Promise<void> {
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
    await this.#screen.print([{ to: "stdout", text }]);
  }
}
