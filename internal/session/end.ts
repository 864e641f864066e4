/** Ends sessions that are bound to a vault: archiving the vault alone would leave them running. */

import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { notAsListed } from '../platform/pages.ts';
import type { Session } from '../platform/sessions.ts';
import { quote } from '../text/quote.ts';

/** A session that can still act. */
export interface LiveSession {
  id: string;
  /** The platform's word. */
  status: string;
  vaultIds: readonly string[];
  agentId: string;
}

/** What the platform answered when a session was ended. */
export interface EndedSession {
  interrupted: boolean;
  /** Null where it was gone or archived by somebody else. */
  archivedAt: string | null;
}

/** How long one session may take to become idle after its interruption. */
const patienceMs = 30_000;
/** How often an idle session's archive may be refused: the stored status follows the events a little later. */
const refusals = 5;
const longestPauseMs = 1000;

/** Every session that is bound to one of the vaults, is not archived and has not ended, page by page. */
export async function* readLiveSessions(
  platform: Platform,
  vaultIds: ReadonlySet<string>,
): AsyncGenerator<LiveSession, void, undefined> {
  for await (const session of platform.sessions.list()) {
    const live = liveOf(session);
    if (live?.vaultIds.some((vaultId) => vaultIds.has(vaultId))) yield live;
  }
}

/** What matters of a session to whoever ends it; undefined for one that has ended. */
export function liveOf(session: Session): LiveSession | undefined {
  if (!isLive(session)) return undefined;
  const { id, status, vault_ids, agent } = session;
  return { id, status, vaultIds: vault_ids, agentId: agent.id };
}

/**
 * Ends a session that a list named, after a look at it by its id: one that has ended is as good. Throws as
 * {@link endSession}, and `drift` where it is bound to other vaults or another agent than was listed.
 */
export async function endListed(platform: Platform, listed: LiveSession): Promise<EndedSession> {
  const now = await unlessMissing('listed', platform.sessions.retrieve(listed.id));
  const live = now && liveOf(now);
  if (live === undefined) return { interrupted: false, archivedAt: now?.archived_at ?? null };
  if (!isSameWork(live, listed)) throw notAsListed('session', listed.id);
  return await endSession(platform, live);
}

function isSameWork(one: LiveSession, other: LiveSession): boolean {
  const [vaults, others] = [one, other].map(({ vaultIds }) => JSON.stringify([...vaultIds].sort()));
  return one.agentId === other.agentId && vaults === others;
}

/**
 * Interrupts a session that was just read by its id where it runs, waits until it is idle and archives it. A lost answer is settled by looking (P8).
 * Throws a `PlatformError`, or `timed_out` for one that does not become idle.
 */
export async function endSession(
  platform: Platform,
  session: Pick<LiveSession, 'id' | 'status'>,
): Promise<EndedSession> {
  const { id } = session;
  const until = clock.monotonic() + patienceMs;
  let { status } = session;
  let [interrupted, refused] = [false, 0];
  for (let round = 0; ; round += 1) {
    let failure: PlatformError | undefined;
    try {
      if (status === 'idle' || status === 'terminated') {
        const { archived_at } = await platform.sessions.archive(id);
        return { interrupted, archivedAt: archived_at };
      }
      await platform.sessions.interrupt(id);
      interrupted = true;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      failure = error;
      if (error.outcome === 'refused') refused += 1;
    }
    if (refused === refusals && failure !== undefined) throw failure;
    if (clock.monotonic() > until) {
      throw failure ?? new AppError('timed_out', `the session ${quote(id)} is still ${status} after its interruption`);
    }
    await clock.pause(Math.min(50 * 2 ** round, longestPauseMs));
    const now = await unlessMissing('listed', platform.sessions.retrieve(id));
    if (now === undefined || now.archived_at !== null) return { interrupted, archivedAt: now?.archived_at ?? null };
    status = now.status;
  }
}

/** The stored status of a session follows the events a little later: so long it is looked at again, doubled each time. */
const firstLookMs = 50;
const mostLooks = 8;

/**
 * Archives a session of which an event said that its turn is over. Interrupted is only what has begun something else since.
 * Throws as {@link endSession}.
 */
export async function endFinished(platform: Platform, id: string): Promise<EndedSession> {
  for (let looks = 1; ; looks += 1) {
    const now = await unlessMissing('listed', platform.sessions.retrieve(id));
    const live = now && liveOf(now);
    if (live === undefined) return { interrupted: false, archivedAt: now?.archived_at ?? null };
    if (live.status === 'idle' || looks === mostLooks) return await endSession(platform, live);
    await clock.pause(firstLookMs * 2 ** (looks - 1));
  }
}

/** Interrupts what a session does and leaves it there; false for one that does nothing. Throws a `PlatformError`. */
export async function interruptSession(
  platform: Platform,
  { id, status }: Pick<LiveSession, 'id' | 'status'>,
): Promise<boolean> {
  if (status === 'terminated') return false;
  await platform.sessions.interrupt(id);
  return true;
}
