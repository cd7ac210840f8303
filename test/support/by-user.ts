import { test } from "bun:test";

const isRoot = process.getuid?.() === 0;

type Test = (title: string, body: () => void | Promise<void>) => void;

/** What can only be brought about by root; nobody else has such a case. */
export const forRoot: Test = isRoot ? test : () => {};

/** What can't happen to root, who may read and write everything. */
export const forOthers: Test = isRoot ? () => {} : test;
