import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { makeFolder } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { secretKeyFile } from "./layout.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Keeps texts unreadable on the disk. The key lies beside them (0600), so this guards what is copied, searched or backed up
 * without it, not against whoever may read the whole state folder.
 */
export class SecretBox {
  readonly #folder: string;
  #key: Buffer | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `about` names what it's for: elsewhere it can't be opened. */
  async seal(text: string, about: string): Promise<string> {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, await this.#keyOrNew(), nonce);
    cipher.setAAD(Buffer.from(about));
    const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), data]).toString("base64");
  }

  /** Undefined when it's torn, changed, from elsewhere, or was sealed with another key. */
  async open(sealed: string, about: string): Promise<string | undefined> {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < nonceBytes + tagBytes) return undefined;
    try {
      const decipher = createDecipheriv(algorithm, await this.#keyOrNew(), bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(about));
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
      const data = bytes.subarray(nonceBytes + tagBytes);
      return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
    } catch (error) {
      if (error instanceof RunnerError) throw error;
      return undefined;
    }
  }

  /** The same text gives the same digest, from which without the key it can't be guessed. */
  async digest(text: string): Promise<string> {
    return createHmac("sha256", await this.#keyOrNew())
      .update(text)
      .digest("hex");
  }

  async #keyOrNew(): Promise<Buffer> {
    this.#key ??= readKey(this.#folder) ?? (await makeKey(this.#folder));
    return this.#key;
  }
}

function readKey(folder: string): Buffer | undefined {
  try {
    const key = readFileSync(secretKeyFile(folder));
    if (key.length === keyBytes) return key;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw diskError(error, "the key of the secrets");
  }
  throw new RunnerError(
    "config_invalid",
    'the key of the secrets, "secrets/.key" in the state folder, is damaged: restore it, or remove the folder "secrets" and set them again',
  );
}

/** Of several processes that make one at the same time, all get the first one's. */
async function makeKey(folder: string): Promise<Buffer> {
  const path = secretKeyFile(folder);
  const key = randomBytes(keyBytes);
  const temporary = `${path}.tmp-${randomBytes(6).toString("hex")}`;
  try {
    await makeFolder(dirname(path), true);
    const fd = openSync(temporary, "wx", 0o600);
    try {
      writeSync(fd, key);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    linkSync(temporary, path);
    return key;
  } catch (error) {
    const other = systemCodeOf(error) === "EEXIST" ? readKey(folder) : undefined;
    if (other !== undefined) return other;
    throw diskError(error, "the key of the secrets");
  } finally {
    rmSync(temporary, { force: true });
  }
}
