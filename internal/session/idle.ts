/**
 * Sessions that nobody has used for a while. They stay bound to a vault until somebody ends them. One that waits for a yes is
 * none of them: nothing is answered, and nothing refused, because time passes.
 */

import { counted } from '../async/counted.ts';
import { inParallel } from '../async/in-parallel.ts';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, isMissing } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import { isInScope, type Scope } from './live.ts';
import { type Rest, readRest } from './session-state.ts';

/** A session and since when nothing has happened in it, in milliseconds since 1970. */
export interface IdleSession {
  session: Session;
  since: number;
}

const atOnce = 10;

/** Every session of a scope in which nothing has happened for so long, by the platform's clock. */
export async function findIdle(
  platform: Platform,
  scope: Scope,
  forMs: number,
  heard?: (looked: number) => void,
): Promise<IdleSession[]> {
  const candidates: Session[] = [];
  for await (const session of counted(platform.sessions.list({ statuses: ['idle'] }), heard)) {
    const old = isLive(session) && isOlder(touchedAt(session), forMs, platform);
    if (old && (await isInScope(session, scope))) candidates.push(session);
  }
  const judged = await inParallel(candidates, atOnce, async (session) =>
    judgeIdle(session, await readRest(platform, session), forMs, platform),
  );
  return judged.filter((each) => each !== undefined);
}

/** The session with its time, where it is idle and nothing has happened in it for so long; undefined otherwise. */
export function judgeIdle(
  session: Session,
  { state, lastAt }: Rest,
  forMs: number,
  platform: Pick<Platform, 'aheadMs'>,
): IdleSession | undefined {
  if (!isLive(session) || session.status !== 'idle' || state.kind === 'waiting' || lastAt === 'now') return undefined;
  const since = Math.max(touchedAt(session), lastAt === undefined ? 0 : Date.parse(lastAt));
  return isOlder(since, forMs, platform) ? { session, since } : undefined;
}

/** What became of a session that was to be ended for being idle, in words. Never throws for what the platform refuses. */
export async function endIdle(platform: Platform, { session }: IdleSession, forMs: number): Promise<EndedIdle> {
  const { id } = session;
  try {
    const now = await platform.sessions.retrieve(id);
    if (!isLive(now)) return { ended: true, how: 'had ended already' };
    if (judgeIdle(now, await readRest(platform, now), forMs, platform) === undefined) {
      return { ended: false, how: 'NOT ended: it is in use again' };
    }
    // The platform archives none that runs, so that what begins in this moment is not interrupted.
    await platform.sessions.archive(id);
    return { ended: true, how: 'archived' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
    if (isMissing(error, 'listed')) return { ended: true, how: 'had ended already' };
    return { ended: false, how: `NOT ended: ${error.message}` };
  }
}

/** Whether it has ended, and how. */
export interface EndedIdle {
  ended: boolean;
  how: string;
}

/** When somebody or something last changed a session itself; not a number where the platform does not say. */
function touchedAt({ created_at, updated_at }: Session): number {
  return Math.max(Date.parse(created_at), Date.parse(updated_at));
}

/** A time that cannot be read is no reason to end anything. */
function isOlder(since: number, forMs: number, platform: Pick<Platform, 'aheadMs'>): boolean {
  return clock.now().getTime() + platform.aheadMs() - since >= forMs;
}
