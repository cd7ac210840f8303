/** Where a stage's files come from. Stored with the run. */
export type Source =
  | {
      readonly kind: "repository";
      /** The repository's git directory, absolute, links resolved. */
      readonly gitDir: string;
      readonly commit: Commit;
    }
  | {
      readonly kind: "tree";
      /** A developer's working tree, absolute. */
      readonly folder: string;
      /** True of a copy made by `takeSnapshot`: all that is in it belongs to it, its `.git` included. */
      readonly isSnapshot?: true;
      /** Of a copy: the working tree that it was made of, absolute. */
      readonly origin?: string;
      /** What is checked out there; absent outside a git repository and before its first commit. */
      readonly commit?: Commit;
    };

export interface Commit {
  /** 40 or 64 hex digits. */
  readonly sha: string;
  /** As it was asked for; the name of the branch at HEAD when nothing was. */
  readonly ref: string;
  readonly branch?: string;
  readonly tag?: string;
  readonly defaultBranch?: string;
  /** Whole. */
  readonly message: string;
  /** "Name <address>". */
  readonly author?: string;
  /** When it was committed; RFC 3339 in UTC. */
  readonly time?: string;
}
