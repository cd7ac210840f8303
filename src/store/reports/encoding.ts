const declaration = /^(?:\u00ef\u00bb\u00bf)?<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/;

/** For the encoding that a document's first bytes declare; UTF-8 when they declare none, or one that isn't known. What doesn't fit becomes U+FFFD. */
export function decoderFor(start: Uint8Array): TextDecoder {
  const bom = Buffer.from(start.subarray(0, 2)).toString("hex");
  if (bom === "fffe" || bom === "3c00") return new TextDecoder("utf-16le");
  if (bom === "feff" || bom === "003c") return new TextDecoder("utf-16be");
  const [, declared = "utf-8"] =
    declaration.exec(Buffer.from(start.subarray(0, 200)).toString("latin1")) ?? [];
  // What could be read so far as ASCII is no UTF-16, whatever it says.
  return decoderOf(declared.toLowerCase().startsWith("utf-16") ? "utf-8" : declared);
}

function decoderOf(label: string): TextDecoder {
  try {
    return Reflect.construct(TextDecoder, [label]);
  } catch {
    return new TextDecoder();
  }
}
