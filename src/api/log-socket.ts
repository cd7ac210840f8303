import { messageOf } from "../shared/errors.ts";
import type { RunState } from "../events/run-state.ts";
import type { LogFeed } from "./log-feed.ts";
import { splitLines, wantedLines } from "./log-lines.ts";
import type { LogWindow } from "./log-window.ts";
import type { ApiContext } from "./options.ts";
import { feedOf } from "./streams.ts";
import { logEndView } from "./views.ts";

/** The part of a WebSocket that is used. */
interface Peer {
  /** Bytes sent; 0: dropped; -1: queued, wait for `drain`. */
  sendText(text: string): number;
  cork<T>(callback: () => T): T;
  ping(): number;
  close(code: number, reason: string): void;
}

/** WebSocket close codes. */
const normal = 1000;
const goingAway = 1001;
const internalError = 1011;

/**
 * A log over a WebSocket: a frame a line. When the reader falls behind, sending stops until what is queued has
 * gone, so a reader that never reads costs one piece of the log and what the socket holds.
 */
export class LogSocket {
  readonly #context: ApiContext;
  readonly #run: RunState;
  readonly #window: LogWindow;
  #feed: LogFeed | undefined;
  #drained: (() => void) | undefined;
  #isClosed = false;

  constructor(context: ApiContext, run: RunState, window: LogWindow) {
    this.#context = context;
    this.#run = run;
    this.#window = window;
  }

  open(peer: Peer): void {
    this.#feed = feedOf(this.#context, this.#run, this.#window);
    this.#follow(peer, this.#feed).catch((error: unknown) => {
      this.#context.log.error("log stream failed", { error: messageOf(error) });
      peer.close(internalError, "internal error");
    });
  }

  drain(): void {
    this.#drained?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#feed?.release();
    this.#drained?.();
  }

  async #follow(peer: Peer, feed: LogFeed): Promise<void> {
    while (!this.#isClosed) {
      const fed = await feed.next();
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
