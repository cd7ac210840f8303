import { cachePlace, versionIn, type Detector, type Draft, type Folder } from "./project.ts";

const newestLts = "21";

export const detectJava: Detector = (folder) => {
  if (folder.has("pom.xml")) return maven(folder);
  const build = folder.first("build.gradle.kts", "build.gradle", "settings.gradle.kts", "settings.gradle");
  return build === undefined ? undefined : gradle(folder, build);
};

function maven(folder: Folder): Draft {
  const release = releaseOf(
    folder.text("pom.xml"),
    /<maven\.compiler\.release>\s*([\d.]+)\s*</,
    /<release>\s*([\d.]+)\s*</,
    /<java\.version>\s*([\d.]+)\s*</,
    /<maven\.compiler\.(?:target|source)>\s*([\d.]+)\s*</,
  );
  const hasWrapper = folder.has("mvnw");
  return {
    kind: "java",
    title: `Java ${release} with Maven (pom.xml${hasWrapper ? ", mvnw" : ""})`,
    image: hasWrapper ? `eclipse-temurin:${release}` : `maven:3-eclipse-temurin-${release}`,
    variables: {
      MAVEN_OPTS: `-Dmaven.repo.local=${cachePlace("maven")}`,
      ...(hasWrapper ? { MAVEN_USER_HOME: cachePlace("mvnw") } : {}),
    },
    cache: { files: ["pom.xml"], paths: hasWrapper ? [".cache/maven/", ".cache/mvnw/"] : [".cache/maven/"] },
    before: [],
    stages: [
      {
        id: "build",
        script: [`${hasWrapper ? "sh ./mvnw" : "mvn"} --batch-mode verify`],
        junit: "**/target/surefire-reports/*.xml",
      },
    ],
  };
}

function gradle(folder: Folder, build: string): Draft {
  const texts = ["build.gradle.kts", "build.gradle"].map((file) => folder.text(file)).join("\n");
  const release = releaseOf(
    texts,
    /JavaLanguageVersion\.of\((\d+)\)/,
    /jvmToolchain\((\d+)\)/,
    /(?:source|target)Compatibility\s*=\s*["']?(?:JavaVersion\.VERSION_)?([\d._]+)/,
  );
  const hasWrapper = folder.has("gradlew");
  return {
    kind: "java",
    title: `Java ${release} with Gradle (${build}${hasWrapper ? ", gradlew" : ""})`,
    image: hasWrapper ? `eclipse-temurin:${release}` : `gradle:jdk${release}`,
    variables: { GRADLE_USER_HOME: cachePlace("gradle") },
    cache: { files: [build], paths: [".cache/gradle/"] },
    before: [],
    stages: [
      {
        id: "build",
        script: [`${hasWrapper ? "sh ./gradlew" : "gradle"} --no-daemon build`],
        junit: "**/build/test-results/test/*.xml",
      },
    ],
  };
}

/** "1.8" is 8. */
function releaseOf(text: string, ...patterns: readonly RegExp[]): string {
  return (versionIn(text, ...patterns) ?? newestLts).replace(/^1\./, "");
}
