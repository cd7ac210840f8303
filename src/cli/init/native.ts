import type { Detector, Draft, DraftStage, Folder } from "./project.ts";

export const detectCMake: Detector = (folder) => {
  if (!folder.has("CMakeLists.txt")) return undefined;
  return native("CMake (CMakeLists.txt)", ["cmake"], {
    id: "build",
    script: [
      "cmake -B build -DCMAKE_BUILD_TYPE=Release",
      'cmake --build build --parallel "$(nproc)"',
      "ctest --test-dir build --output-on-failure --output-junit report.xml",
    ],
    junit: "build/report.xml",
  });
};

export const detectAutotools: Detector = (folder) => {
  const build = ['make -j "$(nproc)"', "make check"];
  if (folder.has("configure")) {
    return native("autotools (configure)", [], { id: "build", script: ["sh ./configure", ...build] });
  }
  const source = folder.first("configure.ac", "configure.in");
  if (source === undefined) return undefined;
  const bootstrap = folder.first("autogen.sh", "bootstrap", "bootstrap.sh");
  const first = bootstrap === undefined ? "autoreconf --install" : `NOCONFIGURE=1 sh ./${bootstrap}`;
  const script = [first, "sh ./configure", ...build];
  const packages = ["autoconf", "automake", "libtool", "pkg-config"];
  return native(`autotools (${source})`, packages, { id: "build", script });
};

/** A Makefile beside another kind of project is that project's own helper, so this is asked last. */
export const detectMake: Detector = (folder) => {
  const file = folder.first("GNUmakefile", "makefile", "Makefile");
  if (file === undefined) return undefined;
  const script = ['make -j "$(nproc)"', ...testsOf(folder, file)];
  return native(`make (${file})`, [], { id: "build", script });
};

function testsOf(folder: Folder, file: string): readonly string[] {
  const target = /^(check|test)\s*:(?!=)/m.exec(folder.text(file))?.[1];
  return target === undefined ? [] : [`make ${target}`];
}

function native(title: string, packages: readonly string[], stage: DraftStage): Draft {
  const install = ["build-essential", ...packages].join(" ");
  return {
    kind: "c",
    title: `C or C++ with ${title}`,
    image: "debian:stable",
    variables: { DEBIAN_FRONTEND: "noninteractive" },
    before: ["apt-get update", `apt-get install --yes --no-install-recommends ${install}`],
    stages: [stage],
  };
}
