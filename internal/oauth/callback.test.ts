import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Peer } from '../outside/peer.ts';
import { type CallbackExpectation, type Judgement, judgeCallback, judgePasted } from './callback.ts';
import type { ReceivedRequest } from './navigation.ts';
import { newStart } from './start.ts';

const start = newStart(true);
const cookie = `${start.cookieName}=${start.cookie}`;
const own: Peer = { kind: 'own' };

const expected: CallbackExpectation = {
  authority: '127.0.0.1:5555',
  path: '/callback',
  state: 'the-right-state',
  issuer: 'https://as.example',
  issuerInResponse: false,
  start,
};

function judge(changes: Partial<ReceivedRequest>, expectation: Partial<CallbackExpectation> = {}): Judgement {
  const request = {
    method: 'GET',
    target: '/callback?code=c&state=the-right-state',
    peer: own,
    ...changes,
    headers: { host: '127.0.0.1:5555', cookie, ...changes.headers },
  };
  return judgeCallback(request, { ...expected, ...expectation });
}

test('a navigation with the right state and a code is the answer', () => {
  const judgement = judge({ headers: { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' } });
  expect(judgement.kind === 'answer' && judgement.parameters.get('code')).toBe('c');
  expect(judge({}).kind).toBe('answer');
  expect(judge({ headers: { origin: 'http://127.0.0.1:5555' } }).kind).toBe('answer');
});

describe('has no effect, whatever it carries,', () => {
  test.each(['evil.example:5555', '127.0.0.1', '127.0.0.1:5556', 'localhost:5555', '127.0.0.1:5555.evil.example', ''])(
    'a request for the host %j',
    (host) => expect(judge({ headers: { host } })).toEqual({ kind: 'ignored', status: 421 }),
  );

  test.each(['HEAD', 'POST', 'PUT', 'OPTIONS', 'get', undefined])('the method %s [b6]', (method) => {
    expect(judge({ method })).toEqual({ kind: 'ignored', status: 405 });
  });

  test.each([
    '/callback/',
    '//callback',
    '/callback%2f',
    '/%63allback',
    '/Callback',
    '/favicon.ico',
    '/',
    '',
    '/callback;x',
    '/callback#',
    'http://127.0.0.1:5555/callback',
    '/x/../callback',
  ])('the path %j [b5]', (path) => {
    expect(judge({ target: `${path}?code=c&state=the-right-state` })).toEqual({ kind: 'ignored', status: 404 });
  });

  test.each([
    { 'sec-fetch-dest': 'image' },
    { 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-mode': 'no-cors' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'https://127.0.0.1:5555' },
    { origin: 'http://127.0.0.1:5556' },
    { origin: 'http://127.0.0.1:5555/' },
  ])('a request that no navigation sends: %j [b8]', (headers) => {
    expect(judge({ headers })).toEqual({ kind: 'ignored', status: 403 });
  });

  test.each(['state', 'code', 'iss', 'error', 'error_description'])('a repeated %s [b9] [connecting]', (name) => {
    const query = new URLSearchParams({ code: 'c', state: 'the-right-state', iss: 'https://as.example' });
    query.append(name, 'the-right-state');
    query.append(name, 'the-right-state');
    expect(judge({ target: `/callback?${query}` })).toEqual({ kind: 'ignored', status: 400 });
  });
});

describe('the state is compared before anything else is looked at [b10] [A1.20]', () => {
  test.each([
    'code=c&state=wrong',
    'code=c&state=',
    'code=c',
    'code=c&state=THE-RIGHT-STATE',
    'code=c&state=the-right-state%20',
    'error=access_denied',
    'error=access_denied&state=wrong',
    'iss=https://evil.example&state=wrong&code=c',
    '',
  ])('%j is foreign [connecting]', (query) => {
    expect(judge({ target: `/callback?${query}` })).toEqual({ kind: 'foreign' });
  });

  test('a second question mark belongs to the query', () => {
    expect(judge({ target: '/callback?code=c&state=the-right-state?x' })).toEqual({ kind: 'foreign' });
  });
});

describe('the issuer of the answer (RFC 9207 section 2.4) [A1.14] [A2.2] [c1]', () => {
  const right = 'iss=https%3A%2F%2Fas.example';
  const wrong = 'iss=https%3A%2F%2Fas.example%2F';
  const good = 'code=c&state=the-right-state';
  const denied = 'error=access_denied&state=the-right-state';
  test.each([
    ['advertised and equal', true, `${good}&${right}`, 'answer'],
    ['advertised and different', true, `${good}&${wrong}`, 'refused'],
    ['advertised and absent', true, good, 'refused'],
    ['not advertised and equal', false, `${good}&${right}`, 'answer'],
    ['not advertised and different', false, `${good}&${wrong}`, 'refused'],
    ['not advertised and absent', false, good, 'answer'],
    ['empty', false, `${good}&iss=`, 'refused'],
    ['equal in an error', true, `${denied}&${right}`, 'denied'],
    ['different in an error', false, `${denied}&${wrong}`, 'refused'],
    ['absent in an error although advertised', true, denied, 'refused'],
    ['absent in an error', false, denied, 'denied'],
  ])('%s', (_case, issuerInResponse, query, kind) => {
    expect(judge({ target: `/callback?${query}` }, { issuerInResponse }).kind).toBe(kind);
  });

  test('a refusal repeats nothing of what another server said [connecting]', () => {
    const judgement = judge({ target: `/callback?error=PWNED&error_description=PWNED&state=the-right-state&${wrong}` });
    expect(JSON.stringify(judgement)).not.toContain('PWNED');
  });
});

test('an error beside a code is an error: the code is not taken', () => {
  const judgement = judge({ target: '/callback?code=c&state=the-right-state&error=server_error&error_description=x' });
  expect(judgement).toEqual({ kind: 'denied', error: 'server_error', description: 'x' });
});

test.each(['state=the-right-state', 'state=the-right-state&code='])(
  '%j carries nothing to go on with [b24]',
  (query) => {
    expect(judge({ target: `/callback?${query}` })).toMatchObject({ kind: 'refused', reason: expect.any(String) });
  },
);

describe('who knows the state and is not the browser that began', () => {
  test.each<[string, string | undefined]>([
    ['no cookie', undefined],
    ['another value', `${start.cookieName}=${start.cookie.slice(1)}A`],
    ['the cookie of another sign-in', `sign-in-other=${start.cookie}`],
    ['a name that only ends so', `x${cookie}`],
    ['two that claim to be it', `${cookie}; ${start.cookieName}=planted`],
  ])('brings %s: asked once more, and an intruder then, whatever else is right', (_what, brought) => {
    for (const query of ['code=c%26&state=the-right-state', 'error=access_denied&state=the-right-state']) {
      const target = `/callback/again?${query}`;
      expect(judge({ target: `/callback?${query}`, headers: { cookie: brought } })).toEqual({
        kind: 'once more',
        target,
      });
      expect(judge({ target, headers: { cookie: brought } })).toEqual({
        kind: 'intruder',
        who: { kind: 'another browser' },
      });
    }
  });

  test.each([
    ['/', '/again'],
    ['/cb/', '/cb/again'],
  ])('is asked below a redirect URI of the path %j', (path, below) => {
    const query = 'code=c&state=the-right-state';
    expect(judge({ target: `${path}?${query}`, headers: { cookie: undefined } }, { path })).toEqual({
      kind: 'once more',
      target: `${below}?${query}`,
    });
    expect(judge({ target: `${below}?${query}` }, { path }).kind).toBe('answer');
  });

  test('comes from another account, with the very cookie: an intruder', () => {
    expect(judge({ peer: { kind: 'other', uid: 1002 } })).toEqual({
      kind: 'intruder',
      who: { kind: 'another account', uid: 1002 },
    });
  });

  test.each<Peer>([{ kind: 'root' }, { kind: 'unknown' }])(
    'comes through a relay (%j): only where nobody could read the start',
    (peer) => {
      expect(judge({ peer })).toEqual({ kind: 'intruder', who: { kind: 'a relay' } });
      expect(judge({ peer }, { start: { ...start, isPublic: false } }).kind).toBe('answer');
      expect(judge({ peer: { kind: 'other', uid: 1 } }, { start: { ...start, isPublic: false } }).kind).toBe(
        'intruder',
      );
    },
  );

  test('cannot end a sign-in without the state', () => {
    expect(judge({ target: '/callback?code=c&state=wrong', headers: { cookie: undefined } })).toEqual({
      kind: 'foreign',
    });
  });
});

describe('a pasted address', () => {
  const good = 'http://127.0.0.1:5555/callback?code=c&state=the-right-state';
  const paste = (text: string, expectation: Partial<CallbackExpectation> = {}) =>
    judgePasted(text, { ...expected, ...expectation });

  test.each([
    good,
    good.replace('?', '/again?'),
    ` ${good}\t`,
    `${good}#`,
    `${good}#_=_`,
    `${good}&iss=https%3A%2F%2Fas.example`,
  ])('that is whole is judged as if the browser had brought it: %j', (text) => {
    const judgement = paste(text);
    expect(judgement.kind === 'answer' && judgement.parameters.get('code')).toBe('c');
  });

  test.each([
    'c',
    'code=c&state=the-right-state',
    '/callback?code=c&state=the-right-state',
    good.replace('http://', ''),
    good.replace('http:', 'https:'),
    good.replace('http:', 'HTTP:'),
    good.replace('127.0.0.1', 'localhost'),
    good.replace('127.0.0.1', 'user@127.0.0.1'),
    good.replace('127.0.0.1', '127.1'),
    good.replace('5555', '5556'),
    good.replace('/callback', '/callback/'),
    good.replace('/callback', '/x/../callback'),
    good.replace('/callback', '//callback'),
    good.replace('?', '#'),
    good.replace('&', ' &'),
    `${good} ${good}`,
    `${good}&state=the-right-state`,
    `${good}&code=d`,
    '',
  ])('that is none of this sign-in is not: %j [b17] [connecting]', (text) => {
    expect(paste(text).kind).toBeOneOf(['ignored', 'foreign']);
  });

  test.each(['code=c', 'code=c&state=', 'code=c&state=of-another-sign-in', 'error=access_denied'])(
    'without the right state is foreign: %j [b17] [connecting]',
    (query) => expect(paste(`http://127.0.0.1:5555/callback?${query}`)).toEqual({ kind: 'foreign' }),
  );

  test('of another issuer, or without the promised one, is refused', () => {
    expect(paste(`${good}&iss=https%3A%2F%2Fevil.example`).kind).toBe('refused');
    expect(paste(good, { issuerInResponse: true }).kind).toBe('refused');
  });
});

describe('of all requests that there may be', () => {
  /** Mostly right, so that every rule is reached; now and then anything. */
  const or = <Value>(right: Value, ...near: Value[]) =>
    fc.oneof({ weight: 6, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: fc.constantFrom(right, ...near) });
  const text = fc.string({ unit: 'grapheme', maxLength: 12 });
  const parameter = fc.oneof(
    fc.tuple(
      fc.constantFrom('code', 'state', 'iss', 'error', 'error_description', 'other'),
      fc.oneof(fc.constantFrom('the-right-state', 'https://as.example', 'https://as.example/', ''), text),
    ),
    fc.tuple(text, text),
  );
  const request = fc.record({
    host: fc.oneof(or<string | undefined>('127.0.0.1:5555', 'localhost:5555', undefined), text),
    method: fc.oneof(or<string | undefined>('GET', 'HEAD', 'POST', 'get', undefined), text),
    path: fc.oneof(
      or('/callback', '/callback/again', '/callback/', '//callback', '/%63allback', '/', '/callback#'),
      text,
    ),
    fetch: or<Record<string, string>>(
      {},
      { 'sec-fetch-dest': 'image' },
      { 'sec-fetch-mode': 'cors' },
      { origin: 'null' },
    ),
    good: fc.boolean(),
    named: or<string | undefined>('https://as.example', undefined, 'https://evil.example'),
    parameters: fc.array(parameter, { maxLength: 3 }),
    promised: fc.boolean(),
    brought: or<Record<string, string>>(
      { cookie },
      { cookie: `other=1; ${cookie}` },
      { cookie: `${cookie}; ${start.cookieName}=planted` },
      { cookie: `${start.cookieName}=` },
      {},
    ),
    peer: or<Peer>(own, { kind: 'other', uid: 1002 }, { kind: 'root' }, { kind: 'unknown' }),
  });

  test('only one that is right in every way is an answer, and a code is taken from nothing else [A1.14] [A1.20] [b10] [c1]', () => {
    let answers = 0;
    const judgeOne = fc.property(
      request,
      ({ host, method, path, fetch, good, named, parameters, promised, brought, peer }) => {
        const query = new URLSearchParams([
          ...(good
            ? [
                ['code', 'the-code'],
                ['state', 'the-right-state'],
              ]
            : []),
          ...(named === undefined ? [] : [['iss', named]]),
          ...parameters,
        ] as [string, string][]);
        const judgement = judgeCallback(
          {
            method,
            target: `${path}?${query}`,
            headers: { ...fetch, ...brought, ...(host === undefined ? {} : { host }) },
            peer,
          },
          { ...expected, issuerInResponse: promised },
        );
        if (judgement.kind !== 'answer') return;
        answers += 1;
        expect([host, method, fetch]).toEqual([expected.authority, 'GET', {}]);
        expect(path).toBeOneOf([expected.path, `${expected.path}/again`]);
        for (const name of ['state', 'code', 'iss', 'error', 'error_description'])
          expect(query.getAll(name).length, name).toBeLessThanOrEqual(1);
        expect(query.get('state')).toBe(expected.state);
        expect([expected.issuer, promised ? undefined : null]).toContain(query.get('iss'));
        expect([query.has('error'), judgement.parameters.get('code')]).toEqual([false, query.get('code')]);
        expect(query.get('code')).toBeTruthy();
        expect([peer, brought['cookie']?.replace('other=1; ', '')]).toEqual([own, cookie]);
      },
    );
    void fc.assert(judgeOne, { numRuns: 2_000 });
    // Else it would be true of nothing.
    expect(answers).toBeGreaterThan(20);
  });

  test('none before its state is proven right ends the sign-in [b10] [c13]', () => {
    const withoutState = fc.property(request, fc.array(parameter, { maxLength: 4 }), (seen, parameters) => {
      const query = new URLSearchParams(
        parameters.filter(([name, value]) => name !== 'state' || value !== expected.state),
      );
      const headers = { ...seen.fetch, ...(seen.host === undefined ? {} : { host: seen.host }) };
      const { kind } = judgeCallback(
        { method: seen.method, target: `${seen.path}?${query}`, headers, peer: seen.peer },
        expected,
      );
      expect(kind).toBeOneOf(['ignored', 'foreign']);
    });
    void fc.assert(withoutState, { numRuns: 1_000 });
  });
});
