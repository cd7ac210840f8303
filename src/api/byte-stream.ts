/** Where a response's body comes from, asked for one piece at a time. */
export interface ByteSource {
  /** Never empty, and given away: its memory goes to the stream. Undefined at the end. Rejects to break the response off, so that no one takes it for whole. */
  next(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Called once, whatever ended the stream: the last piece, an error, or a reader who left. */
  release(): void;
}

/**
 * A body that is made only as fast as its reader takes it: beyond the socket's own buffer one piece is held
 * in memory, however slow the reader is.
 */
export function byteStream(source: ByteSource): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        const bytes = await source.next();
        if (bytes !== undefined) return controller.enqueue(bytes);
        controller.close();
        controller.byobRequest?.respond(0);
      } catch (error) {
        source.release();
        throw error;
      }
      source.release();
    },
    cancel: () => source.release(),
  });
}

/** `next` of a source that is a generator. */
export async function nextOf<T>(pieces: AsyncIterator<T, void>): Promise<T | undefined> {
  const { done, value } = await pieces.next();
  return done === true ? undefined : value;
}
