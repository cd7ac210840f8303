declare module "bun" {
  interface Env {
    readonly GITFOSS_VERSION?: string;
    readonly GITFOSS_COMMIT?: string;
  }
}

/** Both are put in as literals when the binary is built; the fallbacks are for running from source. */
export const VERSION: string = process.env.GITFOSS_VERSION ?? "0.0.0-dev";
/** The commit the binary was built from. */
export const COMMIT: string = process.env.GITFOSS_COMMIT ?? "unknown";
