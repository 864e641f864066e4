/**
 * What a person sets for themselves on one machine, beside the configuration that everybody shares. It names nobody to
 * trust and allows nothing: only where their own sign-in is kept.
 */
import { join } from 'node:path';
import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { ownFile, readTrusted } from '../outside/trusted-file.ts';
import type { Identity } from './definitions.ts';
import { readDocument } from './document.ts';
import { keepDefinition } from './keep.ts';
import { type Mistake, mistakeLine } from './mistake.ts';
import { checkShape } from './shape.ts';

/** `settings.yaml` in a person's own configuration directory. */
const personalSettingsDefinition = z.strictObject({
  identity: z.optional(z.strictObject({ keep: z.optional(keepDefinition) })),
});

type Keep = NonNullable<Extract<Identity, { mode: 'sso' }>['keep']>;

/** A person's own settings, and the file that holds them or would. */
export interface PersonalSettings {
  path: string;
  keep: Keep | undefined;
}

/** No settings of a person come near this many bytes. */
const longestSettings = 64 * 1024;

/**
 * Reads a person's own settings; none where there is no file. Throws `config_invalid` with one line for each mistake, and
 * `file_system` where somebody else could have written them. Links are followed: people keep such files in a repository.
 */
export async function readPersonalSettings(directory: string): Promise<PersonalSettings> {
  const path = join(directory, 'settings.yaml');
  const text = await readTrusted(path, { ...ownFile(longestSettings), rootToo: true, links: true });
  if (text === undefined) return { path, keep: undefined };
  const refuse = (mistakes: readonly Omit<Mistake, 'file'>[]) => {
    const lines = mistakes.map((mistake) => mistakeLine({ ...mistake, file: path }));
    if (lines.length > 0) throw new AppError('config_invalid', lines.join('\n'));
  };
  const document = readDocument(text);
  if (Array.isArray(document)) {
    refuse(document.map(({ problem, ...position }) => ({ path: [], position, problem })));
    return { path, keep: undefined };
  }
  // An empty file says nothing.
  const { whole, findings } = checkShape(personalSettingsDefinition, document.data ?? {});
  refuse(findings.map((finding) => ({ ...finding, position: document.positionOf(finding) })));
  return { path, keep: whole?.identity?.keep };
}

/** Who decided where a sign-in is kept. */
export type KeepSource = 'project' | 'personal' | 'default';

/**
 * Where a sign-in is kept. What the configuration says comes first, as everywhere; a person may always keep nothing, and
 * decides where it is silent.
 */
export function keepOf(project: Keep | undefined, personal: Keep | undefined): { keep: Keep; source: KeepSource } {
  if (personal === 'memory') return { keep: personal, source: 'personal' };
  if (project !== undefined) return { keep: project, source: 'project' };
  return personal === undefined ? { keep: 'keychain', source: 'default' } : { keep: personal, source: 'personal' };
}
