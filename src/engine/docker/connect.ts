import Docker from "dockerode";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { RunnerError } from "../../shared/errors.ts";

/** As the docker command finds its engine: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, else the usual socket. */
export function connect(): Docker {
  const host = process.env["DOCKER_HOST"] ?? "";
  if (host.startsWith("ssh:")) {
    throw new RunnerError(
      "engine_unreachable",
      "DOCKER_HOST=ssh://… isn't supported; use unix:// or tcp:// with TLS, or forward the socket with ssh -L",
    );
  }
  try {
    const docker = new Docker(tlsOptions(host));
    refuseRedirects(docker);
    return docker;
  } catch (error) {
    throw new RunnerError("engine_unreachable", "DOCKER_HOST or DOCKER_CERT_PATH can't be used", {
      cause: error,
    });
  }
}

/** dockerode turns TLS on only when DOCKER_TLS_VERIFY is "1", and knows no usual place for the certificates. */
function tlsOptions(host: string): Docker.DockerOptions {
  const wantsTls = (process.env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  if (!wantsTls || host === "" || /^(unix|npipe|fd):/.test(host)) return {};
  const folder = process.env["DOCKER_CERT_PATH"] || join(homedir(), ".docker");
  const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => readFileSync(join(folder, name)));
  return { protocol: "https", ca, cert, key };
}

/** docker-modem would follow them to any host, and no error on the way there could be caught. An engine sends none. */
function refuseRedirects({ modem }: Docker): void {
  const build = modem["buildRequest"].bind(modem);
  modem["buildRequest"] = (options, ...rest) => build(Object.assign(options, { maxRedirects: 0 }), ...rest);
}

/** Whether containers' owners are mapped to others on this machine (dockerd --userns-remap). */
export async function usesUserNamespaces(docker: Docker): Promise<boolean> {
  try {
    return JSON.stringify(await docker.info()).includes('"name=userns"');
  } catch {
    return false; // whoever needs the engine next will be told that it's away
  }
}
