import Docker from "dockerode";
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
    return new Docker();
  } catch (error) {
    throw new RunnerError("engine_unreachable", "DOCKER_HOST or DOCKER_CERT_PATH can't be used", {
      cause: error,
    });
  }
}

/** Whether containers' owners are mapped to others on this machine (dockerd --userns-remap). */
export async function usesUserNamespaces(docker: Docker): Promise<boolean> {
  try {
    return JSON.stringify(await docker.info()).includes('"name=userns"');
  } catch {
    return false; // whoever needs the engine next will be told that it's away
  }
}
