import type { Configuration } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { lockFileOf, readLockFile, refuseNobodysLock } from '../../skills/lock.ts';
import { pullSkills as pullFolders } from '../../skills/pull.ts';
import { visible } from '../../text/quote.ts';
import { chooseMeant, configurationIfAny } from '../meant-skills.ts';
import { platformForReading } from '../platform.ts';
import type { Ports, Waiting } from '../ports.ts';
import type { PulledSkills, PullRequest } from '../values/skills.ts';

/** Pulls skills from the platform into their folders. */
export async function pullSkills(request: PullRequest, ports: Ports): Promise<PulledSkills> {
  const { skills: names, overwrite, skillVersion, dryRun } = request;
  const configuration = await configurationIfAny(ports);
  const folder = request.folder ?? (await folderHolding(ports, configuration, names));
  if (request.lock === undefined) await refuseNobodysLock(folder, configuration?.workspace);
  const lock = request.lock ?? lockFileOf(folder, configuration?.workspace);
  let waiting: Waiting | undefined;
  try {
    const pulled = await pullFolders({
      names,
      folder,
      lockFile: lock,
      overwrite,
      planIn: dryRun ? (await ports.directories()).cache : undefined,
      ...(skillVersion !== undefined && { versionId: skillVersion }),
      async openPlatform() {
        const platform = await platformForReading(ports, configuration?.interface.platform);
        waiting = ports.tell.wait(`downloading ${names.join(', ')}`);
        return platform;
      },
      signal: ports.signal,
      say: (text) => ports.tell.note(text),
    });
    return {
      skills: pulled.map(({ name, change, version, newInLock }) => ({
        name,
        folder,
        change,
        applied: change === 'pulled' && !dryRun,
        skill_id: version.skillId,
        version_id: version.versionId,
        sha256: version.sha256,
        new_in_lock: newInLock,
      })),
    };
  } finally {
    waiting?.done();
  }
}

/** Of several folders of skills the one whose lock has all these skills. Throws `usage` where that is not one of them. */
async function folderHolding(
  { signal, tell }: Ports,
  configuration: Configuration | undefined,
  names: readonly string[],
): Promise<string> {
  if (configuration?.interface.skills === undefined) return 'skills';
  const chosen = await chooseMeant([], configuration, { signal, say: tell.note });
  const [first, ...others] = chosen.map(({ folder }) => folder);
  if (first !== undefined && others.length === 0) return first;
  const locks = await Promise.all(
    chosen.map(async ({ folder }) => ({
      folder,
      lock: await readLockFile(lockFileOf(folder, configuration.workspace)),
    })),
  );
  const [holding, ...more] = locks.filter(({ lock }) => names.every((name) => lock.has(name)));
  if (holding !== undefined && more.length === 0) return holding.folder;
  const places = chosen.map(({ folder }) => visible(folder)).join(', ');
  throw new AppError('usage', `no one of the locks in ${places} has ${names.map(visible).join(' and ')}`, {
    hint: 'name the folder that they are to be in: --folder <folder>',
  });
}
