/** A stored skill version as content hash. The archive is opened in memory and never written to disk. */
import { unzipSync } from 'fflate';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import { hashOf, sha256 } from './hash.ts';
import { sizeLimit } from './read.ts';

/** The files of a version by their path below the skill's folder. */
export type VersionFiles = ReadonlyMap<string, Uint8Array>;

/** Downloads a version and opens it. Throws `platform_refused` for an archive that cannot be read. */
export async function downloadedFiles(platform: Platform, skillId: string, version: string): Promise<VersionFiles> {
  const archive = await platform.read(`download skill ${skillId}`, async (client) => {
    const response = await client.beta.skills.versions.download(version, { skill_id: skillId });
    return new Uint8Array(await response.arrayBuffer());
  });
  try {
    return filesOfArchive(archive);
  } catch (cause) {
    throw new AppError('platform_refused', `the platform's archive of skill ${quote(skillId)} cannot be read`, {
      hint: 'run again; if it stays so, download that version by hand and look at it',
      cause,
    });
  }
}

/** The content hash of a version's files, by the definition in hash.ts. */
export function hashOfFiles(files: VersionFiles): string {
  return hashOf([...files].map(([path, bytes]) => ({ path, sha256: sha256(bytes) })));
}

/**
 * The files of a skill archive. The layout of a download is not documented: the files may lie below one top folder or at
 * the root, so the folder that holds SKILL.md counts as the skill. Throws for what is no zip file and for one that
 * unpacks to more than a skill can have.
 */
export function filesOfArchive(archive: Uint8Array): VersionFiles {
  let total = 0;
  const entries = unzipSync(archive, {
    filter: ({ name, originalSize }) => {
      total += originalSize;
      if (total > sizeLimit) throw new Error('the archive unpacks to more than a skill can have');
      return !name.endsWith('/');
    },
  });
  const paths = Object.keys(entries);
  const top = paths.includes('SKILL.md') ? '' : (paths.find((path) => /^[^/]+\/SKILL\.md$/.test(path)) ?? '');
  const prefix = top.replace(/SKILL\.md$/, '');
  // A file outside the skill's folder keeps its path, so it can never pass for one inside.
  return new Map(
    Object.entries(entries).map(([path, bytes]) => [
      path.startsWith(prefix) ? path.slice(prefix.length) : `../${path}`,
      bytes,
    ]),
  );
}
