/** Carries out a plan. The lock file is written after each change, so that it is true for what really happened (P8). */

import { inParallel } from '../async/in-parallel.ts';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { unlessMissing } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { byteLimit } from './byte-limit.ts';
import { bytesOf } from './folder/read.ts';
import { type LockedSkill, type SkillsLock, writeLockFile } from './lock.ts';
import { type Change, nameOf } from './plan.ts';
import { type CreatedSkill, pushSkill, pushVersion, settleCreated } from './push.ts';

/** Enough that the two looks beside each upload cost little; `waitFor` keeps the platform's limit. */
const uploadsAtOnce = 32;
/** Of the files that are under way: a skill may have 30 MB. */
const bytesAtOnce = 64 * 1024 * 1024;

/** What the changes work on. */
export interface Target {
  platform: Platform;
  lockFile: string;
  /** What the lock file says now. */
  lock: SkillsLock;
  /** The ids of the skills that the plan was made from, and of those that were made since. */
  known: Set<string>;
  /** How long the next upload has to wait, asked with the time of now, both in milliseconds. */
  waitFor(now: number): number;
  /** Told, before an upload waits for that, how many milliseconds. */
  onWait(waitMs: number): void;
  signal: AbortSignal;
  /** Told before each change begins, with how many have ended. */
  onBegin(change: Change, ended: number, all: number): void;
  /** Told after each change. */
  onChanged(change: Change, locked: LockedSkill): void;
  /** Told what the lock file says each time that it was written. */
  onSaved(lock: SkillsLock): void;
}

/** Carries out the changes. A failure leaves a lock file that is true for what happened. */
export async function applyChanges(changes: readonly Change[], target: Target): Promise<void> {
  const { platform, signal, known, waitFor } = target;
  const lock = new Map(target.lock);
  const save = saver(async () => {
    const saved = new Map(lock);
    await writeLockFile(target.lockFile, saved, platform.recorder);
    target.onSaved(saved);
  });
  const created: CreatedSkill[] = [];

  const uploads = changes.filter(isUpload);
  const prunes = changes.filter((change) => change.kind === 'prune');
  let ended = 0;
  const begin = (change: Change) => target.onBegin(change, ended, uploads.length + prunes.length);
  const locked = async (change: Change, entry: LockedSkill) => {
    lock.set(nameOf(change), entry);
    await save();
    ended += 1;
    target.onChanged(change, entry);
  };

  const inMemory = byteLimit(bytesAtOnce);
  const settled = () =>
    settleCreated(platform, created, known, async ({ name }, stays) => {
      if (stays === undefined) lock.delete(name);
      else lock.set(name, stays);
      await save();
    });
  // Aborted by the first failure: what waits for its turn then does not begin any more.
  const stop = new AbortController();
  const unlessStopped = async (act: () => Promise<void>) => {
    if (stop.signal.aborted) return;
    try {
      await act();
    } catch (error) {
      stop.abort();
      throw error;
    }
  };
  try {
    await inParallel(uploads, uploadsAtOnce, async (change) => {
      if (change.kind === 'adopt') {
        return await unlessStopped(async () => {
          begin(change);
          await locked(change, change.locked);
        });
      }
      const waitMs = waitFor(clock.monotonic());
      if (waitMs > 0) {
        target.onWait(waitMs);
        await clock.pause(waitMs, AbortSignal.any([signal, stop.signal]));
      }
      const push = async () => {
        begin(change);
        if (change.kind === 'update') {
          return await locked(change, await pushVersion(platform, change.skill, change.locked));
        }
        const made = await pushSkill(platform, change.skill, known);
        created.push(made);
        await locked(change, made.locked);
      };
      await inMemory(bytesOf(change.skill), () => unlessStopped(push));
    });
  } catch (error) {
    // The first failure is the one to tell of; where this one fails too, the next run sees two skills of one name.
    await settled().catch(() => {});
    throw error;
  }
  await settled();
  // What takes the place of a deleted skill is there by now.
  for (const change of prunes) {
    begin(change);
    if (!change.gone) await deleteSkill(platform, change.name, change.locked);
    lock.delete(change.name);
    await save();
    ended += 1;
    target.onChanged(change, change.locked);
  }
}

type UploadChange = Extract<Change, { kind: 'create' | 'rename' | 'update' | 'adopt' }>;

function isUpload(change: Change): change is UploadChange {
  return ['create', 'rename', 'update', 'adopt'].includes(change.kind);
}

/** Deletes a skill with all its versions, if its latest is still the one that the plan saw. Gone already is as good. */
async function deleteSkill(platform: Platform, name: string, { skillId, versionId }: LockedSkill): Promise<void> {
  const latest = async () => {
    return (await unlessMissing('listed', platform.skills.retrieve(skillId)))?.latest_version_id;
  };
  const before = await latest();
  if (before === undefined) return;
  if (before !== versionId) {
    throw new AppError('drift', `${name}: somebody uploaded the version ${quote(before)} while this run was at work`, {
      hint: 'it was not deleted; look at who uploaded it and run again',
    });
  }
  try {
    await unlessMissing('listed', platform.skills.delete(skillId, { label: `${name} ${skillId}` }));
  } catch (error) {
    const lost = error instanceof PlatformError && error.outcome === 'unknown';
    if (!lost || (await latest()) !== undefined) throw error;
  }
}

/** Writes one at a time; those that ask while one is under way share the next. */
function saver(write: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= last.then(() => {
      next = undefined;
      last = write();
      return last;
    });
    return next;
  };
}
