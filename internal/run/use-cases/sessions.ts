/** What people do with sessions that run: see them, and have them compared with what was started. */

import { counted } from '../../async/counted.ts';
import { inParallel } from '../../async/in-parallel.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import { isLive } from '../../platform/live.ts';
import type { Session } from '../../platform/sessions.ts';
import { endSession, interruptSession } from '../../session/end.ts';
import type { Usage } from '../../session/event.ts';
import { describeSession, isInScope, type ListedSession, readLive } from '../../session/live.ts';
import { readRest } from '../../session/session-state.ts';
import {
  type Lookups,
  lookupsOf,
  type StopOutcome,
  stopSession as stopAltered,
  stopPlan,
  type VerifiedSession,
  verifySessions as verifyAll,
  verifySession,
} from '../../session/verify.ts';
import { quote } from '../../text/quote.ts';
import { isOwnedBy, ownerOf } from '../../vault/owner.ts';
import { stateWords, waitingLines, waitingValue } from '../call-words.ts';
import { begunBySession, endTokensOf } from '../end-tokens.ts';
import { finishTurn, patienceFor } from '../finish-turn.ts';
import { openScopedRun, openSession, readReachable, scopeOf } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import type { OperatorRun } from '../project.ts';
import { usageOf, usageValue } from '../usage.ts';
import type {
  AttachRequest,
  FollowedTurn,
  ListedSessions,
  ListRequest,
  StoppedSession,
  StopRequest,
  VerifiedSessions,
  VerifyRequest,
} from '../values/sessions.ts';
import { offeredAmong, offerToEnd } from './idle-sessions.ts';

/** How many sessions are asked at a time how they came to rest. */
const atOnce = 10;

/** Lists the sessions that run. */
export async function listSessions({ all, usage }: ListRequest, ports: Ports): Promise<ListedSessions> {
  const run = await openScopedRun(ports, { all }, 'setup-session list');
  const scope = await scopeOf(run, lookupsOf(run.platform), { all });
  const waiting = ports.tell.wait('every session of the workspace is looked at');
  try {
    const found: Session[] = [];
    for await (const session of counted(readLive(run.platform), waiting.at)) {
      if (await isInScope(session, scope)) found.push(session);
    }
    const listed = await inParallel(found, atOnce, async (session) => {
      const rest = await readRest(run.platform, session);
      return { session, rest, listed: describeSession(session, rest.state) };
    });
    const idle = all ? [] : offeredAmong(listed, run);
    ports.afterwards(async () => await offerToEnd(ports, run, idle));
    return {
      sessions: listed.map((each) =>
        listedValue(each.listed, run.principal, usage ? usageOf(each.session) : undefined),
      ),
      beside: { states: listed.map((each) => stateWords(each.listed.state)) },
    };
  } finally {
    waiting.done();
  }
}

/** Verifies sessions that run. Throws `session_altered` where one is not what was started. */
export async function verifySessions(request: VerifyRequest, ports: Ports): Promise<VerifiedSessions> {
  const { session: id, all, stop, dryRun } = request;
  if (id !== undefined && all) throw new AppError('usage', '--all goes without a session');
  if (dryRun && !stop) {
    throw new AppError('usage', '--dry-run goes with --stop only', {
      hint: 'without --stop nothing is changed anyway',
    });
  }
  const run = await openScopedRun(ports, { all }, 'setup-session verify');
  const lookups = lookupsOf(run.platform);
  const waiting = ports.tell.wait('sessions are read back');
  const verified = await (id === undefined
    ? verifyAll({ ...run, onVerified: waiting.at }, await scopeOf(run, lookups, { all }), lookups)
    : verifyOne(ports, run, lookups, id)
  ).finally(() => waiting.done());
  const altered = verified.filter(({ alarms }) => alarms.length > 0);
  if (altered.length === 0) {
    return {
      sessions: verified.map(({ session, comparedWith, tokensTakenBack }) => ({
        session_id: session.id,
        owner: ownerOf(session.metadata) ?? null,
        // What has ended is as it was started, and does nothing any more.
        state: isLive(session) ? ('as started' as const) : ('ended' as const),
        ...(tokensTakenBack && { tokens: 'taken back' as const }),
        compared_with: comparedWith,
      })),
    };
  }
  const outcomes = stop && !dryRun ? await stopAll(run, lookups, altered) : new Map<string, StopOutcome>();
  const those = (state: StopOutcome['state']) =>
    [...outcomes].flatMap(([id, each]) => (each.state === state ? [id] : []));
  await endTokensOf(ports, run, those('ended'));
  // It is not what was started, whether the platform ends it or not.
  await endTokensOf(ports, run, those('altered'), false);
  throw alteredError(verified, altered, { stop, dryRun, outcomes });
}

/** Follows a session: what was said, and what is being said until its turn ends; with `--wait` also while a call waits. */
export async function attachSession({ session: id, wait }: AttachRequest, ports: Ports): Promise<FollowedTurn> {
  const { run, session } = await openSession(ports, 'setup-session attach', id);
  const { platform, configuration, principal } = run;
  const own = isOwnedBy(session.metadata, principal);
  const { stream, tell, signal } = ports;
  const waits = { platform, configuration, signInOf: run.signInOf, session, own };
  let asked = Promise.resolve();
  const { runTurn } = await import('../../session/turn.ts');
  const turn = await runTurn({
    platform,
    sessionId: session.id,
    throughAsks: wait,
    timeoutMs: patienceFor(ports.timeoutSeconds, undefined),
    signal,
    told: {
      text: stream,
      note: tell.note,
      warn: tell.warn,
      asks(calls) {
        asked = asked.then(async () => {
          for (const call of calls) (await waitingLines(waits, call)).forEach(tell.note);
        });
      },
    },
  });
  await asked;
  return { session_id: session.id, ...(await finishTurn(ports, turn, { ...waits, end: false })) };
}

/** Ends a session, or interrupts what it does. */
export async function stopSession(request: StopRequest, ports: Ports): Promise<StoppedSession> {
  const { interrupt, dryRun } = request;
  const { run, session } = await openSession(ports, 'setup-session stop', request.session);
  const stopped = (ended: string, archivedAt: string | null = null) => ({
    session_id: session.id,
    ended,
    archived_at: archivedAt,
    ...(begun.length > 0 && { begun }),
  });
  const begun = interrupt ? [] : await begunBySession(ports, run, session.id);
  if (!isLive(session)) {
    // A run that was killed, or whoever ended it elsewhere, left its tokens and what it began.
    if (!interrupt && !dryRun) await endTokensOf(ports, run, [session.id]);
    return stopped('had ended already');
  }
  if (dryRun) return stopped(`would be ${interrupt ? 'interrupted' : 'interrupted and archived'}`);
  if (interrupt) {
    return stopped((await interruptSession(run.platform, session)) ? 'interrupted' : 'had ended already');
  }
  const ended = await endSession(run.platform, session);
  await endTokensOf(ports, run, [session.id]);
  return stopped(`${ended.interrupted ? 'interrupted and ' : ''}archived`, ended.archivedAt);
}

/** Verifies one session. */
async function verifyOne(ports: Ports, run: OperatorRun, lookups: Lookups, id: string): Promise<VerifiedSession[]> {
  return [await verifySession(run, await readReachable(ports, run, lookups, id), lookups)];
}

/** Stops sessions, one after the other, and says by their ids what became of each. */
async function stopAll(
  run: OperatorRun,
  lookups: Lookups,
  altered: readonly VerifiedSession[],
): Promise<Map<string, StopOutcome>> {
  const outcomes = new Map<string, StopOutcome>();
  for (const each of altered) outcomes.set(each.session.id, await stopAltered(run, each, lookups));
  return outcomes;
}

function alteredError(
  verified: readonly VerifiedSession[],
  altered: readonly VerifiedSession[],
  { stop, dryRun, outcomes }: { stop: boolean; dryRun: boolean; outcomes: ReadonlyMap<string, StopOutcome> },
): AppError {
  const lines = [`${altered.length} of ${verified.length} sessions are not what was started`];
  for (const { session, alarms } of altered) {
    const of = ownerOf(session.metadata)?.subject;
    const outcome = dryRun ? stopPlan(session) : outcomes.get(session.id)?.how;
    lines.push(`${quote(session.id)}${of === undefined ? '' : ` of ${quote(of)}`}:`);
    lines.push(...alarms.map(({ what, why }) => `  ${what}: ${why}`));
    if (outcome !== undefined) lines.push(`  ${outcome}`);
  }
  const next = 'find out who has a key of the workspace and changed it';
  if (dryRun) {
    return new AppError('session_altered', lines.join('\n'), {
      hint: `nothing was stopped; the same command without --dry-run does it; then ${next}`,
    });
  }
  return new AppError('session_altered', lines.join('\n'), {
    hint: stop
      ? `${next}; start a new session where one is needed`
      : `stop it: the same command with --stop; then ${next}`,
  });
}

type ListedValue = ListedSessions['sessions'][number];

function listedValue(listed: ListedSession, principal: Principal, usage: Usage | undefined): ListedValue {
  const { id, status, state, owner, agent, tools, createdAt, vaultIds } = listed;
  const own =
    owner?.kind === principal.kind && owner.issuer === principal.issuer && owner.subject === principal.subject;
  return {
    session_id: id,
    status,
    state: state.kind,
    asks: state.kind === 'waiting' ? state.asks.map((call) => waitingValue({ sessionId: id, own }, call)) : [],
    reason: state.kind === 'gave_up' ? (state.error?.type ?? state.reason) : null,
    owner: owner ?? null,
    agent,
    started_at: createdAt,
    vault_ids: [...vaultIds],
    tools: [...tools],
    ...(usage !== undefined && { usage: usageValue(usage) }),
  };
}
