/** Which skills a run is about, and which configuration counts for them, if any. */
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type ChosenFolder, chooseFolders, selectSkills } from '../skills/choose-folders.ts';
import { lockFileOf, refuseNobodysLock } from '../skills/lock.ts';
import { projectOf } from '../skills/skill-pins.ts';
import type { SkillsFolder } from '../skills/skills-plan.ts';
import type { Ports } from './ports.ts';
import { namedWorkspace, type ProjectNeeds, readProject } from './project.ts';

/** What says which skills are meant, words for folders first. */
interface Meant {
  folders: readonly string[];
  lock?: string | undefined;
  only?: string[] | undefined;
  changedSince?: string | undefined;
}

/** The folders of skills that are meant, with their locks. Without words it is those of the configuration, or ./skills. */
export async function foldersOf(
  { signal, tell }: Ports,
  configuration: Configuration | undefined,
  { folders: words, lock, only, changedSince }: Meant,
): Promise<SkillsFolder[]> {
  const saying = { signal, say: tell.note };
  const folders = await chooseMeant(words, configuration, saying);
  if (lock !== undefined && folders.length > 1) {
    throw new AppError('usage', '--lock names one file, but there are several folders', {
      hint: 'give one folder, or leave --lock out: each folder then has its own skills.lock.json',
    });
  }
  const workspace = configuration?.workspace;
  if (lock === undefined) for (const { folder } of folders) await refuseNobodysLock(folder, workspace);
  const locked = folders.map((one) => ({ ...one, lockFile: lock ?? lockFileOf(one.folder, workspace) }));
  return await selectSkills(
    locked,
    { ...(only !== undefined && { only }), ...(changedSince !== undefined && { changedSince }) },
    saying,
  );
}

/** The folders that words mean; without words those of the configuration, and ./skills where it names none. */
export async function chooseMeant(
  words: readonly string[],
  configuration: Configuration | undefined,
  saying: { signal: AbortSignal; say(text: string): void },
): Promise<ChosenFolder[]> {
  const named = configuration?.interface.skills?.folders;
  if (words.length > 0 || configuration === undefined || named === undefined) return await chooseFolders(words, saying);
  return await chooseFolders(named, { ...saying, from: projectOf(configuration) });
}

/** The configuration says which workspace and which agents; without one it is the key's workspace, and no agents. */
export async function configurationIfAny(ports: Ports, needs: ProjectNeeds = {}): Promise<Configuration | undefined> {
  try {
    // Nothing that it believes is used here: no identity, no key, no program.
    return (await readProject(ports, needs)).configuration;
  } catch (error) {
    const named = ports.project.config ?? ports.environment.MAI_CONFIG ?? namedWorkspace(ports);
    if (named === undefined && error instanceof AppError && error.code === 'config_missing') return undefined;
    throw error;
  }
}
