/** Where the system has a program. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { searchPath } from '../demo/executables.ts';

/** The first program of this name on the search path; undefined where there is none. */
export function pathOf(name: string): string | undefined {
  return searchPath
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
