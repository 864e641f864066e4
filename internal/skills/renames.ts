/**
 * Skills that were renamed. The name stands in SKILL.md, so a renamed skill has another hash: it is told by hashing it with
 * the old name put back.
 */

import { sha256 } from '../text/canonical.ts';
import { withName } from './folder/front-matter.ts';
import { contentOf, type Skill } from './folder/read.ts';
import { hashOf } from './hash.ts';
import type { SkillsLock } from './lock.ts';

/**
 * New name to old name of every skill that the lock does not know and whose content is exactly what the lock has under a
 * name without a folder. Where several could be meant, none is.
 */
export async function findRenames(skills: readonly Skill[], lock: SkillsLock): Promise<Map<string, string>> {
  const present = new Set(skills.map(({ name }) => name));
  const orphans = [...lock].filter(([name]) => !present.has(name));
  const pairs: { to: string; from: string }[] = [];
  if (orphans.length === 0) return new Map();
  for (const skill of skills.filter(({ name }) => !lock.has(name))) {
    const main = skill.files.find(({ path }) => path === 'SKILL.md');
    if (main === undefined) continue;
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(await contentOf(skill, main));
    for (const [from, locked] of orphans) {
      const before = withName(text, from);
      if (before === undefined) continue;
      const files = skill.files.map((file) => (file === main ? { ...file, sha256: sha256(before) } : file));
      if (hashOf(files) === locked.sha256) pairs.push({ to: skill.name, from });
    }
  }
  const once = (key: 'to' | 'from', name: string) => pairs.filter((pair) => pair[key] === name).length === 1;
  return new Map(
    pairs.filter(({ to, from }) => once('to', to) && once('from', from)).map(({ to, from }) => [to, from]),
  );
}
