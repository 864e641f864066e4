/** Which files of a configuration folder are configuration. */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { type FolderEntry, listFolder } from '../outside/files.ts';
import { Exposed, safePath } from '../outside/trusted-file.ts';
import { nearestHint } from '../text/nearest.ts';
import type { Mistake } from './mistake.ts';
import { namePattern, platformsOwn } from './names.ts';

const kinds = ['services', 'agents', 'environments', 'rules'] as const;
type Kind = (typeof kinds)[number];

/** A configuration file and the name that it gives to what it configures. */
export interface FoundFile {
  name: string;
  path: string;
}

/** The files of a configuration folder, and files that look like configuration and are not. */
export interface FoundFiles extends Record<Kind, FoundFile[]> {
  interface: FoundFile;
  mistakes: Mistake[];
}

/**
 * The configuration files of a folder, or undefined where there is no such folder. Throws `config_exposed` where somebody
 * else could change what is in it.
 *
 * @param commands names that no service can have: where a service is named, a command of that name would hide it
 */
export async function findFiles(folder: string, commands: readonly string[]): Promise<FoundFiles | undefined> {
  const real = await unexposed(folder);
  if (real === undefined) return undefined;
  await Promise.all(kinds.map((kind) => unexposed(kind, real)));
  const [root, ...listed] = await Promise.all([folder, ...kinds.map((kind) => join(folder, kind))].map(listFolder));
  if (root === undefined) return undefined;
  const found: FoundFiles = {
    interface: { name: 'interface', path: join(folder, 'interface.yaml') },
    services: [],
    agents: [],
    environments: [],
    rules: [],
    mistakes: root.flatMap((entry) => strayEntry(folder, entry)),
  };
  for (const [index, kind] of kinds.entries()) {
    for (const { name, kind: entryKind } of listed[index] ?? []) {
      const parts = /^([^.].*)\.(ya?ml|json)$/i.exec(name);
      // Editors leave hidden files behind, and people leave notes and prompts: neither is configuration.
      if (parts === null || entryKind === 'folder') continue;
      const [, stem = '', ending = ''] = parts;
      const path = join(folder, kind, name);
      if (ending !== 'yaml')
        found.mistakes.push({ file: path, path: [], problem: 'expected a name that ends in .yaml' });
      if (kind === 'services' && (stem === platformsOwn || commands.includes(stem))) {
        found.mistakes.push({
          file: path,
          path: [],
          problem: `no service can have this name; ${stem} means something else`,
        });
      } else if (namePattern.test(stem) && stem.length <= 64) found[kind].push({ name: stem, path });
      else {
        const problem = 'expected a file name of lower-case letters, digits and single hyphens, 64 characters at most';
        found.mistakes.push({ file: path, path: [], problem });
      }
    }
  }
  return found;
}

/**
 * Where a folder of a configuration really is; undefined where there is none yet. Throws `config_exposed` where somebody else
 * could change what is in it. `from` is the real place of a folder that was judged like this.
 */
export async function unexposed(path: string, from?: string): Promise<string | undefined> {
  try {
    return await safePath(path, from);
  } catch (cause) {
    if (!(cause instanceof Exposed)) throw cause;
    throw new AppError('config_exposed', `the configuration decides whom you trust: ${cause.message}`, {
      cause,
      hint: `${cause.hint}; or copy the configuration to where only you can write, and name the copy: --config <folder>`,
    });
  }
}

/** An entry of the folder itself that nothing reads although its author surely meant it to be read. */
function strayEntry(folder: string, { name, kind }: FolderEntry): Mistake[] {
  const file = join(folder, name);
  if (kind === 'folder') {
    const hint = (kinds as readonly string[]).includes(name) ? '' : nearestHint(name, kinds);
    return hint.startsWith('did you mean') ? [{ file, path: [], problem: `nothing reads this folder; ${hint}` }] : [];
  }
  if (name === 'interface.yaml' || !/^[^.].*\.ya?ml$/i.test(name)) return [];
  return [
    { file, path: [], problem: `nothing reads this file; expected interface.yaml or a file in ${kinds.join(', ')}` },
  ];
}
