/**
 * Puts folders of skills on disk in the place of what is there. A folder is made ready in a stage beside the others, and
 * takes its place by renaming: whoever is killed leaves the old folder or the new one whole, and a stage that the next
 * run finishes. What is in the old folder and no part of a skill (.git, node_modules) moves over; the rest of it goes.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { createBytes, listFolder, makeFolder, readBytes, removeFolder, renameFile } from '../outside/files.ts';
import { quote } from '../text/quote.ts';
import type { VersionFiles } from './download/archive.ts';
import { ignoreFileName } from './folder/ignored.ts';
import { readSkills, type Skill } from './folder/read.ts';
import { type LocalContent, localContent } from './local-content.ts';

/** A place below a folder of skills where others are made ready. */
export interface Stage {
  folderOfSkills: string;
  path: string;
}

/** No skill can have such a name, and no push looks into it: what ends in ~ is left out. */
export const stageName = /^\.pull-[0-9a-f-]{36}~$/;

/**
 * Opens a stage: in the folder of skills itself, or elsewhere where nothing is to take its place. The ignore file of the
 * folder holds there too. Throws `file_system`.
 */
export async function openStage(folderOfSkills: string, inside = folderOfSkills): Promise<Stage> {
  const stage = { folderOfSkills, path: join(inside, `.pull-${randomUUID()}~`) };
  const rules = await readBytes(join(folderOfSkills, ignoreFileName));
  for (const part of ['new', 'old']) {
    await makeFolder(join(stage.path, part));
    if (rules !== undefined) await createBytes(join(stage.path, part, ignoreFileName), rules);
  }
  return stage;
}

/** Writes the files of a skill into the stage, with the ignore files of the folder that it is to replace. */
export async function stageSkill(
  stage: Stage,
  name: string,
  files: VersionFiles,
  replaced: LocalContent | undefined,
): Promise<void> {
  for (const [path, bytes] of files) await createBytes(join(stage.path, 'new', name, path), bytes);
  for (const path of replaced?.leftOut ?? []) {
    refuseInTheWay(name, path, files);
    if (path.slice(path.lastIndexOf('/') + 1) !== ignoreFileName) continue;
    const rules = await readBytes(join(stage.folderOfSkills, name, path));
    if (rules !== undefined) await createBytes(join(stage.path, 'new', name, path), rules);
  }
}

/** What stays needs its folders: none of them may be a file of the new skill. */
function refuseInTheWay(name: string, path: string, files: VersionFiles): void {
  const parts = path.split('/');
  const inTheWay = parts.map((_, index) => parts.slice(0, index + 1).join('/')).find((above) => files.has(above));
  if (inTheWay === undefined) return;
  throw new AppError('drift', `${quote(`${name}/${path}`)} is not part of the skill and would be lost`, {
    hint: `nothing was written; the version to pull has a file ${quote(inTheWay)} there: move yours away`,
  });
}

/** Reads what is staged like any folder of skills, with every check. Throws `skill_invalid`. */
export async function readStage(stage: Stage): Promise<readonly Skill[]> {
  return (await readSkills([join(stage.path, 'new')])).skills.flat();
}

/** Puts a staged skill in its place. */
export async function takePlace(stage: Stage, name: string): Promise<void> {
  await renameFile(join(stage.folderOfSkills, name), join(stage.path, 'old', name));
  await renameFile(join(stage.path, 'new', name), join(stage.folderOfSkills, name));
  await moveLeftOut(stage, name);
}

/**
 * Finishes what killed runs left below a folder of skills: a folder that was taken away and not replaced comes back, and
 * what belongs to nobody's skill moves over to the new one. To be called by one run at a time.
 */
export async function finishStages(folderOfSkills: string): Promise<void> {
  for (const { name: found, kind } of (await listFolder(folderOfSkills)) ?? []) {
    if (kind !== 'folder' || !stageName.test(found)) continue;
    const stage = { folderOfSkills, path: join(folderOfSkills, found) };
    // Only real folders: a link that somebody planted could lead anywhere.
    const parts = (await listFolder(stage.path)) ?? [];
    const hasOld = parts.some(({ name, kind: part }) => name === 'old' && part === 'folder');
    for (const { name } of (hasOld && (await listFolder(join(stage.path, 'old')))) || []) {
      if (name === ignoreFileName) continue;
      const there = ((await listFolder(folderOfSkills)) ?? []).some((entry) => entry.name === name);
      if (there) await moveLeftOut(stage, name);
      else await renameFile(join(stage.path, 'old', name), join(folderOfSkills, name));
    }
    await removeFolder(stage.path);
  }
}

/** Moves what is no part of a skill from the old folder to the one in its place. */
async function moveLeftOut({ folderOfSkills, path: stage }: Stage, name: string): Promise<void> {
  const old = await localContent(join(stage, 'old'), name);
  for (const path of old?.leftOut ?? []) {
    const above = join(folderOfSkills, name, path, '..');
    await makeFolder(above);
    const last = path.slice(path.lastIndexOf('/') + 1);
    const taken = ((await listFolder(above)) ?? []).some((entry) => entry.name === last);
    if (taken && last === ignoreFileName) continue;
    if (taken) {
      const [from, to] = [join(stage, 'old', name, path), join(folderOfSkills, name, path)];
      throw new AppError('file_system', `${quote(from)} cannot go back to ${quote(to)}: something is there`, {
        hint: 'move one of the two away and run again',
      });
    }
    await renameFile(join(stage, 'old', name, path), join(folderOfSkills, name, path));
  }
}
