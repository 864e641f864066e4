/** Sessions that nobody uses: they are offered to their person, and ended where somebody says so. */
import type { Configuration } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { secondsOf } from '../../identity/assurance.ts';
import type { Session } from '../../platform/sessions.ts';
import { endIdle, findIdle, type IdleSession, judgeIdle } from '../../session/idle.ts';
import type { Scope } from '../../session/live.ts';
import type { Rest } from '../../session/session-state.ts';
import { lookupsOf } from '../../session/verify.ts';
import { quote } from '../../text/quote.ts';
import { ownerOf } from '../../vault/owner.ts';
import { endTokensOf } from '../end-tokens.ts';
import { openScopedRun, scopeOf } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import type { OperatorRun } from '../project.ts';
import type { StopIdleRequest, StoppedIdle } from '../values/sessions.ts';

/** How long idle sessions may be before they are offered for ending, in words and in milliseconds; undefined where nothing is. */
function offerAge({ interface: { sessions } }: Configuration): { words: string; ms: number } | undefined {
  const words = sessions?.offer_to_end_after;
  return words === undefined ? undefined : { words, ms: secondsOf(words) * 1000 };
}

/** The idle sessions of a person that are to be offered; none where that is not configured, or they cannot be looked at now. */
export async function findOffered(
  { platform, configuration }: Pick<OperatorRun, 'platform' | 'configuration'>,
  scope: Scope,
): Promise<IdleSession[]> {
  const age = offerAge(configuration);
  if (age === undefined) return [];
  return await findIdle(platform, scope, age.ms).catch((error: unknown) => {
    // It is an offer beside what the command was for.
    if (error instanceof AppError) return [];
    throw error;
  });
}

/** As {@link findOffered}, of sessions that were looked at already. */
export function offeredAmong(
  looked: readonly { session: Session; rest: Rest }[],
  { platform, configuration }: Pick<OperatorRun, 'platform' | 'configuration'>,
): IdleSession[] {
  const age = offerAge(configuration);
  if (age === undefined) return [];
  return looked.flatMap(({ session, rest }) => judgeIdle(session, rest, age.ms, platform) ?? []);
}

/** Offers sessions for ending: asks where somebody is there, and names the command elsewhere. */
export async function offerToEnd(
  ports: Ports,
  run: Pick<OperatorRun, 'platform' | 'configuration' | 'visit'>,
  idle: readonly IdleSession[],
): Promise<void> {
  const { tell, ask, signal } = ports;
  const { platform, configuration, visit } = run;
  const age = offerAge(configuration);
  if (age === undefined || idle.length === 0 || signal.aborted) return;
  const many = idle.length === 1 ? 'a session of yours was' : `${idle.length} sessions of yours were`;
  tell.warn(`${many} not used for ${age.words}: ${idle.map(({ session }) => quote(session.id)).join(', ')}`);
  if (ask === undefined) {
    tell.warn(`to end what is not used: setup-session stop --idle-for ${age.words}`);
    return;
  }
  if (!(await ask.yes(idle.length === 1 ? 'end it?' : 'end them?', visit.timeoutMs))) return;
  for (const each of idle) {
    const { ended, how } = await endIdle(platform, each, age.ms);
    tell.warn(`${quote(each.session.id)}: ${how}`);
    if (ended) await endTokensOf(ports, run, [each.session.id]);
  }
}

/** Ends every session of one's own, or for operators everybody's, that was not used for so long. */
export async function stopIdleSessions(request: StopIdleRequest, ports: Ports): Promise<StoppedIdle> {
  const { idleForMs: forMs, dryRun } = request;
  const run = await openScopedRun(ports, request, 'setup-session stop --idle-for');
  const { platform } = run;
  const waiting = ports.tell.wait('every session of the workspace is looked at');
  const idle = await scopeOf(run, lookupsOf(platform), request)
    .then((scope) => findIdle(platform, scope, forMs, waiting.at))
    .finally(() => waiting.done());
  const done: { idle: IdleSession; ended: boolean; how: string }[] = [];
  for (const each of idle) {
    const outcome = dryRun ? { ended: false, how: 'would be archived' } : await endIdle(platform, each, forMs);
    done.push({ idle: each, ...outcome });
  }
  const over = done.flatMap(({ idle: { session }, ended }) => (ended ? [session.id] : []));
  await endTokensOf(ports, run, over);
  const failed = done.filter(({ ended }) => !ended);
  if (!dryRun && failed.length > 0) {
    const lines = done.map(({ idle: { session }, how }) => `  ${quote(session.id)}: ${how}`);
    throw new AppError(
      'session_not_ended',
      [`${failed.length} of ${done.length} idle sessions were not ended`, ...lines].join('\n'),
    );
  }
  return {
    sessions: done.map(({ idle: { session, since }, how, ended }) => ({
      session_id: session.id,
      owner: ownerOf(session.metadata) ?? null,
      idle_since: timeOf(since),
      ended,
      outcome: how,
    })),
  };
}

function timeOf(since: number): string {
  return new Date(since).toISOString();
}
