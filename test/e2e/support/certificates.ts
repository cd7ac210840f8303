import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What openssl made for an engine at 127.0.0.1. */
export interface Certificates {
  readonly server: { readonly ca: string; readonly cert: string; readonly key: string };
  /** For DOCKER_CERT_PATH: one that the server knows, and that knows the server. */
  readonly client: string;
  /** A home folder with the same in `.docker`. */
  readonly home: string;
  /** Signed by the server's authority, but trusts another one. */
  readonly foreign: string;
  /** Trusts the server, but is signed by another authority. */
  readonly stranger: string;
}

export async function makeCertificates(folder: string): Promise<Certificates> {
  await mkdir(folder);
  const [authority, other] = [await makeAuthority(folder, "authority"), await makeAuthority(folder, "other")];
  const server = await makeSigned(folder, "server", authority);
  const [client, stranger] = [
    await makeSigned(folder, "client", authority),
    await makeSigned(folder, "stranger", other),
  ];
  const home = join(folder, "home");
  await gather(join(home, ".docker"), authority, client);
  return {
    server: {
      ca: await readFile(authority.cert, "utf8"),
      cert: await readFile(server.cert, "utf8"),
      key: await readFile(server.key, "utf8"),
    },
    client: await gather(join(folder, "for-client"), authority, client),
    home,
    foreign: await gather(join(folder, "for-foreign"), other, client),
    stranger: await gather(join(folder, "for-stranger"), authority, stranger),
  };
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function makeAuthority(folder: string, name: string): Promise<Pair> {
  const pair = pairIn(folder, name);
  await openssl(
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`,
    { keyout: pair.key, out: pair.cert },
  );
  return pair;
}

async function makeSigned(folder: string, name: string, authority: Pair): Promise<Pair> {
  const pair = pairIn(folder, name);
  const [extensions, request] = [join(folder, `${name}.ext`), join(folder, `${name}.request`)];
  await writeFile(extensions, "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
  await openssl(`req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=${name}`, {
    keyout: pair.key,
    out: request,
  });
  await openssl("x509 -req -days 2 -CAcreateserial", {
    in: request,
    extfile: extensions,
    out: pair.cert,
    CA: authority.cert,
    CAkey: authority.key,
  });
  return pair;
}

/** A folder as DOCKER_CERT_PATH wants it. */
async function gather(folder: string, authority: Pair, own: Pair): Promise<string> {
  await mkdir(folder, { recursive: true });
  await copyFile(authority.cert, join(folder, "ca.pem"));
  await copyFile(own.cert, join(folder, "cert.pem"));
  await copyFile(own.key, join(folder, "key.pem"));
  return folder;
}

function pairIn(folder: string, name: string): Pair {
  return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

/** The words of a command, and the flags that name files. */
async function openssl(command: string, files: Readonly<Record<string, string>>): Promise<void> {
  const args = [
    ...command.split(" "),
    ...Object.entries(files).flatMap(([flag, file]) => [`-${flag}`, file]),
  ];
  const child = Bun.spawn(["openssl", ...args], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [said, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${said}`);
}
