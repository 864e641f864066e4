/** The people of the sandbox: who can sign in, and whose accounts the services hold. */

/** The short names that the sandbox's buttons and logs use. They are never part of an identity. */
export type PersonName = 'ada' | 'grace' | 'linus' | 'mallory';

/** One person as the identity provider knows them. */
export interface Person {
  readonly person: PersonName;
  /** The identity provider's `sub`. Deliberately not derivable from name or address (P2). */
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
}

/**
 * Everybody who can sign in. Mallory is there to be confused with Ada by anything that looks at more
 * than issuer and subject: a look-alike name (Cyrillic А), Ada's own address, a subject that differs
 * in case only.
 */
export const people: Readonly<Record<PersonName, Person>> = {
  ada: {
    person: 'ada',
    subject: 'user-7c1e0a5b',
    name: 'Ada Lovelace',
    email: 'ada@example.test',
    groups: ['support', 'editors'],
  },
  grace: {
    person: 'grace',
    subject: 'user-41d9f3e2',
    name: 'Grace Hopper',
    email: 'grace@example.test',
    groups: ['support'],
  },
  linus: {
    person: 'linus',
    subject: 'user-b80c6d17',
    name: 'Linus Pauling',
    email: 'linus@example.test',
    groups: [],
  },
  mallory: {
    person: 'mallory',
    subject: 'user-7C1E0A5B',
    name: '\u0410da Lovelace',
    email: 'ada@example.test',
    groups: ['support'],
  },
};

/** One person's account at one service, as that service's own sign-in knows it. */
export interface Account {
  /** One of the people of the sandbox, or whoever was admitted beside them. */
  readonly person: string;
  readonly name: string;
  readonly email: string;
  readonly workspace: string;
}

/** The accounts that a service holds: one per person, in a workspace of their own. */
export function accountsAt(serviceTitle: string): Readonly<Record<PersonName, Account>> {
  const account = (person: PersonName, name: string): Account => ({
    person,
    name,
    email: `${person}@example.test`,
    workspace: `${name.split(' ')[0] ?? name}'s ${serviceTitle}`,
  });
  return {
    ada: account('ada', 'Ada Lovelace'),
    grace: account('grace', 'Grace Hopper'),
    linus: account('linus', 'Linus Pauling'),
    mallory: account('mallory', 'Mallory'),
  };
}
