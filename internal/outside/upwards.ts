/** A file of the project that somebody stands in: looked for upwards, as git looks for its folder. */
import { lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, parse } from 'node:path';
import { isOwnFolder } from './trusted-file.ts';

/**
 * The nearest folder, from the current one upwards, that a file is in. The look ends at the home folder, at the root and at
 * another file system, and before a folder that somebody else could put something into: what lies in /tmp is nobody's
 * project. Undefined where there is none.
 */
export async function nearestWith(file: string): Promise<string | undefined> {
  const start = currentFolder();
  if (start === undefined) return undefined;
  const home = homedir();
  const { root } = parse(start);
  const device = await deviceOf(start);
  for (let at = start; ; at = dirname(at)) {
    if ((await deviceOf(join(at, file))) !== undefined) return at;
    const above = dirname(at);
    if (at === home || above === root || at === root) return undefined;
    if ((await deviceOf(above)) !== device || !(await isOwnFolder(above))) return undefined;
  }
}

/** Undefined where it was removed under the shell that stands in it. */
function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** What is there and may not be looked at is as good as not there. */
async function deviceOf(path: string): Promise<number | undefined> {
  return (await lstat(path).catch(() => undefined))?.dev;
}
