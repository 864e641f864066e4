/** Every call that waits and that one person may answer, over all sessions: their own, and those that they approve. */
import { inParallel } from '../async/in-parallel.ts';
import type { Principal } from '../identity/principal.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import { approvesAnything, isApprover, maySeeArguments } from '../policy/approvers.ts';
import type { ToolCall } from '../session/event.ts';
import { readState } from '../session/session-state.ts';
import { isOwnedBy } from '../vault/owner.ts';
import { type JudgedIn, type Need, needOf } from './judge-call.ts';

/** One call that waits, as one person sees it. */
export interface InboxAsk {
  session: Session;
  call: ToolCall;
  /** Whether it is a call of a session of theirs. */
  own: boolean;
  need: Need;
  /** Whether they may see its arguments; without them nobody says yes. */
  sees: boolean;
}

/** Who reads it, and what the calls are judged with. */
export interface InboxReader extends JudgedIn {
  platform: Platform;
  principal: Principal;
}

const atOnce = 10;

/** Reads it: one request for each session that rests and could have a call for this person. */
export async function readInbox(by: InboxReader): Promise<InboxAsk[]> {
  const { platform, configuration, principal } = by;
  const approves = approvesAnything(principal, configuration);
  const resting: Session[] = [];
  for await (const session of platform.sessions.list({ statuses: ['idle'] })) {
    if (isLive(session) && (approves || isOwnedBy(session.metadata, principal))) resting.push(session);
  }
  const asks = await inParallel(resting, atOnce, async (session) => {
    // One that was deleted meanwhile asks nothing any more.
    const state = await unlessMissing('listed', readState(platform, session));
    if (state?.kind !== 'waiting') return [];
    const seen = state.asks.map((call) => seenBy(by, session, call));
    return (await Promise.all(seen)).flat();
  });
  return asks.flat();
}

async function seenBy(by: InboxReader, session: Session, call: ToolCall): Promise<InboxAsk[]> {
  const { configuration, principal } = by;
  const own = isOwnedBy(session.metadata, principal);
  const need = await needOf(by, session, call);
  const { approval } = need;
  if (!own && (approval === undefined || !isApprover(principal, approval.approvers))) return [];
  return [{ session, call, own, need, sees: own || maySeeArguments(principal, configuration, call.service ?? '') }];
}
