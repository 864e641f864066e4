/**
 * Who is in front of a page. A secret in the opened address is exchanged once for a cookie; the token in every form is
 * bound to that cookie. What a session opens is the caller's: one person's page here, each person's own on a server.
 */

import { createHmac, randomBytes } from 'node:crypto';
import { Secret } from '../secret/secret.ts';
import { sha256 } from '../text/canonical.ts';

/** A browser that came in. */
export interface Session<Opened> {
  opened: Opened;
  /** Stands in every form of this browser's pages, and in nobody else's. */
  formToken: string;
}

/** The sessions of one run. */
export interface Sessions<Opened> {
  /** A secret that lets one browser in, once. */
  invite(opened: Opened): string;
  /** Whether it is an invitation, without using it up. */
  isInvitation(invitation: string): boolean;
  /** Uses an invitation up. Undefined where it is none. */
  enter(invitation: string): { cookie: Secret } | 'used before' | undefined;
  find(cookie: string): Session<Opened> | undefined;
}

/** Keeps digests only: what is compared with what a stranger sends is looked up, so that no time tells how near it was. */
export function openSessions<Opened>(): Sessions<Opened> {
  const key = randomBytes(32);
  const invited = new Map<string, Opened>();
  const used = new Set<string>();
  const sessions = new Map<string, Session<Opened>>();
  return {
    invite(opened) {
      const invitation = unguessable();
      invited.set(digest(invitation), opened);
      return invitation;
    },
    isInvitation: (invitation) => invited.has(digest(invitation)) || used.has(digest(invitation)),
    enter(invitation) {
      const name = digest(invitation);
      const opened = invited.get(name);
      if (opened === undefined) return used.has(name) ? 'used before' : undefined;
      invited.delete(name);
      used.add(name);
      const cookie = unguessable();
      const formToken = createHmac('sha256', key).update(cookie).digest('base64url');
      sessions.set(digest(cookie), { opened, formToken });
      return { cookie: new Secret(cookie) };
    },
    find: (cookie) => sessions.get(digest(cookie)),
  };
}

/** 256 random bits as a word for addresses and cookies. */
export function unguessable(): string {
  return randomBytes(32).toString('base64url');
}

function digest(value: string): string {
  return sha256(value, 'base64url');
}
