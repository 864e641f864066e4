/** A stored skill version as its files. The archive is opened in memory; nothing of it becomes a path before it is judged. */
import { AppError } from '../../errors/app-error.ts';
import { type Platform, PlatformError } from '../../platform/client.ts';
import { sha256 } from '../../text/canonical.ts';
import { quote } from '../../text/quote.ts';
import { hashOf } from '../hash.ts';
import { filesOfArchive, type VersionFiles } from './archive.ts';
import { ArchiveError } from './zip.ts';

export type { VersionFiles } from './archive.ts';

/** `platform_refused`: the platform has the version but nothing that can be read came. Other versions may be fine. */
export class UnreadableVersionError extends AppError {
  override readonly name: string = 'UnreadableVersionError';
}

/**
 * Downloads a version and opens it. Throws {@link UnreadableVersionError} where its content cannot be had (damaged, too
 * large, no archive, or not decrypted by the platform), and {@link PlatformError} as every read does: 404 where it is gone.
 */
export async function downloadedFiles(platform: Platform, skillId: string, versionId: string): Promise<VersionFiles> {
  try {
    return filesOfArchive(await platform.skills.downloadVersion(skillId, versionId));
  } catch (cause) {
    if (cause instanceof ArchiveError) {
      const text = `the platform's archive of version ${quote(versionId)} of skill ${quote(skillId)} cannot be read`;
      throw new UnreadableVersionError('platform_refused', `${text}: ${cause.message}`, {
        hint: 'run again; if it stays so, download that version by hand and look at it',
        cause,
      });
    }
    // `skill_read_blocked_undecryptable`, or an answer that was too large to be a skill.
    if (cause instanceof PlatformError && (cause.status === 409 || cause.status === 200)) {
      const hint = 'the platform keeps this version but does not hand it out: push the skill as a new one';
      throw new UnreadableVersionError('platform_refused', cause.message, { hint, cause });
    }
    throw cause;
  }
}

/** The content hash of a version's files, by the definition in hash.ts. */
export function hashOfFiles(files: VersionFiles): string {
  return hashOf([...files].map(([path, bytes]) => ({ path, sha256: sha256(bytes) })));
}
