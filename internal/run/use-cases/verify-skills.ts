import { AppError } from '../../errors/app-error.ts';
import { readLockFile } from '../../skills/lock.ts';
import { meantOf } from '../../skills/planning.ts';
import { verificationError, verifySkills as verifyLocks } from '../../skills/verify.ts';
import { quote } from '../../text/quote.ts';
import { configurationIfAny, foldersOf } from '../meant-skills.ts';
import { platformForReading } from '../platform.ts';
import type { Ports } from '../ports.ts';
import type { VerifiedSkills, VerifySkillsRequest } from '../values/skills.ts';

/** Verifies every skill of one or more locks. Throws `skill_altered` where one is not what its lock says. */
export async function verifySkills(request: VerifySkillsRequest, ports: Ports): Promise<VerifiedSkills> {
  const configuration = await configurationIfAny(ports);
  const folders = await foldersOf(ports, configuration, request);
  const locks = await Promise.all(
    folders.map(async ({ lockFile, ...place }) => {
      const { folder } = place;
      const lock = meantOf(await readLockFile(lockFile), place);
      // An empty one proves nothing, and must not look as if all were well.
      if (lock.size > 0) return { folder, lock };
      throw new AppError('config_missing', `there is no skill in a lock ${quote(lockFile)}`, {
        hint: 'name the folder that skills.lock.json is in, or the file with --lock; a push writes it: skill-sync',
      });
    }),
  );
  const platform = await platformForReading(ports, configuration?.interface.platform);
  const waiting = ports.tell.wait('downloading the pinned versions');
  try {
    const verification = await verifyLocks(platform, locks, (looked, all) => waiting.at(looked, all));
    const error = verificationError(verification);
    if (error !== undefined) throw error;
    return {
      skills: verification.verified.map(({ folder, name, locked, outcome }) => ({
        name,
        folder,
        outcome,
        skill_id: locked.skillId,
        version_id: locked.versionId,
        sha256: locked.sha256,
      })),
    };
  } finally {
    waiting.done();
  }
}
