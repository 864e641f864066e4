/** The short sessions of those who exchanged what proves them, and who was let go. */
import { randomBytes } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { isSamePerson, type Principal } from '../identity/principal.ts';
import type { RecordLog } from '../record/record-log.ts';
import { sha256 } from '../text/canonical.ts';
import { type SeenProofs, shownBefore } from './dpop.ts';

/** A session. */
export interface ConsoleSession {
  principal: Principal;
  /** The thumbprint of the key that has to be proven beside the token. */
  thumbprint: string;
  /** When what was exchanged was issued. */
  issuedAt: Date;
  /** Which sign-in at the provider it is of (`sid`), where that says so. */
  signIn?: string | undefined;
  expiresAt: Date;
}

/** Who is let go: whoever has this subject, and where they are said this issuer and kind. */
export interface Gone {
  subject: string;
  issuer?: string | undefined;
  kind?: string | undefined;
}

/** What a provider says has ended: one sign-in, or all of a person up to then. */
export interface SignedOut {
  issuer: string;
  /** Both, where both are said; never neither. */
  subject: string | undefined;
  signIn: string | undefined;
  at: Date;
}

/** What proves somebody, when it was issued, and of which sign-in it is. */
export type Issued = Pick<ConsoleSession, 'principal' | 'issuedAt' | 'signIn'>;

/** All of them. */
export interface ConsoleSessions {
  /**
   * Opens one: its token is shown once and kept nowhere. Throws `identity_refused` where the proof that is shown for it was
   * shown before; from now on it was.
   */
  open(proven: Issued, opening: Opening): Promise<OpenedSession>;
  /** Ends one, whether there is one or not. */
  end(token: string): Promise<void>;
  find(token: string): Promise<ConsoleSession | undefined>;
  /** Ends all of somebody, and says how many. What proved them until then proves them no more, here or elsewhere. */
  letGo(gone: Gone, at?: Date): Promise<number>;
  /** What proves them counts again, unless they were let go after that. */
  letIn(gone: Gone, at?: Date): Promise<void>;
  /** Ends all of a sign-in, and says how many. What is of it opens no other one. */
  signOut(signedOut: SignedOut): Promise<number>;
  /** Those that it has not carried out already. */
  notSignedOut(all: readonly SignedOut[]): Promise<readonly SignedOut[]>;
  /** Whether what proves somebody still does. */
  standing(proven: Issued): Promise<Standing>;
  count(): Promise<number>;
}

/** How one is opened. */
export interface Opening {
  /** The thumbprint of the key that has to be proven beside the token. */
  thumbprint: string;
  /** When what was exchanged ends: a session does not outlast it. */
  until: Date;
  /** So many seconds it lasts at most; usual where undefined. */
  most?: number | undefined;
  /** The id of the proof that was shown, which opens one alone; undefined where none is shown. */
  proof?: string | undefined;
}

/** What became of what proves somebody. */
export interface Standing {
  /** When the sign-in ended that it is of; undefined where it has not. */
  signedOutAt: Date | undefined;
  /** Whether it is of before they were let go. */
  isGone: boolean;
}

/** One that was just opened. */
export interface OpenedSession {
  token: string;
  seconds: number;
}

/** What the record calls a sign-in that ended at the provider. */
export const signedOutEvent = 'sign_in.ended';

/** How long one lasts at most, in seconds: so late a person is still in a group that they left at the provider. */
const longestSession = 300;
export const mostSessions = 20_000;
/** So far the clock of whoever issues may be ahead of ours: the most that `identity.clock_margin` forgives. */
export const furthestAheadMs = 300_000;
/** Of one person: one command needs one. */
export const mostOfOne = 100;
/** Sign-ins that ended: the longest ago is forgotten first, when what was issued in it has long expired. */
const mostSignedOut = 100_000;

/** Those of one process, which end with it: no session yet. */
export function consoleSessions(seen: SeenProofs, longest?: number): ConsoleSessions {
  const byDigest = new Map<string, ConsoleSession>();
  /** Who was let go, and until when a token is of before. */
  const gone = new Map<string, { who: Gone; at: number }>();
  /** What was said to have ended, by what names it. */
  const signedOut = new Map<string, SignedOut>();
  const forgetOld = () => {
    const now = clock.now();
    for (const [digest, { expiresAt }] of byDigest) if (expiresAt <= now) byDigest.delete(digest);
  };
  return {
    async open({ principal, issuedAt, signIn }, { thumbprint, until, most, proof }) {
      const { token, digest, seconds, expiresAt } = newSession(until, longest ?? most);
      if (proof !== undefined && !(await seen.isNew(proof, clock.now()))) throw shownBefore();
      forgetOld();
      const own = [...byDigest].filter(([, session]) => isSamePerson(session.principal, principal));
      // Their oldest: a program that opens one for each request hinders itself alone.
      if (own.length >= mostOfOne) byDigest.delete(own[0]?.[0] ?? '');
      else if (byDigest.size >= mostSessions) throw tooManySessions();
      byDigest.set(digest, { principal, thumbprint, issuedAt, signIn, expiresAt });
      return { token, seconds };
    },
    async find(token) {
      const session = byDigest.get(sha256(token));
      return session !== undefined && session.expiresAt > clock.now() ? session : undefined;
    },
    end: async (token) => void byDigest.delete(sha256(token)),
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
    async signOut(ended) {
      const key = keyOfSignOut(ended);
      const before = signedOut.get(key);
      signedOut.delete(key);
      if (signedOut.size >= mostSignedOut) signedOut.delete(signedOut.keys().next().value ?? '');
      // They may come in any order: the latest counts.
      signedOut.set(key, before !== undefined && before.at > ended.at ? before : ended);
      const theirs = [...byDigest].filter(([, session]) => isOf(ended, session));
      for (const [digest] of theirs) byDigest.delete(digest);
      return theirs.length;
    },
    notSignedOut: async (all) =>
      all.filter(
        (each) => (signedOut.get(keyOfSignOut(each))?.at.getTime() ?? Number.NEGATIVE_INFINITY) < each.at.getTime(),
      ),
    async standing(proven) {
      const { principal, issuedAt, signIn } = proven;
      const keys = keysOfSignOut({ ...principal, signIn });
      const ended = keys.map((key) => signedOut.get(key)).find((each) => each !== undefined && isOf(each, proven));
      const isGone = [...gone.values()].some(
        ({ who, at }) => isMeant(who, principal) && issuedAt.getTime() <= at + furthestAheadMs,
      );
      return { signedOutAt: ended?.at, isGone };
    },
    count: async () => byDigest.size,
  };
}

/** What a sign-out is found by: the person, and the sign-in. */
export function keysOfSignOut({ issuer, subject, signIn }: Omit<SignedOut, 'at'>): [person: string, signIn: string] {
  return [JSON.stringify(['person', issuer, subject]), JSON.stringify(['sign-in', issuer, signIn])];
}

/** What it is kept by: a sign-in where one is named, and else the person. */
export function keyOfSignOut(ended: SignedOut): string {
  const [byPerson, bySignIn] = keysOfSignOut(ended);
  return ended.signIn === undefined ? byPerson : bySignIn;
}

/** Whether what proves somebody is of what has ended: of that sign-in, or, where none is named, of any up to then. */
export function isOf({ issuer, subject, signIn, at }: SignedOut, proven: Issued): boolean {
  const { principal, issuedAt } = proven;
  if (principal.kind !== 'sso' || principal.issuer !== issuer) return false;
  if (subject !== undefined && principal.subject !== subject) return false;
  return signIn === undefined ? issuedAt <= at : proven.signIn === signIn;
}

/** What a session is opened with. Throws `identity_refused` where what was exchanged is over. */
export function newSession(
  until: Date,
  longest: number = longestSession,
): OpenedSession & { digest: string; expiresAt: Date } {
  const now = clock.now().getTime();
  const seconds = Math.floor(Math.min(longest, (until.getTime() - now) / 1000));
  if (seconds < 1) throw new AppError('identity_refused', 'what was exchanged has just expired');
  const token = randomBytes(32).toString('base64url');
  return { token, digest: sha256(token), seconds, expiresAt: new Date(now + seconds * 1000) };
}

export function tooManySessions(): AppError {
  return new AppError('console_refused', 'there are too many sessions at this console: try again later');
}

/**
 * Lets go and signs out whom this record says: what proved them before a restart proves them no more after it. It has no issuer of theirs, so
 * somebody else with that subject signs in once more. Throws as reading the record does.
 */
export async function recallGone(sessions: ConsoleSessions, record: Pick<RecordLog, 'verify'>): Promise<void> {
  const returning = new Map<string, string>();
  // Taken together first: other replicas act on what is let go, and nobody is let go again for what is long over.
  const left = new Map<string, Date>();
  const returned = new Map<string, Date>();
  const ended: SignedOut[] = [];
  await record.verify(({ at, entry }) => {
    if (entry.kind === 'heard' && entry.what === signedOutEvent) {
      const { from: issuer, subject, sign_in: signIn, happened } = entry;
      ended.push({ issuer, subject, signIn, at: new Date(happened) });
    }
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
  // A database has most of them: each once more would be minutes before anybody is answered.
  for (const each of await sessions.notSignedOut(ended.slice(-mostSignedOut))) await sessions.signOut(each);
}

/** Whether somebody is one of those who are let go. */
export function isMeant({ subject, issuer, kind }: Gone, principal: Principal): boolean {
  return (
    principal.subject === subject &&
    (issuer ?? principal.issuer) === principal.issuer &&
    (kind ?? principal.kind) === principal.kind
  );
}

/** Whether two may mean one and the same. */
export function mayBeSame(one: Gone, other: Gone): boolean {
  const isSame = (a: string | undefined, b: string | undefined) => a === undefined || b === undefined || a === b;
  return one.subject === other.subject && isSame(one.issuer, other.issuer) && isSame(one.kind, other.kind);
}

export function keyOf({ subject, issuer, kind }: Gone): string {
  return JSON.stringify([subject, issuer, kind]);
}
