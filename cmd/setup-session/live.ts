/** What people do with sessions that run: see them, and have them compared with what was started. */

import { inParallel } from '../../internal/async/in-parallel.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { isLive } from '../../internal/platform/live.ts';
import type { Session } from '../../internal/platform/sessions.ts';
import type { OperatorRun } from '../../internal/run/project.ts';
import { endSession, interruptSession } from '../../internal/session/end.ts';
import { describeSession, isInScope, readLive } from '../../internal/session/live.ts';
import { readRest } from '../../internal/session/session-state.ts';
import {
  type Lookups,
  lookupsOf,
  stopPlan,
  stopSession,
  type VerifiedSession,
  verifySession,
  verifySessions,
} from '../../internal/session/verify.ts';
import { quote } from '../../internal/text/quote.ts';
import { isOwnedBy, ownerOf } from '../../internal/vault/owner.ts';
import { waitingLines } from './call-output.ts';
import { finishTurn, patienceFor } from './finish-turn.ts';
import { offeredAmong, offerToEnd } from './idle.ts';
import { showList, showStopped, showVerified } from './live-output.ts';
import { openScopedRun, openSession, readReachable, type ScopeOptions, scopeOf } from './open-session.ts';
import { usageOf } from './usage-output.ts';

/** The options of `list`. */
export type ListOptions = ScopeOptions & { usage?: boolean };

/** The options of `verify`. */
export type VerifyOptions = ScopeOptions & { stop?: boolean; dryRun?: boolean };

/** How many sessions are asked at a time how they came to rest. */
const atOnce = 10;

/** Lists the sessions that run. */
export async function runList(context: CommandContext, options: ListOptions): Promise<CommandResult> {
  const run = await openScopedRun(context, options, 'setup-session list');
  const { all = false, usage = false } = options;
  const scope = await scopeOf(run, lookupsOf(run.platform), { all });
  const waiting = context.progress.wait('every session of the workspace is looked at');
  try {
    const found: Session[] = [];
    for await (const session of readLive(run.platform)) if (await isInScope(session, scope)) found.push(session);
    const listed = await inParallel(found, atOnce, async (session) => {
      const rest = await readRest(run.platform, session);
      return { session, rest, listed: describeSession(session, rest.state) };
    });
    const idle = all ? [] : offeredAmong(listed, run);
    const lines = listed.map((each) => each.listed);
    const usages = usage ? found.map(usageOf) : undefined;
    return {
      ...showList(lines, run.principal, usages),
      shown: () => offerToEnd(context, run, idle),
    };
  } finally {
    waiting.done();
  }
}

/** Verifies sessions that run. Throws `session_altered` where one is not what was started. */
export async function runVerify(
  context: CommandContext,
  id: string | undefined,
  options: VerifyOptions,
): Promise<CommandResult> {
  const { stop = false, dryRun = false } = options;
  if (id !== undefined && options.all === true) throw new AppError('usage', '--all goes without a session');
  if (dryRun && !stop) {
    throw new AppError('usage', '--dry-run goes with --stop only', {
      hint: 'without --stop nothing is changed anyway',
    });
  }
  const run = await openScopedRun(context, options, 'setup-session verify');
  const lookups = lookupsOf(run.platform);
  const waiting = context.progress.wait('sessions are read back');
  const verified = await (id === undefined
    ? verifySessions(run, await scopeOf(run, lookups, options), lookups)
    : verifyOne(context, run, lookups, id)
  ).finally(() => waiting.done());
  const altered = verified.filter(({ alarms }) => alarms.length > 0);
  if (altered.length === 0) return showVerified(verified);
  const outcomes = stop && !dryRun ? await stopAll(run, lookups, altered) : new Map<string, string>();
  throw alteredError(verified, altered, { stop, dryRun, outcomes });
}

/** The options of `attach`. */
export type AttachOptions = BrowserOptions & { wait?: boolean };

/** Follows a session: what was said, and what is being said until its turn ends; with `--wait` also while a call waits. */
export async function runAttach(context: CommandContext, id: string, options: AttachOptions): Promise<CommandResult> {
  const { wait = false, timeout } = options;
  const { run, session } = await openSession(context, options, 'setup-session attach', id);
  const { platform, configuration, principal } = run;
  const own = isOwnedBy(session.metadata, principal);
  const { stream, progress, signal } = context;
  const { runTurn } = await import('../../internal/session/turn.ts');
  const turn = await runTurn({
    platform,
    sessionId: session.id,
    throughAsks: wait,
    timeoutMs: patienceFor(timeout, undefined),
    signal,
    told: {
      text: stream,
      note: progress.note,
      warn: progress.warn,
      asks(calls) {
        for (const call of calls)
          waitingLines({ sessionId: session.id, own }, call, configuration).forEach(progress.note);
      },
    },
  });
  const about = { session_id: session.id };
  return await finishTurn(context, turn, { platform, configuration, about, own, end: false });
}

/** The options of `stop`. */
export type StopOptions = ScopeOptions & { interrupt?: boolean; idleFor?: number; dryRun?: boolean };

/** Ends a session, or interrupts what it does; with `--idle-for` ends what nobody uses. */
export async function runStop(
  context: CommandContext,
  id: string | undefined,
  options: StopOptions,
): Promise<CommandResult> {
  const { interrupt = false, idleFor, all = false, dryRun = false } = options;
  if (id === undefined) {
    if (idleFor === undefined) {
      throw new AppError('usage', 'which session?', {
        hint: 'name one, or say --idle-for <time>: see setup-session list',
      });
    }
    const { runStopIdle } = await import('./idle.ts');
    return await runStopIdle(context, idleFor, options);
  }
  if (idleFor !== undefined) throw new AppError('usage', '--idle-for goes without a session');
  if (all) throw new AppError('usage', '--all goes without a session');
  const { run, session } = await openSession(context, options, 'setup-session stop', id);
  if (dryRun)
    return showStopped(
      session.id,
      isLive(session) ? `would be ${interrupt ? 'interrupted' : 'interrupted and archived'}` : 'had ended already',
    );
  if (interrupt) {
    const done = isLive(session) && (await interruptSession(run.platform, session));
    return showStopped(session.id, done ? 'interrupted' : 'had ended already');
  }
  const ended = isLive(session) ? await endSession(run.platform, session) : undefined;
  const how = ended === undefined ? 'had ended already' : `${ended.interrupted ? 'interrupted and ' : ''}archived`;
  return showStopped(session.id, how, ended?.archivedAt);
}

/** Verifies one session. */
async function verifyOne(
  context: CommandContext,
  run: OperatorRun,
  lookups: Lookups,
  id: string,
): Promise<VerifiedSession[]> {
  return [await verifySession(run, await readReachable(context, run, lookups, id), lookups)];
}

/** Stops sessions, one after the other, and says by their ids what became of each. */
async function stopAll(
  run: OperatorRun,
  lookups: Lookups,
  altered: readonly VerifiedSession[],
): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>();
  for (const each of altered) outcomes.set(each.session.id, await stopSession(run, each, lookups));
  return outcomes;
}

function alteredError(
  verified: readonly VerifiedSession[],
  altered: readonly VerifiedSession[],
  { stop, dryRun, outcomes }: { stop: boolean; dryRun: boolean; outcomes: ReadonlyMap<string, string> },
): AppError {
  const lines = [`${altered.length} of ${verified.length} sessions are not what was started`];
  for (const { session, alarms } of altered) {
    const of = ownerOf(session.metadata)?.subject;
    const outcome = dryRun ? stopPlan(session) : outcomes.get(session.id);
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
