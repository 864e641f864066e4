/** The versions of skills that agents get: of all folders of skills that a configuration names, in one workspace. */
import { join, relative } from 'node:path';
import type { Configuration } from '../config/definitions.ts';
import { asRead } from '../config/read-together.ts';
import { lockName } from '../config/workspace.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { lockFileOf, readSkillsLock, type SkillsLock } from './lock.ts';

/**
 * The locks of a configuration as one, as they were read with it or else as they are now. Throws `config_invalid` where two of
 * them have a skill of the same name: which version an agent gets is not guessed.
 */
export async function readSkillPins(configuration: Configuration, signal: AbortSignal): Promise<SkillsLock> {
  return await asRead(configuration, lockName('skills', configuration.workspace), () => pinsNow(configuration, signal));
}

async function pinsNow(configuration: Configuration, signal: AbortSignal): Promise<SkillsLock> {
  const { workspace } = configuration;
  const project = projectOf(configuration);
  const named = configuration.interface.skills?.folders;
  if (named === undefined) return await readSkillsLock(join(project, 'skills'), workspace);
  const { chooseFolders } = await import('./choose-folders.ts');
  const chosen = await chooseFolders(named, { from: project, signal, say() {} });
  const locks = await Promise.all(chosen.map(({ folder }) => readSkillsLock(folder, workspace)));
  const pins = new Map<string, SkillsLock extends ReadonlyMap<string, infer Locked> ? Locked : never>();
  const lockOf = new Map<string, string>();
  for (const [index, { folder, only }] of chosen.entries()) {
    const path = lockFileOf(folder, workspace);
    for (const [name, locked] of locks[index] ?? []) {
      if (only?.has(name) === false) continue;
      const twin = lockOf.get(name);
      if (twin !== undefined) {
        throw new AppError('config_invalid', `${quote(twin)} and ${quote(path)} both have a skill ${quote(name)}`, {
          hint: 'rename one of the skills, or take the entry out of the lock whose folder does not have it any more',
        });
      }
      lockOf.set(name, path);
      pins.set(name, locked);
    }
  }
  return pins;
}

/** The folder that `skills.folders` starts from, seen from the current one. */
export function projectOf({ folder }: Pick<Configuration, 'folder'>): string {
  return relative('', join(folder, '..'));
}
