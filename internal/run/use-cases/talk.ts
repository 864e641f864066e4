/** What people say to a session of theirs: a message, or the answer to a call that waits. */

import { type Binding, bindingDigest, bindingOf } from '../../approval/binding.ts';
import { giveAnswer } from '../../approval/give.ts';
import { yesesTo } from '../../approval/yeses.ts';
import type { Agent } from '../../config/definitions.ts';
import { configurationDigest } from '../../config/digest.ts';
import { AppError } from '../../errors/app-error.ts';
import { withMissingGroups } from '../../identity/principal.ts';
import { approverWords, maySeeArguments } from '../../policy/approvers.ts';
import { mayRunAgent } from '../../policy/autonomous.ts';
import type { Answer } from '../../session/answer.ts';
import { callDigest, type FoundCall } from '../../session/call.ts';
import { requireContinuable, requireLive, requireOwnVault, tokensTakenBackError } from '../../session/continue.ts';
import type { ToolCall } from '../../session/event.ts';
import { isStartedBy } from '../../session/facts.ts';
import { readState } from '../../session/session-state.ts';
import { idWord } from '../../session/turn-outcome.ts';
import { quote } from '../../text/quote.ts';
import { ownerOf } from '../../vault/owner.ts';
import { refuseOffboarded } from '../../vault/resolve.ts';
import { actorOf } from '../actor.ts';
import { callValue, detailLines, nameOf } from '../call-words.ts';
import { finishTurn, patienceFor } from '../finish-turn.ts';
import { type CallRun, lookAgain, openCall, openOwnSession, type SessionRun } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import { readLocks } from '../read-locks.ts';
import { recordAnswer } from '../recording.ts';
import { renewThroughIdp } from '../renew-through-idp.ts';
import { requireConfiguration } from '../still-as-begun.ts';
import type { AnsweredCall, AnswerRequest, FollowedTurn, SendRequest } from '../values/sessions.ts';

/** Sends one message to a session of one's own and follows its turn. */
export async function sendMessage(request: SendRequest, ports: Ports): Promise<FollowedTurn> {
  const { session: id, message, end, stopAfter } = request;
  const timeoutMs = patienceFor(ports.timeoutSeconds, stopAfter);
  const opened = await openOwnSession(ports, 'setup-session send', id, request.asAgent);
  const { run, session } = opened;
  await Promise.all([requireGoingOn(ports, opened), requireNothingWaits(opened)]);
  const { platform, configuration, signInOf } = run;
  const tokens =
    configuration.interface.session_tokens === undefined ? undefined : await import('../session-tokens.ts');
  const tended = tokens?.ofSessions([session.id]);
  // Before anything is sent: nobody may have renewed them since.
  const over = tended && (await tokens?.tendTokens(ports, run, tended));
  if (over !== undefined && over.length > 0) throw tokensTakenBackError(session.id);
  const { runTurn } = await import('../../session/turn.ts');
  const follow = () =>
    runTurn({
      platform,
      sessionId: session.id,
      message,
      timeoutMs,
      limit: stopAfter,
      signal: ports.signal,
      told: { text: ports.stream, note: ports.tell.note, warn: ports.tell.warn },
    });
  const turn =
    tokens === undefined || tended === undefined
      ? await follow()
      : await tokens.whileTended(ports, run, tended, follow);
  const finished = await finishTurn(ports, turn, { platform, configuration, signInOf, session, end });
  if (finished.ended === true && tended !== undefined) await tokens?.endTokens(ports, run, tended, { ended: true });
  return { session_id: session.id, ...finished };
}

/**
 * Answers one call, once: of a session of one's own, or where the configuration names one to approve it. Where it does, the
 * owner of the session only says no.
 */
export async function answerCall(request: AnswerRequest, ports: Ports): Promise<AnsweredCall> {
  const { session: id, call: callId, answer: words, digest } = request;
  const opened = await openCall(ports, 'setup-session answer', id, callId);
  const { run, session, found, own, approval } = opened;
  if (found === undefined) {
    throw new AppError('usage', `the session ${quote(session.id)} has no call ${quote(callId)}`, {
      hint: `see which wait: setup-session show ${idWord(session.id)}`,
    });
  }
  const answer = answerTo(found, words);
  if (found.kind === 'answered') return alreadyAnswered(session.id, found, answer);
  requireLive(session);
  if (found.kind === 'over') {
    throw new AppError('call_over', `the call ${nameOf(found.call)} does not wait for an answer any more`, {
      hint: `nothing was answered; see what became of it: setup-session show ${idWord(session.id)}`,
    });
  }
  await requireMayAnswer(ports, opened, found.call, answer);
  const binding = bindingOf(session, found.call, run.configuration);
  const asked = await requireSeen(ports, opened, found, { answer, digest });
  if (asked) await requireStillAsked(ports, opened, found.call, { answer, binding });
  const given = await giveAnswer({
    platform: run.platform,
    seen: found.call,
    sessionId: session.id,
    answer,
    as: own ? 'owner' : 'approver',
    rule: own ? undefined : approval?.place,
    by: run.principal,
    owner: ownerOf(session.metadata) ?? run.principal,
    binding,
    approval: own ? undefined : approval,
    validFor: run.configuration.interface.approvals?.valid_for ?? '15m',
    kept: yesesTo(run.approvals, run.workspace, session.id, callId),
    signal: ports.signal,
    record: (entry) => recordAnswer(ports, run.workspace, actorOf(run.principal), entry),
    requireStanding: (by) => refuseOffboarded(run, by),
  });
  if (given.kind === 'answered') return alreadyAnswered(session.id, given.found, answer);
  if (given.kind === 'waits') {
    const { until } = given;
    ports.tell.warn(
      `another person has to say yes until ${until}, on this machine or at the same console: nothing was sent yet`,
    );
    return { ...answeredValue(session.id, found, answer, false), waits_until: until };
  }
  if (own) ports.tell.note(`follow it: setup-session attach ${idWord(session.id)}`);
  return answeredValue(session.id, found, answer, false);
}

/** While somebody read, much can have changed: the session, the time by which rules judge, the configuration, who they are. */
async function requireStillAsked(
  ports: Ports,
  opened: CallRun,
  call: ToolCall,
  { answer, binding }: { answer: Answer; binding: Binding | undefined },
): Promise<void> {
  const { run } = opened;
  const show = `nothing was answered; look at it again: setup-session show ${idWord(opened.session.id)}`;
  await requireConfiguration(ports, configurationDigest(run.configuration), 'nothing was answered by it', show);
  const now = await lookAgain(opened, call);
  const bound = bindingOf(now.session, call, run.configuration);
  if (binding === undefined || bound === undefined || bindingDigest(bound) !== bindingDigest(binding)) {
    throw new AppError('digest_differs', `what a yes to ${nameOf(call)} is bound to is another agent or server now`, {
      hint: show,
    });
  }
  await requireMayAnswer(ports, now, call, answer);
}

/** A no lets nothing happen, and a result says what happened elsewhere: neither acts with the connections of a person. */
async function requireMayAnswer(ports: Ports, opened: CallRun, call: ToolCall, answer: Answer): Promise<void> {
  const { run, session, lookups, own, approval } = opened;
  const { configuration, principal } = run;
  if (own && answer.kind !== 'yes') return void (await requireOwnVault(run, principal, session));
  const verdict = opened.need?.verdict;
  if (answer.kind === 'yes' && verdict?.outcome === 'deny') {
    throw new AppError('not_allowed', `${verdict.rule ?? 'a rule'} denies ${nameOf(call)}: ${quote(verdict.message)}`, {
      hint: 'nothing was answered, and nobody says yes to it; to refuse it: --no <reason>',
    });
  }
  if (own && approval !== undefined) {
    throw new AppError(
      'not_allowed',
      `a yes to ${nameOf(call)} is not its owner's to give: it takes ${approverWords(approval.approvers)}`,
      {
        hint: `nothing was answered; they see it with: setup-session approvals; to refuse it yourself: --no <reason> (${approval.place})`,
      },
    );
  }
  if (own) return await requireGoingOn(ports, opened);
  // Somebody who was off-boarded neither lets nor stops anything.
  await refuseOffboarded(run, principal);
  // A no and a result of nothing done let nothing happen. A result that says what was done is told to the agent like a yes.
  if (answer.kind === 'no' || answer.kind === 'failed') return;
  const had = whatTheyHad(opened);
  if (had !== undefined) {
    throw new AppError('not_allowed', `you ${had} ${quote(session.id)}, so a yes to it is not yours to give`, {
      hint: `nothing was answered; another one of ${approval === undefined ? 'its approvers' : approverWords(approval.approvers)} sees it with: setup-session approvals`,
    });
  }
  if (!maySeeArguments(principal, configuration, call.service ?? '')) {
    throw new AppError('not_allowed', `${quote(principal.label)} may not see the arguments of ${nameOf(call)}`, {
      hint: withMissingGroups(
        principal,
        `nobody says yes to what they cannot see, nor gives its result: people in interface.yaml gives them nothing at ${quote(call.service ?? '')}`,
      ),
    });
  }
  const { requireApprovable } = await import('../../approval/approvable.ts');
  const readOwn = (agent: Agent) => readLocks(configuration, agent, ports.signal);
  const requireTool = await requireApprovable({ ...run, session, lookups, readLocks: readOwn });
  requireTool(call);
}

/** What somebody had, or may have, an agent itself do in its session, in words; undefined of one who has no part in it. */
function whatTheyHad({ session: { metadata }, run: { configuration, principal } }: CallRun): string | undefined {
  if (isStartedBy(metadata, principal)) return 'had the agent start';
  const owner = ownerOf(metadata);
  if (owner?.kind !== 'agent') return undefined;
  // Nobody can see who of them sent which message.
  return mayRunAgent(principal, configuration.agents.get(owner.subject)) ? 'may send messages to' : undefined;
}

/** Everything that `verify` looks at, and what a new session of its agent would need. */
async function requireGoingOn(ports: Ports, { run, session, lookups }: SessionRun): Promise<void> {
  await requireContinuable({
    renew: renewThroughIdp(run, ports),
    ...run,
    session,
    lookups,
    readLocks: (agent) => readLocks(run.configuration, agent, ports.signal),
  });
}

/** The platform does not say what it does with a message while a call waits. */
async function requireNothingWaits({ run, session }: SessionRun): Promise<void> {
  const state = await readState(run.platform, session);
  if (state.kind !== 'waiting') return;
  throw new AppError(
    'call_waits',
    `the session ${quote(session.id)} waits for a yes or no: ${state.asks.map(nameOf).join(', ')}`,
    { hint: `nothing was sent; see it and answer it first: setup-session show ${idWord(session.id)}` },
  );
}

/** The answer as the kind of the call wants it. Throws `usage` where it does not fit. */
function answerTo({ call }: FoundCall, answer: Answer): Answer {
  const custom = call.service === 'custom';
  if (custom && answer.kind === 'no') return { kind: 'failed', text: answer.reason };
  if (custom === (answer.kind === 'result')) return answer;
  throw new AppError(
    'usage',
    custom ? `${nameOf(call)} runs outside the platform: a yes says nothing` : `${nameOf(call)} waits for a yes or no`,
    { hint: custom ? 'give its result: --result <text>, or --no <reason>' : 'say --yes, or --no <reason>' },
  );
}

/**
 * An answer is bound to what the person saw: the digest of exactly these arguments, or the call whole on their terminal and
 * a yes to it. A no needs neither. Says whether somebody was asked. Throws `digest_differs` or `sign_in_needed`.
 */
async function requireSeen(
  { tell, ask }: Ports,
  { run, session }: SessionRun,
  { call }: FoundCall,
  { answer, digest }: { answer: Answer; digest: string | undefined },
): Promise<boolean> {
  const own = callDigest(session.id, call);
  const show = `setup-session show ${idWord(session.id)}`;
  if (digest !== undefined) {
    if (own === digest.toLowerCase()) return false;
    throw new AppError('digest_differs', `the call ${nameOf(call)} is not the one with the digest ${quote(digest)}`, {
      hint: `nothing was answered; look at it again: ${show}`,
    });
  }
  if (answer.kind === 'no' || answer.kind === 'failed') return false;
  if (own === undefined) {
    throw new AppError('digest_differs', `the arguments of ${nameOf(call)} cannot be shown, so nobody can say yes`, {
      hint: 'say no: --no <reason>',
    });
  }
  if (ask === undefined) {
    throw new AppError('sign_in_needed', 'nobody is here to see the call, and no digest says what is answered', {
      hint: `nothing was answered; look at it: ${show}, and give its digest: --digest <digest>`,
    });
  }
  tell.warn(`the agent asks to call ${nameOf(call)}`);
  for (const line of detailLines(session.id, call, run.configuration)) tell.warn(line);
  const question = answer.kind === 'yes' ? 'say yes to exactly this?' : 'give the result of exactly this?';
  if (await ask.yes(question, run.visit.timeoutMs)) return true;
  throw new AppError('call_waits', 'nobody said yes: nothing was answered, and the call waits on', {
    hint: 'a call is never answered by waiting; to refuse it: --no <reason>',
  });
}

const words = { yes: 'yes', no: 'no', result: 'result', failed: 'result' } as const;

/** The answer that stands is harmless where it says the same, and has to be told where it does not. */
function alreadyAnswered(
  sessionId: string,
  found: Extract<FoundCall, { kind: 'answered' }>,
  answer: Answer,
): AnsweredCall {
  if (found.answer === words[answer.kind]) return answeredValue(sessionId, found, answer, true);
  const at = found.at === undefined ? '' : ` at ${quote(found.at)}`;
  throw new AppError('call_over', `the call ${nameOf(found.call)} was answered before${at}: ${found.answer}`, {
    hint: `nothing was answered now; to stop what follows: setup-session stop ${idWord(sessionId)} --interrupt`,
  });
}

function answeredValue(sessionId: string, { call }: FoundCall, answer: Answer, already: boolean): AnsweredCall {
  return { session_id: sessionId, ...callValue(call), answer: words[answer.kind], already };
}
