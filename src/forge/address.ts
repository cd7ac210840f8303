import { RunnerError } from "../shared/errors.ts";

/** The forge's base address without a slash at its end. Plain http only to this machine: the nonce and the token are secrets. */
export function forgeAddress(text: string): string {
  const url = URL.parse(text);
  if (url === null || /[\p{Cc}\s]/u.test(text))
    throw usage("the forge's address isn't a URL; it looks like https://ci.example.org");
  refuseExtras(url);
  refuseOpenWay(url);
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function refuseExtras(url: URL): void {
  if (url.username !== "" || url.password !== "")
    throw usage(
      "the forge's address has a user name or password in it; leave them out, the nonce is all that is needed",
    );
  if (url.search !== "" || url.hash !== "")
    throw usage("the forge's address has a query or fragment; leave it out");
}

function refuseOpenWay(url: URL): void {
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    throw usage(`plain http would show the nonce to everyone on the way to ${url.host}; use https`);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw usage(`the forge's address must begin with https://, not ${url.protocol}`);
}

/** As `URL` writes host names: it has turned 127.1 and 0x7f000001 into 127.0.0.1 by then. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function usage(message: string): RunnerError {
  return new RunnerError("usage", message);
}
