/** The short sessions of those who exchanged what proves them. They are of one process, and end with it. */
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
  open(proven: Issued, thumbprint: string, until: Date): { token: string; seconds: number };
  find(token: string): ConsoleSession | undefined;
  /** Ends all of somebody, and says how many. What proved them until now proves them no more, here or elsewhere. */
  letGo(gone: Gone, at?: Date): number;
  /** What proves them counts again. */
  letIn(gone: Gone): void;
  /** Whether what proves somebody is of before they were let go. */
  isGone(proven: Issued): boolean;
  count(): number;
}

/** How long one lasts at most, in seconds: so late a person is still in a group that they left at the provider. */
const longestSession = 300;
const mostSessions = 20_000;
/** So far the clock of whoever issues may be ahead of ours: the most that `identity.clock_margin` forgives. */
const furthestAheadMs = 300_000;
/** Of one person: one command needs one. */
const mostOfOne = 100;

/** No session yet. */
export function consoleSessions(): ConsoleSessions {
  const byDigest = new Map<string, ConsoleSession>();
  /** Who was let go, and until when a token is of before. */
  const gone = new Map<string, { who: Gone; until: number }>();
  const forgetOld = () => {
    const now = clock.now();
    for (const [digest, { expiresAt }] of byDigest) if (expiresAt <= now) byDigest.delete(digest);
  };
  return {
    open({ principal, issuedAt }, thumbprint, until) {
      const now = clock.now().getTime();
      const seconds = Math.floor(Math.min(longestSession, (until.getTime() - now) / 1000));
      if (seconds < 1) throw new AppError('identity_refused', 'what was exchanged has just expired');
      forgetOld();
      const own = [...byDigest].filter(([, session]) => isSamePerson(session.principal, principal));
      // Their oldest: a program that opens one for each request hinders itself alone.
      if (own.length >= mostOfOne) byDigest.delete(own[0]?.[0] ?? '');
      else if (byDigest.size >= mostSessions) {
        throw new AppError('console_refused', 'there are too many sessions at this console: try again later');
      }
      const token = randomBytes(32).toString('base64url');
      byDigest.set(sha256(token), { principal, thumbprint, issuedAt, expiresAt: new Date(now + seconds * 1000) });
      return { token, seconds };
    },
    find(token) {
      const session = byDigest.get(sha256(token));
      return session !== undefined && session.expiresAt > clock.now() ? session : undefined;
    },
    letGo(who, at = clock.now()) {
      gone.set(keyOf(who), { who, until: at.getTime() + furthestAheadMs });
      const ended = [...byDigest].filter(([, { principal }]) => isMeant(who, principal));
      for (const [digest] of ended) byDigest.delete(digest);
      return ended.length;
    },
    letIn(who) {
      for (const [key, { who: other }] of gone) if (mayBeSame(who, other)) gone.delete(key);
    },
    isGone: ({ principal, issuedAt }) =>
      gone.size > 0 &&
      [...gone.values()].some(({ who, until }) => isMeant(who, principal) && issuedAt.getTime() <= until),
    count: () => byDigest.size,
  };
}

/**
 * Lets go whom this record says: what proved them before a restart proves them no more after it. It has no issuer of theirs, so
 * somebody else with that subject signs in once more. Throws as reading the record does.
 */
export async function recallGone(sessions: ConsoleSessions, record: Pick<RecordLog, 'verify'>): Promise<void> {
  const returning = new Map<string, string>();
  await record.verify(({ at, entry }) => {
    if (entry.kind === 'intent' && entry.target.id !== undefined) {
      if (entry.act === 'person.offboard') sessions.letGo({ subject: entry.target.id }, new Date(at));
      if (entry.act === 'person.let_in') returning.set(entry.id, entry.target.id);
    }
    if (entry.kind !== 'outcome') return;
    const subject = returning.get(entry.id);
    if (subject !== undefined && entry.outcome === 'success') sessions.letIn({ subject });
    returning.delete(entry.id);
  });
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
