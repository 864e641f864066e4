/** The short sessions of those who exchanged what proves them. They are of one process, and end with it. */
import { randomBytes } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { isSamePerson, type Principal } from '../identity/principal.ts';
import type { Person } from '../stores/kept-text.ts';
import { sha256 } from '../text/canonical.ts';

/** A session. */
export interface ConsoleSession {
  principal: Principal;
  /** The thumbprint of the key that has to be proven beside the token. */
  thumbprint: string;
  expiresAt: Date;
}

/** All of them. */
export interface ConsoleSessions {
  /** Opens one: its token is shown once and kept nowhere. It ends no later than what was exchanged. */
  open(principal: Principal, thumbprint: string, until: Date): { token: string; seconds: number };
  find(token: string): ConsoleSession | undefined;
  /** Ends all of one person, and says how many. */
  endAllOf(person: Person): number;
  count(): number;
}

/** How long one lasts at most, in seconds: so late a person is still in a group that they left at the provider. */
const longestSession = 300;
const mostSessions = 20_000;
/** Of one person: one command needs one. */
const mostOfOne = 100;

/** No session yet. */
export function consoleSessions(): ConsoleSessions {
  const byDigest = new Map<string, ConsoleSession>();
  const forgetOld = () => {
    const now = clock.now();
    for (const [digest, { expiresAt }] of byDigest) if (expiresAt <= now) byDigest.delete(digest);
  };
  return {
    open(principal, thumbprint, until) {
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
      byDigest.set(sha256(token), { principal, thumbprint, expiresAt: new Date(now + seconds * 1000) });
      return { token, seconds };
    },
    find(token) {
      const session = byDigest.get(sha256(token));
      return session !== undefined && session.expiresAt > clock.now() ? session : undefined;
    },
    endAllOf({ kind, issuer, subject }) {
      const ended = [...byDigest].filter(
        ([, { principal }]) => principal.kind === kind && principal.issuer === issuer && principal.subject === subject,
      );
      for (const [digest] of ended) byDigest.delete(digest);
      return ended.length;
    },
    count: () => byDigest.size,
  };
}
