import { cachePlace, versionIn, type Detector } from "./project.ts";

export const detectRust: Detector = (folder) => {
  if (!folder.has("Cargo.toml")) return undefined;
  const version = versionIn(folder.text("Cargo.toml"), /^\s*rust-version\s*=\s*"(\d+\.\d+(?:\.\d+)?)"/m);
  const lockfile = folder.first("Cargo.lock");
  const locked = lockfile === undefined ? "" : " --locked";
  const read = ["Cargo.toml", ...(lockfile === undefined ? [] : [lockfile])];
  return {
    kind: "rust",
    title: `Rust ${version ?? "1"} (${read.join(", ")})`,
    image: `rust:${version ?? "1"}`,
    variables: { CARGO_HOME: cachePlace("cargo") },
    cache: { files: [lockfile ?? "Cargo.toml"], paths: [".cache/cargo/", "target/"] },
    before: [],
    stages: [
      { id: "test", script: [`cargo test --workspace${locked}`] },
      { id: "build", script: [`cargo build --workspace --release${locked}`], isPure: true },
    ],
  };
};
