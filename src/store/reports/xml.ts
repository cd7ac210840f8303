import sax, { type SAXParser, type Tag } from "sax";

/** Names and values longer than that are a fault; text comes in pieces. */
const longestToken = 1024 * 1024;
const deepest = 100;
const mostAttributes = 1000;

export type Attributes = Readonly<Record<string, string | undefined>>;

export interface XmlHandlers {
  /** `depth`: 1 for the root. A text instead of nothing: why the rest isn't read. */
  open(element: string, attributes: Attributes, depth: number): string | undefined;
  close(element: string): void;
  text(text: string): void;
}

/**
 * Reads a document that may be of any hostility, piece by piece. Nothing that it declares is expanded or fetched, and what it holds
 * in memory is bounded. Names come without their prefixes. After a fault nothing more is handed on.
 */
export class XmlReader {
  readonly #handlers: XmlHandlers;
  readonly #parser: SAXParser;
  #depth = 0;
  #attributes = 0;
  #hasRoot = false;
  #fault: string | undefined;

  constructor(handlers: XmlHandlers) {
    Object.assign(sax, { MAX_BUFFER_LENGTH: longestToken });
    this.#handlers = handlers;
    this.#parser = sax.parser(true);
    Object.assign(this.#parser, {
      onerror: ({ message }: Error) => this.#onError(message),
      onattribute: () => this.#onAttribute(),
      onopentag: ({ name, attributes }: Tag) => this.#open(name, attributes),
      onclosetag: (name: string) => this.#close(name),
      ontext: (text: string) => this.#text(text),
      oncdata: (text: string) => this.#text(text),
    });
  }

  /** What is wrong with the document; the rest of it needn't be written. */
  get fault(): string | undefined {
    return this.#fault;
  }

  write(text: string): void {
    if (this.#fault === undefined) this.#parser.write(text);
  }

  end(): void {
    if (this.#fault === undefined) this.#parser.close();
    if (!this.#hasRoot) this.#fault ??= "it's empty";
  }

  /** An entity that the document declares itself stays as it's written: that is no reason to lose the rest. */
  #onError(message: string): void {
    const [what = ""] = message.split("\n");
    if (what.includes("character entity")) this.#parser.resume();
    else if (what.startsWith("Max buffer")) this.#fault ??= "a name, a value or a comment in it is too long";
    else this.#fault ??= `broken at line ${this.#parser.line + 1}: ${what.toLowerCase()}`;
  }

  #onAttribute(): void {
    this.#attributes += 1;
    if (this.#attributes > mostAttributes) this.#fault ??= "an element has too many attributes";
  }

  #open(name: string, attributes: Tag["attributes"]): void {
    this.#attributes = 0;
    this.#hasRoot = true;
    this.#depth += 1;
    if (this.#depth > deepest) this.#fault ??= "nested too deeply";
    this.#fault ??= this.#handlers.open(localName(name), attributes, this.#depth);
  }

  #close(name: string): void {
    this.#depth -= 1;
    if (this.#fault === undefined) this.#handlers.close(localName(name));
  }

  #text(text: string): void {
    if (this.#fault === undefined) this.#handlers.text(text);
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}
