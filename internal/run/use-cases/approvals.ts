/** The calls that wait for a yes or no of one person, over all sessions. */
import { type InboxAsk, readInbox } from '../../approval/inbox.ts';
import { removeEnded, yesesIn, yesesTo } from '../../approval/yeses.ts';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { PlatformError } from '../../platform/client.ts';
import { approverWords } from '../../policy/approvers.ts';
import { agentKey } from '../../session/facts.ts';
import { visible } from '../../text/quote.ts';
import { ownerOf } from '../../vault/owner.ts';
import { requireNotOffboarded } from '../../vault/resolve.ts';
import { answerCommand, answerLines, detailLines, nameOf, waitingValue } from '../call-words.ts';
import { openScopedRun } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import type { OperatorRun } from '../project.ts';
import { stillAsBegun } from '../still-as-begun.ts';
import type { Approvals, ApprovalsRequest } from '../values/sessions.ts';

/** Between two looks, where somebody watches. */
const everyMs = 3000;

/** One call with its value and the lines that people read. */
interface Shown {
  value: Approvals['asks'][number];
  lines: string[];
}

/**
 * Lists what waits. With `watch` it goes on: each call is told when it comes, until the time is over or somebody ends it, and
 * the result is what waits then. Throws `offboarded`, and while it watches `drift`.
 */
export async function listApprovals({ watch }: ApprovalsRequest, ports: Ports): Promise<Approvals> {
  const run = await openScopedRun(ports, { all: false }, 'setup-session approvals');
  await requireNotOffboarded(run, run.principal);
  await removeEnded(run.approvals, ports.signal);
  const shown = watch ? await watchInbox(run, ports) : await look(run);
  return { asks: shown.map(({ value }) => value), beside: { lines: watch ? [] : shown.flatMap(({ lines }) => lines) } };
}

async function look(run: OperatorRun): Promise<Shown[]> {
  const asks = await readInbox(run);
  return await Promise.all(asks.map((ask) => shownAsk(run, ask)));
}

/** Looks again and again. A look that fails for a moment is no end. */
async function watchInbox(run: OperatorRun, ports: Ports): Promise<Shown[]> {
  const { stream, tell, signal, timeoutSeconds } = ports;
  const told = new Set<string>();
  const until = timeoutSeconds === undefined ? undefined : clock.monotonic() + timeoutSeconds * 1000;
  const requireStill = stillAsBegun(ports, run, {
    what: 'what waits is not shown by it',
    again: 'watch again: setup-session approvals --watch',
    requireStanding: requireNotOffboarded,
  });
  let [shown, failing]: [Shown[], boolean] = [[], false];
  for (;;) {
    try {
      await requireStill();
      shown = await look(run);
      failing = false;
    } catch (error) {
      if (!(error instanceof PlatformError) || (error.status !== undefined && error.status < 500)) throw error;
      if (!failing) tell.warn(`what waits is not known now: ${error.message}`);
      failing = true;
    }
    for (const { value, lines } of shown) {
      const key = JSON.stringify([value.session_id, value.event_id, value.digest]);
      if (told.has(key)) continue;
      told.add(key);
      stream(`${lines.join('\n')}\n`);
      const { session_id, event_id, service, tool, digest, as } = value;
      tell.event({ event: 'ask', session: session_id, call: event_id, service, tool, digest, as });
    }
    const left = until === undefined ? everyMs : Math.min(everyMs, until - clock.monotonic());
    if (left <= 0) return shown;
    await clock.pause(left, signal);
    if (signal.aborted) throw new AppError('interrupted', 'interrupted: nobody watches what waits any more');
  }
}

async function shownAsk(run: OperatorRun, ask: InboxAsk): Promise<Shown> {
  const { session, call, own, sees } = ask;
  const { approval } = ask.need;
  const { approvals, workspace } = run;
  const owner = ownerOf(session.metadata) ?? null;
  const waiting = waitingValue({ sessionId: session.id, own: true }, call);
  const yeses =
    approval?.approvers.persons === 2
      ? yesesIn(await yesesTo(approvals, workspace, session.id, call.eventId).read())
      : [];
  const value = {
    session_id: session.id,
    owner,
    agent: session.metadata[agentKey] ?? session.agent.name,
    as: own ? ('owner' as const) : ('approver' as const),
    ...waiting,
    ...(sees ? {} : { arguments: null, digest: null, answer: answerCommand(session.id, call, undefined) }),
    approvers: approval === undefined ? null : approverWords(approval.approvers),
    yeses: yeses.map(({ by, until }) => ({ by: by.label, until })),
  };
  return { value, lines: linesOf(run, ask, value) };
}

function linesOf(
  { configuration }: OperatorRun,
  { session, call, own, need, sees }: InboxAsk,
  value: Shown['value'],
): string[] {
  const of = value.owner === null ? 'nobody' : own ? 'yours' : `of ${value.owner.subject}`;
  return [
    `${nameOf(call)}: ${visible(session.id)}, ${visible(of)}, agent ${visible(value.agent)}`,
    ...(sees
      ? detailLines(session.id, call, configuration)
      : [`  call ${visible(call.eventId)}: you may not see its arguments, so you can only say no`]),
    ...(own || value.approvers === null ? [] : [`  a yes takes ${visible(value.approvers)}, not its owner`]),
    ...value.yeses.map(({ by, until }) => `  ${visible(by)} said yes, which waits for another until ${visible(until)}`),
    ...answerLines({ sessionId: session.id, own }, call, need, sees),
  ];
}
