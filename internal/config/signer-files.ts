/**
 * What lies in a project and is started by its `ownership.signer`: the program, and the scripts that are words of its
 * command. Whoever can change these can sign as the organisation, as whoever can change the configuration can.
 */
import { relative, resolve, sep } from 'node:path';
import { fileDigest } from '../outside/files.ts';
import type { Belief } from './believed.ts';

/** Whether the program of a command is a place, and is not looked for on the PATH. */
export function isPlace(program: string): boolean {
  return /[\\/]/.test(program);
}

/** The paths below the project that words of the command mean, whether something is there or not. They begin at the project. */
export function signerPaths(project: string, [program = '', ...words]: readonly string[]): string[] {
  const paths = [...(isPlace(program) ? [program] : []), ...words].map((word) => resolve(project, word));
  return [...new Set(paths)].filter((path) => path.startsWith(`${resolve(project)}${sep}`));
}

/** The files among them, each with what it holds. Throws `file_system` for one that cannot be read. */
export async function signerBeliefs(project: string, command: readonly string[]): Promise<Belief[]> {
  const beliefs = await Promise.all(
    signerPaths(project, command).map(async (path): Promise<Belief[]> => {
      const digest = await fileDigest(path);
      return digest === undefined ? [] : [['file of the signer', `${relative(project, path)}, SHA-256 ${digest}`]];
    }),
  );
  return beliefs.flat();
}
