/**
 * Gives an answer to a call that waits: one at a time, on the record before it counts, bound to exactly the question that
 * was seen, and used once. Who may give it is judged before.
 */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { secondsOf } from '../identity/assurance.ts';
import { isSamePerson, type Principal } from '../identity/principal.ts';
import type { Platform } from '../platform/client.ts';
import type { Approval } from '../policy/approvers.ts';
import { type Answer, answerCall } from '../session/answer.ts';
import { callDigest, type FoundCall, readCall } from '../session/call.ts';
import type { ToolCall } from '../session/event.ts';
import { idWord } from '../session/turn-outcome.ts';
import type { KeptText } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { type Binding, bindingDigest } from './binding.ts';
import { type Standing, standing, type Yes, yesesIn, yesText } from './yeses.ts';

/** An answer as the record has it, before it is given. */
export interface AnswerEntry {
  answer: 'yes' | 'no' | 'result';
  /** Why this one may answer: it owns the session, it is named, or a rule of the configuration answers. */
  as: 'owner' | 'approver' | 'rule';
  /** The place in the configuration that names them. */
  rule?: string;
  /** What exactly is answered; a no to what nobody can read is bound to the call alone. */
  ask: Binding | Pick<Binding, 'session' | 'call'>;
}

/** An answer and who gives it. */
export interface Giving {
  platform: Platform;
  /** What was seen when the answer was made. */
  seen: ToolCall;
  sessionId: string;
  answer: Answer;
  as: AnswerEntry['as'];
  rule?: string | undefined;
  by: Principal;
  owner: Pick<Principal, 'kind' | 'issuer' | 'subject'>;
  /** Undefined where nobody could read what is asked. */
  binding: Binding | undefined;
  /** Where several people have to say yes, who. */
  approval?: Approval | undefined;
  /** How long a first yes waits, such as "15m". */
  validFor: string;
  kept: KeptText;
  signal: AbortSignal;
  /** Puts it on the record. Throws `record_unwritable`: then it does not count. */
  record(entry: AnswerEntry): Promise<void>;
  /** Throws `offboarded` where whoever gave a first yes was off-boarded meanwhile. */
  requireStanding(by: Yes['by']): Promise<void>;
}

/** What became of it. */
export type Given =
  | { kind: 'sent' }
  /** Somebody was quicker. */
  | { kind: 'answered'; found: Extract<FoundCall, { kind: 'answered' }> }
  /** It is kept, and another person has to say yes until then. */
  | { kind: 'waits'; until: string };

/** How long another answer to the same call may take. */
const patienceMs = 15_000;

/** Throws `already_running`, `call_over`, `digest_differs`, `record_unwritable` and what sending throws. */
export async function giveAnswer(giving: Giving): Promise<Given> {
  const { kept, signal, sessionId, seen } = giving;
  const held = await kept.hold({ waitMs: patienceMs, signal });
  if (!('release' in held)) {
    throw new AppError('already_running', `${held.called} answers this call since ${held.since}`, {
      hint: `nothing was answered; look what became of it: setup-session show ${idWord(sessionId)}`,
    });
  }
  try {
    const found = await readCall(giving.platform, sessionId, seen.eventId);
    if (found?.kind === 'answered') return { kind: 'answered', found };
    if (found?.kind !== 'waits') throw over(giving);
    const { binding } = giving;
    if (callDigest(sessionId, found.call) !== binding?.digest) throw changed(giving);
    return await give(giving);
  } finally {
    await held.release();
  }
}

async function give(giving: Giving): Promise<Given> {
  const { platform, sessionId, seen, answer, as, rule, binding, kept, signal } = giving;
  const ask = binding ?? { session: sessionId, call: seen.eventId };
  const word = answer.kind === 'failed' ? 'result' : answer.kind;
  await giving.record({ answer: word, as, ...(rule !== undefined && { rule }), ask });
  if (word === 'yes' && binding !== undefined) {
    const until = await firstOfTwo(giving, binding);
    if (until !== undefined) return { kind: 'waits', until };
  }
  const delegation = rule === undefined ? undefined : { verdict: word, rule };
  const sent = await answerCall({
    platform,
    sessionId,
    callId: seen.eventId,
    answer,
    delegation,
    // What a rule has begun nobody else would look after.
    uninterrupted: as === 'rule',
    signal,
  });
  // It was used: whatever comes after it is another answer.
  await kept.remove();
  return sent === 'sent' ? { kind: 'sent' } : { kind: 'answered', found: sent };
}

/** Keeps a yes that is not enough and says until when; undefined where it is enough. */
async function firstOfTwo(giving: Giving, binding: Binding): Promise<string | undefined> {
  const { approval, kept, by, owner, validFor } = giving;
  if (approval === undefined || approval.approvers.persons < 2) return undefined;
  const now = clock.now();
  const against: Standing = { binding: bindingDigest(binding), approvers: approval.approvers, owner, now };
  const others = standing(yesesIn(await kept.read()), against).filter((yes) => !isSamePerson(yes.by, by));
  for (const yes of others) {
    try {
      await giving.requireStanding(yes.by);
      return undefined;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'offboarded') throw error;
    }
  }
  const until = new Date(now.getTime() + secondsOf(validFor) * 1000).toISOString();
  const { kind, issuer, subject, label, groups } = by;
  const mine: Yes = { by: { kind, issuer, subject, label, groups: [...groups] }, until, binding: against.binding };
  await kept.write(yesText([mine]));
  return until;
}

function over({ sessionId, seen }: Giving): AppError {
  return new AppError('call_over', `the call ${quote(seen.eventId)} does not wait for an answer any more`, {
    hint: `nothing was answered; see what became of it: setup-session show ${idWord(sessionId)}`,
  });
}

function changed({ sessionId, seen }: Giving): AppError {
  return new AppError('digest_differs', `the call ${quote(seen.eventId)} is not the one that was seen any more`, {
    hint: `nothing was answered; look at it again: setup-session show ${idWord(sessionId)}`,
  });
}
