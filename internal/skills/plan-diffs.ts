/** What a plan changes inside the skills, as unified diffs from the platform's content to the folder's. */

import { inParallel } from '../async/in-parallel.ts';
import type { Platform } from '../platform/client.ts';
import { contentOf, type Skill } from './folder/read.ts';
import { type Blocked, type Change, nameOf } from './plan.ts';
import type { SkillsPlan } from './skills-plan.ts';
import { contentOfVersion, type Survey } from './survey.ts';

/** How many downloads for diffs run at the same time. */
const diffsAtOnce = 8;

/** What would change on the platform, as a unified diff, by the skill's name: of updates, and of what is blocked. */
export async function diffsOf({ parts }: SkillsPlan, platform: Platform): Promise<Map<string, string>> {
  const changes = parts.flatMap((part) => part.changes.map((change) => ({ change, contents: part.contents })));
  const diffs = await inParallel(changes, diffsAtOnce, async ({ change, contents }) => {
    const diff =
      change.kind === 'blocked'
        ? await diffOfBlocked(change, contents)
        : change.kind === 'update'
          ? await diffOfUpdate(change, platform, contents)
          : undefined;
    return [nameOf(change), diff ?? ''] as const;
  });
  return new Map(diffs.filter(([, diff]) => diff !== ''));
}

async function diffOfUpdate(
  { skill, locked }: Extract<Change, { kind: 'update' }>,
  platform: Platform,
  contents: Survey['contents'],
): Promise<string> {
  const known = contents.get(locked.skillId);
  const before = known ?? (await contentOfVersion(platform, locked.skillId, locked.versionId));
  return await diffTo(skill, before.files);
}

/** What the platform holds instead; undefined where that is not one version. */
export async function diffOfBlocked(
  { skill, remote }: Blocked,
  contents: Survey['contents'],
): Promise<string | undefined> {
  const held = remote === undefined ? undefined : contents.get(remote.skillId);
  if (skill === undefined || held === undefined) return undefined;
  return await diffTo(skill, held.files);
}

/** Loaded here, because most runs show no diff. */
async function diffTo(skill: Skill, before: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const { contentDiff } = await import('./diff.ts');
  return contentDiff(skill.name, before, await filesOf(skill));
}

async function filesOf(skill: Skill): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const file of skill.files) files.set(file.path, await contentOf(skill, file));
  return files;
}
