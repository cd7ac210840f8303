import { cachePlace, versionIn, type Detector } from "./project.ts";

export const detectGo: Detector = (folder) => {
  if (!folder.has("go.mod")) return undefined;
  const version = versionIn(folder.text("go.mod"), /^go (\d+\.\d+)/m);
  const sums = folder.first("go.sum") ?? "go.mod";
  return {
    kind: "go",
    title: `Go ${version ?? "1"} (${[...new Set(["go.mod", sums])].join(", ")})`,
    image: `golang:${version ?? "1"}`,
    variables: { GOMODCACHE: cachePlace("go/mod"), GOCACHE: cachePlace("go/build") },
    cache: { files: [sums], paths: [".cache/go/"] },
    before: [],
    stages: [
      { id: "lint", script: ["go vet ./..."], isPure: true },
      { id: "test", script: ["go test ./..."] },
      { id: "build", script: ["go build ./..."], isPure: true },
    ],
  };
};
