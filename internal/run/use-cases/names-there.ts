/** The names that a word of a command line can be, for completion. Nothing is believed, sent or started for it. */
import { dirname, join } from 'node:path';
import { namePattern } from '../../config/names.ts';
import { listFolder, readText } from '../../outside/files.ts';
import { isRecord } from '../../text/record.ts';
import { locateProject } from '../place.ts';
import type { Ports } from '../ports.ts';
import type { NamesRequest, NamesThere } from '../values/setup.ts';

/**
 * The names of services, agents or environments that the configuration of a run has files of, or those of skills in its
 * folders and their locks; sorted. A name is letters, digits and hyphens (P9). Throws `config_missing` as every command does.
 */
export async function namesThere({ kind }: NamesRequest, ports: Ports): Promise<NamesThere> {
  const names = kind === 'skills' ? await skillNames(ports) : await configured(ports, kind);
  return { names: [...new Set(names.filter((name) => namePattern.test(name)))].sort() };
}

async function configured(ports: Ports, kind: NamesRequest['kind']): Promise<string[]> {
  const { folder } = await locateProject(ports);
  const entries = (await listFolder(join(folder, kind))) ?? [];
  return entries.flatMap(({ name }) => (name.endsWith('.yaml') ? [name.slice(0, -'.yaml'.length)] : []));
}

/** Skills need no configuration. Where there is none, or it names no folders, they are in ./skills. */
async function skillNames(ports: Ports): Promise<string[]> {
  const { project, environment } = ports;
  const place = await locateProject(ports).catch((error: unknown) => {
    if (project.config !== undefined || environment.MAI_CONFIG !== undefined) throw error;
    return undefined;
  });
  const folders = place === undefined ? ['skills'] : await skillFolders(place.folder, ports);
  return (await Promise.all(folders.map(namesIn))).flat();
}

async function skillFolders(configuration: string, { signal }: Ports): Promise<string[]> {
  const text = await readText(join(configuration, 'interface.yaml'));
  // Most name none, and reading YAML takes longer than all else here.
  if (text?.includes('skills') !== true) return ['skills'];
  const { readDocument } = await import('../../config/document.ts');
  const document = readDocument(text);
  const named = Array.isArray(document) ? undefined : foldersNamed(document.data);
  if (named === undefined) return ['skills'];
  const { chooseFolders } = await import('../../skills/choose-folders.ts');
  const chosen = await chooseFolders(named, { from: dirname(configuration), signal, say() {} });
  return chosen.map(({ folder }) => folder);
}

/** What `skills.folders` says in a file that nobody has checked. */
function foldersNamed(data: unknown): string[] | undefined {
  const skills = isRecord(data) ? data['skills'] : undefined;
  const folders = isRecord(skills) ? skills['folders'] : undefined;
  return Array.isArray(folders) ? folders.filter((folder) => typeof folder === 'string') : undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = (await listFolder(folder)) ?? [];
  const locks = entries.filter(({ name }) => /^skills(\.[a-z0-9-]+)?\.lock\.json$/.test(name));
  const locked = await Promise.all(locks.map(async ({ name }) => namesOfLock(await readText(join(folder, name)))));
  return [...entries.filter(({ kind }) => kind !== 'file').map(({ name }) => name), ...locked.flat()];
}

async function namesOfLock(text: string | undefined): Promise<string[]> {
  const { parseLock } = await import('../../skills/lock.ts');
  return text === undefined ? [] : [...parseLock(text).skills.keys()];
}
