/** The short sessions of those who exchanged what proves them, and who was let go. */
import { randomBytes } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { isSamePerson, type Principal } from '../identity/principal.ts';
import type { RecordLog } from '../record/record-log.ts';
import { sha256 } from '../text/canonical.ts';

/** A session. */
export interface ConsoleSession {
  principal: Principal;
  /** The thumbprint of the key that has to be proven beside the token. */
  thumbprint: string;
  /** When what was exchanged was issued. */
  issuedAt: Date;
  expiresAt: Date;
}

/** Who is let go: whoever has this subject, and where they are said this issuer and kind. */
export interface Gone {
  subject: string;
  issuer?: string | undefined;
  kind?: string | undefined;
}

/** What proves somebody, and when it was issued. */
export type Issued = Pick<ConsoleSession, 'principal' | 'issuedAt'>;

/** All of them. */
export interface ConsoleSessions {
  /** Opens one: its token is shown once and kept nowhere. It ends no later than what was exchanged. */
  open(proven: Issued, thumbprint: string, until: Date): Promise<OpenedSession>;
  find(token: string): Promise<ConsoleSession | undefined>;
  /** Ends all of somebody, and says how many. What proved them until then proves them no more, here or elsewhere. */
  letGo(gone: Gone, at?: Date): Promise<number>;
  /** What proves them counts again, unless they were let go after that. */
  letIn(gone: Gone, at?: Date): Promise<void>;
  /** Whether what proves somebody is of before they were let go. */
  isGone(proven: Issued): Promise<boolean>;
  count(): Promise<number>;
}

/** One that was just opened. */
export interface OpenedSession {
  token: string;
  seconds: number;
}

/** How long one lasts at most, in seconds: so late a person is still in a group that they left at the provider. */
const longestSession = 300;
export const mostSessions = 20_000;
/** So far the clock of whoever issues may be ahead of ours: the most that `identity.clock_margin` forgives. */
export const furthestAheadMs = 300_000;
/** Of one person: one command needs one. */
export const mostOfOne = 100;

/** Those of one process, which end with it: no session yet. */
export function consoleSessions(): ConsoleSessions {
  const byDigest = new Map<string, ConsoleSession>();
  /** Who was let go, and until when a token is of before. */
  const gone = new Map<string, { who: Gone; at: number }>();
  const forgetOld = () => {
    const now = clock.now();
    for (const [digest, { expiresAt }] of byDigest) if (expiresAt <= now) byDigest.delete(digest);
  };
  return {
    async open({ principal, issuedAt }, thumbprint, until) {
      const { token, digest, seconds, expiresAt } = newSession(until);
      forgetOld();
      const own = [...byDigest].filter(([, session]) => isSamePerson(session.principal, principal));
      // Their oldest: a program that opens one for each request hinders itself alone.
      if (own.length >= mostOfOne) byDigest.delete(own[0]?.[0] ?? '');
      else if (byDigest.size >= mostSessions) throw tooManySessions();
      byDigest.set(digest, { principal, thumbprint, issuedAt, expiresAt });
      return { token, seconds };
    },
    async find(token) {
      const session = byDigest.get(sha256(token));
      return session !== undefined && session.expiresAt > clock.now() ? session : undefined;
    },
    async letGo(who, at = clock.now()) {
      gone.set(keyOf(who), { who, at: Math.max(at.getTime(), gone.get(keyOf(who))?.at ?? 0) });
      const ended = [...byDigest].filter(([, { principal }]) => isMeant(who, principal));
      for (const [digest] of ended) byDigest.delete(digest);
      return ended.length;
    },
    async letIn(who, at = clock.now()) {
      for (const [key, { who: other, at: left }] of gone) {
        if (mayBeSame(who, other) && left <= at.getTime()) gone.delete(key);
      }
    },
    isGone: async ({ principal, issuedAt }) =>
      [...gone.values()].some(({ who, at }) => isMeant(who, principal) && issuedAt.getTime() <= at + furthestAheadMs),
    count: async () => byDigest.size,
  };
}

/** What a session is opened with. Throws `identity_refused` where what was exchanged is over. */
export function newSession(until: Date): OpenedSession & { digest: string; expiresAt: Date } {
  const now = clock.now().getTime();
  const seconds = Math.floor(Math.min(longestSession, (until.getTime() - now) / 1000));
  if (seconds < 1) throw new AppError('identity_refused', 'what was exchanged has just expired');
  const token = randomBytes(32).toString('base64url');
  return { token, digest: sha256(token), seconds, expiresAt: new Date(now + seconds * 1000) };
}

export function tooManySessions(): AppError {
  return new AppError('console_refused', 'there are too many sessions at this console: try again later');
}

/**
 * Lets go whom this record says: what proved them before a restart proves them no more after it. It has no issuer of theirs, so
 * somebody else with that subject signs in once more. Throws as reading the record does.
 */
export async function recallGone(sessions: ConsoleSessions, record: Pick<RecordLog, 'verify'>): Promise<void> {
  const returning = new Map<string, string>();
  // Taken together first: other replicas act on what is let go, and nobody is let go again for what is long over.
  const left = new Map<string, Date>();
  const returned = new Map<string, Date>();
  await record.verify(({ at, entry }) => {
    if (entry.kind === 'intent' && entry.target.id !== undefined) {
      if (entry.act === 'person.offboard') left.set(entry.target.id, new Date(at));
      if (entry.act === 'person.let_in') returning.set(entry.id, entry.target.id);
    }
    if (entry.kind !== 'outcome') return;
    const subject = returning.get(entry.id);
    if (subject !== undefined && entry.outcome === 'success') {
      left.delete(subject);
      returned.set(subject, new Date(at));
    }
    returning.delete(entry.id);
  });
  for (const [subject, at] of returned) await sessions.letIn({ subject }, at);
  for (const [subject, at] of left) await sessions.letGo({ subject }, at);
}

/** Whether somebody is one of those who are let go. */
export function isMeant({ subject, issuer, kind }: Gone, principal: Principal): boolean {
  return (
    principal.subject === subject &&
    (issuer ?? principal.issuer) === principal.issuer &&
    (kind ?? principal.kind) === principal.kind
  );
}

function mayBeSame(one: Gone, other: Gone): boolean {
  const isSame = (a: string | undefined, b: string | undefined) => a === undefined || b === undefined || a === b;
  return one.subject === other.subject && isSame(one.issuer, other.issuer) && isSame(one.kind, other.kind);
}

function keyOf({ subject, issuer, kind }: Gone): string {
  return JSON.stringify([subject, issuer, kind]);
}
