/** A mistake in a manifest, with the spot it stands at. All of a file's problems are reported at once. */
export interface Problem {
  /** The file as the user named it. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters. */
  readonly column: number;
  /** How many characters of the line the caret underlines; at least 1. */
  readonly length: number;
  /** Lower case, names the key or value, says what was expected. */
  readonly message: string;
  /** The source line, for the frame. Empty when the file has no such line. */
  readonly source: string;
}
