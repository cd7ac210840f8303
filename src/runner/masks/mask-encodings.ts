/* What a text may have become by the time it's printed. Forms that are the same as others do no harm. */

/** As `base64` and `openssl` break their lines. */
const wraps = [76, 64];
const tellingLength = 16;

/**
 * At each of the three places where the text may stand in what was encoded as a whole: the characters that follow from it
 * alone, and those with the end that they have when it's the last of it. In both alphabets.
 */
export function base64Forms(bytes: Buffer): readonly string[] {
  const forms = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    // A character stands for six bits: these share none with what comes before, or after.
    const own = Math.ceil((before * 8) / 6);
    const inner = text.slice(own, Math.floor(((before + bytes.length) * 8) / 6));
    const wrapped = before === 0 ? [...wrappedLines(inner), ...wrappedLines(text)] : [];
    return [inner, text.slice(own).replace(/=+$/, ""), text.slice(own), ...wrapped];
  });
  return [...forms, ...forms.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))];
}

function wrappedLines(text: string): readonly string[] {
  return wraps.filter((width) => text.length > width).flatMap((width) => linesOf(text, width));
}

/** A last line that is too short to tell goes with the end of the one before. */
function linesOf(text: string, width: number): readonly string[] {
  const lines = text.match(new RegExp(`.{1,${String(width)}}`, "g")) ?? [];
  const [before = "", last = ""] = lines.slice(-2);
  return last.length < tellingLength
    ? [...lines.slice(0, -1), `${before.slice(-2 * tellingLength)}\n${last}`]
    : lines;
}

export function hexForms(bytes: Buffer): readonly string[] {
  const hex = bytes.toString("hex");
  return [hex, hex.toUpperCase()];
}

/** As browsers' scripts, shells and forms encode it: they differ in what they leave alone. */
export function urlForms(value: string): readonly string[] {
  const usual = encodeURIComponent(value);
  const strict = usual.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = strict.replaceAll("%2A", "*").replaceAll("~", "%7E");
  const slashes = strict.replaceAll("%2F", "/");
  const encoded = [usual, strict, slashes, form].flatMap((text) => [text, text.replaceAll("%20", "+")]);
  return [
    ...encoded,
    ...encoded.map((text) => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())),
  ];
}

/** Some encoders escape what isn't ASCII, slashes, or what HTML would take for its own. */
export function jsonForms(value: string): readonly string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replaceAll(/[^\0-\x7f]/g, unicodeEscape);
  const forms = [json, ascii, json.replaceAll("/", "\\/"), ascii.replaceAll("/", "\\/")];
  const safe = [json, ascii].map((text) => text.replaceAll(/[<>&]/g, unicodeEscape));
  const lower = [...forms, ...safe];
  return [...lower, ...lower.map((text) => text.replaceAll(/\\u[0-9a-f]{4}/g, upperHex))];
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function upperHex(escape: string): string {
  return `\\u${escape.slice(2).toUpperCase()}`;
}

export function xmlForms(value: string): readonly string[] {
  const text = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = text.replaceAll('"', "&quot;");
  return [text, quoted, ...["&#39;", "&apos;", "&#x27;"].map((quote) => quoted.replaceAll("'", quote))];
}

/** As shells show it: `set -x`, `printf %q`, within double quotes. */
export function shellForms(value: string): readonly string[] {
  return [
    value.replaceAll("'", `'\\''`),
    value.replaceAll("'", `'"'"'`),
    value.replaceAll(/[^\w@%+=:,./-]/g, (sign) => (sign === "\n" ? sign : `\\${sign}`)),
    value.replaceAll(/["$`\\]/g, (sign) => `\\${sign}`),
  ];
}
