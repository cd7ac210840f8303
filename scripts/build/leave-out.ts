import type { BunPlugin } from "bun";

/**
 * Packages that dockerode asks for and that we never reach, each with what to say should somebody reach it.
 * They are heavy, `cpu-features` is native, and left external they would be loaded from the folder the binary
 * is started in.
 */
const leftOut: Readonly<Record<string, string>> = {
  "cpu-features": "native code of ssh2",
  ssh2: "ssh:// isn't supported as DOCKER_HOST: use unix:// or tcp://",
  "@grpc/grpc-js": "BuildKit sessions aren't supported",
  "@grpc/proto-loader": "BuildKit sessions aren't supported",
  protobufjs: "BuildKit sessions aren't supported",
};

const anyOfThem = new RegExp(
  `^(?:${Object.keys(leftOut)
    .map((name) => RegExp.escape(name))
    .join("|")})$`,
);

/** Puts a stand-in in the place of each: it may be loaded and taken apart, but to call it is an error that says why. */
export const leaveOut: BunPlugin = {
  name: "leave-out",
  setup(build) {
    build.onResolve({ filter: anyOfThem }, ({ path }) => ({ path, namespace: "left-out" }));
    build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
      contents: standIn(path),
      loader: "js",
    }));
  },
};

function standIn(name: string): string {
  const message = `${name} isn't part of this binary (${leftOut[name]})`;
  return `
    const refuse = () => { throw new Error(${JSON.stringify(message)}); };
    const standIn = new Proxy(function () {}, {
      get: (_, key) => (key === "__esModule" || key === "then" ? undefined : standIn),
      apply: refuse,
      construct: refuse,
    });
    module.exports = standIn;
  `;
}
