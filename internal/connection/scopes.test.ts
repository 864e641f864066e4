import { describe, expect, test } from 'vitest';
import type { Service } from '../config/definitions.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import { OAuthRefusal } from '../oauth/refusal.ts';
import type { Connection } from './credentials.ts';
import {
  checkScopeChoice,
  consentFor,
  grantedScopes,
  InsufficientScope,
  type ScopeCase,
  type ScopeChoice,
  scopeChoiceOf,
  scopesOfClient,
  scopesRefused,
  scopesToAskFor,
  scopesToStepUpTo,
  warnOfChange,
  warnOfMore,
} from './scopes.ts';

interface Given {
  /** The scopes of the service's file. */
  file?: { default?: string[]; read_only?: string[]; additional?: string[] };
  /** What the challenge or the metadata names. */
  found?: string[] | undefined;
  /** What the authorization server lists. */
  supported?: string[] | undefined;
  withoutMetadata?: boolean;
  choice?: ScopeChoice;
  /** What the present connection was granted; no connection when left out. */
  before?: string | undefined;
}

function serviceWith(scopes: Given['file']): Service {
  return { name: 'x', authorization: { scopes: scopes && { default: [], ...scopes } } } as unknown as Service;
}

const serverWith = (fields: object) => ({ issuer: 'https://as.example', ...fields }) as unknown as AuthorizationServer;

function connectionWith(refreshScope: string | undefined, recorded?: string): Connection {
  return { kind: 'mcp_oauth', refreshScope, record: { scopes: recorded } } as unknown as Connection;
}

function caseOf({
  file,
  found,
  supported,
  withoutMetadata = false,
  choice = { kind: 'usual' },
  before,
}: Given): ScopeCase {
  return {
    service: serviceWith(file),
    found: { scopes: found, offeredScopes: found ?? [], withoutMetadata },
    server: serverWith({ scopes_supported: supported }),
    choice,
    existing: before === undefined ? undefined : connectionWith(before),
  };
}

const ask = (given: Given) => scopesToAskFor(caseOf(given));
const exactly = (...scopes: string[]): ScopeChoice => ({ kind: 'exactly', scopes });
const added = (...scopes: string[]): ScopeChoice => ({ kind: 'added', scopes });
const refusedAs = (code: string) => expect.objectContaining({ code });

describe('the scopes that are asked for', () => {
  test.each([
    ['the service file', { file: { default: ['a'] }, found: ['b'] }, ['a']],
    ['the service, where its file names none', { file: { default: [] }, found: ['b'] }, ['b']],
    ['the service, where its file is silent', { found: ['b'] }, ['b']],
    ['nobody: none are asked for', {}, undefined],
  ])('come from %s [A1.10] [A3.6]', (_case, given, expected) => {
    expect(ask(given)).toEqual(expected);
  });

  test('have offline access among them where the authorization server lists it, never alone, and nowhere else [A1.11]', () => {
    expect(ask({ found: ['a'], supported: ['a', 'offline_access'] })).toEqual(['a', 'offline_access']);
    expect(ask({ found: ['offline_access', 'a'], supported: ['offline_access'] })).toEqual(['offline_access', 'a']);
    expect(ask({ supported: ['a', 'offline_access'] })).toBeUndefined();
    expect(ask({ found: [], supported: ['offline_access'] })).toEqual([]);
    expect(ask({ found: ['a'], supported: ['a'] })).toEqual(['a']);
  });

  test('that a person or the file names are asked for as they stand [A1.25]', () => {
    const supported = ['a', 'offline_access'];
    const file = { default: ['a'], read_only: ['r'], additional: ['c'] };
    expect(ask({ file, supported })).toEqual(['a']);
    expect(ask({ file, supported, choice: { kind: 'read-only' } })).toEqual(['r']);
    expect(ask({ file, supported, choice: exactly('c') })).toEqual(['c']);
    expect(ask({ found: ['a', 'b'], supported, choice: exactly('b') })).toEqual(['b']);
    expect(ask({ file, supported, choice: added('c') })).toEqual(['a', 'c']);
    expect(ask({ file: { default: ['a', 'offline_access'] }, supported })).toEqual(['a', 'offline_access']);
  });

  test('are the reading ones of the file with --read-only, and never wider ones in their place [c28]', () => {
    const choice = { kind: 'read-only' } as const;
    expect(ask({ file: { default: ['a', 'b'], read_only: ['a'] }, found: ['c'], choice })).toEqual(['a']);
    for (const file of [{ default: ['a', 'b'] }, { default: ['a'], read_only: [] }, undefined]) {
      expect(() => ask({ ...(file && { file }), found: ['c'], choice })).toThrow(refusedAs('usage'));
    }
  });

  test('are those of --scope and no others [A1.10]', () => {
    const file = { default: ['a', 'b'], additional: ['c'] };
    expect(ask({ file, choice: exactly('c') })).toEqual(['c']);
    expect(ask({ found: ['a', 'b'], choice: exactly('b') })).toEqual(['b']);
  });

  test('are with --add-scope those of the connection and these, what the file no longer lists left out [A1.18]', () => {
    const file = { default: ['a'], read_only: ['a'], additional: ['c'] };
    expect(ask({ file, choice: added('c'), before: 'a' })).toEqual(['a', 'c']);
    expect(ask({ file, choice: added('c'), before: 'a admin offline_access' })).toEqual(['a', 'c']);
    expect(ask({ found: ['a', 'b'], choice: added('b'), before: 'other' })).toEqual(['other', 'b']);
  });

  test('are with --add-scope the usual ones and these, where nothing is connected', () => {
    expect(ask({ file: { default: ['a'], additional: ['c'] }, choice: added('c') })).toEqual(['a', 'c']);
    expect(ask({ found: ['a', 'c'], choice: added('c') })).toEqual(['a', 'c']);
  });

  test.each([
    ['the record was cut', connectionWith(undefined, 'x'.repeat(512))],
    ['nothing was recorded', connectionWith(undefined)],
    ['no scopes were ever named', connectionWith('')],
  ])('cannot be added to where it is not known which there are: %s', (_case, existing) => {
    const known = { ...caseOf({ file: { default: ['a'], additional: ['c'] }, choice: added('c') }), existing };
    expect(() => scopesToAskFor(known)).toThrow(refusedAs('usage'));
  });

  test.each([exactly('a', 'evil'), added('evil')])(
    'never hold what nobody reviewed or offers: %j (P4) [connecting]',
    (choice) => {
      const file = { default: ['a'], read_only: ['b'], additional: ['c'] };
      expect(() => ask({ file, found: ['evil'], choice })).toThrow(refusedAs('not_allowed'));
      expect(() => ask({ found: ['a'], supported: ['evil'], choice })).toThrow(refusedAs('not_allowed'));
      expect(() => checkScopeChoice(serviceWith(file), choice)).toThrow(refusedAs('not_allowed'));
      expect(() => checkScopeChoice(serviceWith(undefined), choice)).not.toThrow();
    },
  );

  test('may be those of the authorization server, where no metadata of the resource says any', () => {
    expect(ask({ supported: ['a'], choice: exactly('a'), withoutMetadata: true })).toEqual(['a']);
  });
});

describe('the flags', () => {
  test.each([
    [{}, { kind: 'usual' }],
    [{ readOnly: true }, { kind: 'read-only' }],
    [{ scope: ['a b', 'c', 'a'] }, exactly('a', 'b', 'c')],
    [{ addScope: ['https://x.example/auth.read'] }, added('https://x.example/auth.read')],
  ])('%j', (flags, choice) => expect(scopeChoiceOf(flags)).toEqual(choice));

  test.each([
    { readOnly: true, scope: ['a'] },
    { readOnly: true, addScope: ['a'] },
    { scope: ['a'], addScope: ['a'] },
    { scope: [''] },
    { addScope: [' '] },
    { scope: ['a"b'] },
    { scope: ['a\\b'] },
    { scope: ['ä'] },
    { scope: ['a\tb'] },
    { scope: ['a\nb'] },
  ])('%j are refused', (flags) => expect(() => scopeChoiceOf(flags)).toThrow(refusedAs('usage')));
});

describe('a step-up', () => {
  const stepUp = (given: Given, asked: string[][], granted: string[], wanted: string[]) => {
    const known = caseOf(given);
    return scopesToStepUpTo(known, asked, granted, new InsufficientScope(known.service, wanted));
  };

  test('asks for the union of what was asked for, granted and is wanted [A1.18] [A2.4]', () => {
    expect(stepUp({ found: ['a'] }, [['a']], ['a', 'b'], ['c'])).toEqual(['a', 'b', 'c']);
    expect(stepUp({ file: { default: ['a'], additional: ['c'] } }, [['a']], ['a', 'admin'], ['c'])).toEqual(['a', 'c']);
    expect(stepUp({ found: ['a'] }, [['a', 'offline_access']], ['a'], ['c'])).toEqual(['a', 'offline_access', 'c']);
    expect(stepUp({ found: ['a'], supported: ['offline_access'] }, [['a']], [], ['c'])).toEqual(['a', 'c']);
  });

  test.each([
    ['what was asked for already was not enough', [['a', 'b']], ['a'], ['b']],
    ['what was granted already was not enough', [['a']], ['a'], ['a']],
    ['it was asked twice', [['a'], ['a', 'b'], ['a', 'b', 'c']], ['a'], ['d']],
    ['the service does not say what it wants', [['a']], ['a'], []],
  ])('ends with the refusal of the service where %s [A1.18]', (_case, asked, granted, wanted) => {
    expect(() => stepUp({ found: ['a'] }, asked, granted, wanted)).toThrow(InsufficientScope);
  });

  test('never asks for what the file does not list (P4) [A1.18] [connecting]', () => {
    expect(() => stepUp({ file: { default: ['a'] } }, [['a']], ['a'], ['admin'])).toThrow(refusedAs('not_allowed'));
  });

  test.each([{ kind: 'read-only' } as const, exactly('a')])(
    'never goes beyond what the person wanted: %j [connecting]',
    (choice) => {
      const file = { default: ['a', 'b'], read_only: ['a'] };
      expect(() => stepUp({ file, choice }, [['a']], ['a'], ['b'])).toThrow(refusedAs('not_allowed'));
    },
  );
});

test.each([
  [['a', 'offline_access'], {}, false, true],
  [['a'], { prompt_values_supported: ['none', 'consent'] }, true, true],
  [['a'], { scopes_supported: ['openid'] }, true, true],
  [['a'], { prompt_values_supported: ['login'] }, true, false],
  [['a'], {}, true, false],
  [['a'], { prompt_values_supported: ['consent'] }, false, false],
  [undefined, {}, false, false],
])('consent for %j at %j, again: %s is asked for: %s [A1.11] [c10]', (scopes, fields, again, expected) => {
  expect(consentFor(scopes, serverWith(fields), again)).toEqual(expected ? { prompt: 'consent' } : {});
});

test('what a connection was granted is what the platform keeps, else the record unless it may be cut', () => {
  expect(grantedScopes(connectionWith('a b', 'c'))).toEqual(['a', 'b']);
  expect(grantedScopes(connectionWith(undefined, 'c d'))).toEqual(['c', 'd']);
  expect(grantedScopes(connectionWith(undefined, 'c'.repeat(512)))).toBeUndefined();
});

describe('what came back', () => {
  const said: string[] = [];
  const saying = (act: (warn: (text: string) => void) => void) => {
    said.length = 0;
    act((text) => said.push(text));
    return said;
  };

  test('is named where it is more than was asked for, ten at most [c28]', () => {
    const service = serviceWith(undefined);
    expect(saying((warn) => warnOfMore(service, ['a'], ['a', 'b'], warn))).toEqual([
      'x granted more than was asked for: "b"',
    ]);
    expect(saying((warn) => warnOfMore(service, undefined, ['a'], warn))).toEqual([]);
    const many = Array.from({ length: 12 }, (_, index) => `s${index}`);
    expect(saying((warn) => warnOfMore(service, [], many, warn))[0]).toMatch(/"s9" and 2 more$/);
  });

  test('is compared with what there was, and what writes is marked [c28]', () => {
    const service = serviceWith({ default: ['r', 'w'], read_only: ['r'] });
    const before = connectionWith('r old');
    expect(saying((warn) => warnOfChange(service, before, ['r', 'w', 'offline_access'], warn))).toEqual([
      'x has scopes that it did not have before: "w" (writes), "offline_access"',
      'x no longer has the scopes "old" (writes)',
    ]);
    expect(saying((warn) => warnOfChange(service, before, ['old', 'r'], warn))).toEqual([]);
    expect(saying((warn) => warnOfChange(service, undefined, ['w'], warn))).toEqual([]);
    expect(saying((warn) => warnOfChange(serviceWith(undefined), before, ['r', 'old', 'w'], warn))).toEqual([
      'x has scopes that it did not have before: "w"',
    ]);
  });
});

describe('a client that is registered for fewer scopes [A1.26]', () => {
  const bounded = (given: Given, wanted: string[] | undefined, bound: string[] | undefined) => {
    const said: string[] = [];
    return { left: scopesOfClient(caseOf(given), wanted, bound, (text) => said.push(text)), said };
  };

  test('asks for all that is wanted where nothing is missing, or nobody says', () => {
    expect(bounded({}, ['a'], undefined)).toEqual({ left: ['a'], said: [] });
    expect(bounded({}, ['a'], ['b', 'a'])).toEqual({ left: ['a'], said: [] });
    expect(bounded({}, undefined, ['a'])).toEqual({ left: undefined, said: [] });
  });

  test('leaves out what only the service has named, and says so', () => {
    const { left, said } = bounded({ found: ['a', 'b'] }, ['a', 'b', 'offline_access'], ['a']);
    expect([left, said]).toEqual([['a'], [expect.stringContaining('"b", "offline_access"')]]);
  });

  test.each<[string, Given, string[], string]>([
    ['what the file names', { file: { default: ['a', 'b'] } }, ['a'], 'list "a" in authorization.scopes.default'],
    ['what a person names', { found: ['a', 'b'], choice: exactly('a', 'b') }, ['a'], 'list "a" in'],
    ['everything that lets it do anything', { found: ['a', 'b'] }, ['openid'], 'those that it gives to such clients'],
  ])('is not used without %s', (_case, given, bound, hint) => {
    expect(() => bounded(given, ['a', 'b'], bound)).toThrow(
      expect.objectContaining({ code: 'registration_refused', hint: expect.stringContaining(hint) }),
    );
  });
});

test.each<[string, Given, string[] | undefined, string, string, string]>([
  [
    'those that it names',
    {},
    ['a', 'b'],
    'not valid: b',
    'asked for were "a", "b"',
    'list "a" in authorization.scopes',
  ],
  [
    'those that it does not list',
    { found: ['a'], supported: ['offline_access'] },
    ['a', 'b', 'offline_access'],
    'no',
    'of which it does not list "b"',
    'list "a", "offline_access" in',
  ],
  ['nothing in particular', { found: ['a'] }, ['a'], 'no', 'asked for were "a"', 'those that it gives to such clients'],
  ['that there are none', {}, undefined, 'no', 'none were asked for', 'scopes.default of config/services/x.yaml'],
])('a refusal of scopes says %s, and what to write [A1.27]', (_case, given, asked, said, message, hint) => {
  const refusal = new OAuthRefusal(
    'callback_refused',
    `"https://as.example" refused: "invalid_scope": "${said}"`,
    'invalid_scope',
  );
  expect(scopesRefused(refusal, caseOf(given), asked)).toMatchObject({
    code: 'callback_refused',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
});
