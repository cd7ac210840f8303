import { messageOf } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";
import type { LogFeed } from "./log-feed.ts";
import { splitLines, wantedLines } from "./log-lines.ts";
import type { LogWindow } from "./log-window.ts";
import type { Peer, Socket } from "./options.ts";
import { logEndView } from "./views.ts";

/** WebSocket close codes. */
const normal = 1000;
const goingAway = 1001;
const internalError = 1011;

/**
 * A log over a WebSocket: a frame a line. When the reader falls behind, sending stops until what is queued has
 * gone, so a reader that never reads costs one piece of the log and what the socket holds.
 */
export class LogSocket implements Socket {
  readonly #feed: LogFeed;
  readonly #window: LogWindow;
  readonly #log: Logger;
  #drained: (() => void) | undefined;
  #isClosed = false;

  constructor(feed: LogFeed, window: LogWindow, log: Logger) {
    this.#feed = feed;
    this.#window = window;
    this.#log = log;
  }

  open(peer: Peer): void {
    this.#run(peer).catch((error: unknown) => {
      this.#log.error("log stream failed", { error: messageOf(error) });
      peer.close(internalError, "internal error");
    });
  }

  drain(): void {
    this.#drained?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#feed.release();
    this.#drained?.();
  }

  async #run(peer: Peer): Promise<void> {
    while (!this.#isClosed) {
      const fed = await this.#feed.next();
      if (this.#isClosed) return;
      switch (fed.type) {
        case "lines":
          await this.#send(peer, splitLines(wantedLines(fed.lines, this.#window.filter)));
          break;
        case "silence":
          peer.ping();
          break;
        case "stopped":
          return peer.close(goingAway, "the runner stops: come again");
        case "end":
          peer.sendText(JSON.stringify({ type: "end", ...logEndView(fed.verdict) }));
          return peer.close(normal, "");
      }
    }
  }

  async #send(peer: Peer, lines: readonly string[]): Promise<void> {
    let sent = 0;
    while (sent < lines.length && !this.#isClosed) {
      const drained = Promise.withResolvers<void>();
      this.#drained = drained.resolve;
      sent = peer.cork(() => sendSome(peer, lines, sent));
      if (sent < lines.length) await drained.promise;
    }
  }
}

/** Sends until all are sent or the socket asks to wait; the line it asked at is queued. Returns the next one's index. */
function sendSome(peer: Peer, lines: readonly string[], from: number): number {
  for (let index = from; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (peer.sendText(`{"type":"log",${line.slice(1)}`) <= 0) return index + 1;
  }
  return lines.length;
}
