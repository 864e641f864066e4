import { describe, expect, test } from 'vitest';
import type { Service } from '../../config/definitions.ts';
import type { CapturedAnswer, CredentialTrial } from '../../platform/credentials.ts';
import type { Connection } from '../credentials.ts';
import type { Journal } from '../journal/journal.ts';
import { type ConnectionStatus, judgeStatus, missingScopes, requireWorking } from './status.ts';

const now = new Date('2026-11-22T00:00:00Z');

function serviceWith(authorization: object = {}, name = 'notes'): Service {
  const mcp_server_url = 'https://mcp.example/mcp';
  return { name, mcp_server_url, authorization: { registration: 'dynamic', ...authorization } } as Service;
}

function connectionWith(changes: Partial<Connection> = {}): Connection {
  return {
    credentialId: 'vcrd_1',
    mcpServerUrl: 'https://mcp.example/mcp',
    kind: 'mcp_oauth',
    tokenEndpoint: 'https://as.example/token',
    clientId: 'client',
    expiresAt: undefined,
    refreshable: true,
    refreshScope: undefined,
    createdAt: '2026-11-01T00:00:00Z',
    record: {},
    ...changes,
  };
}

function trialWith(changes: Partial<CredentialTrial> = {}): CredentialTrial {
  return { status: 'valid', validated_at: '2026-11-22T00:00:00Z', mcp_probe: null, refresh: null, ...changes };
}

const answer = (status_code: number, body = ''): CapturedAnswer => ({ status_code, body });
const refused = { method: 'initialize', http_response: answer(401) };
const renewing = (
  status: NonNullable<CredentialTrial['refresh']>['status'],
  http_response: CapturedAnswer | null = null,
): CredentialTrial => trialWith({ status: 'invalid', mcp_probe: refused, refresh: { status, http_response } });

function judge(changes: Partial<Parameters<typeof judgeStatus>[0]> = {}) {
  return judgeStatus({
    service: serviceWith(),
    connection: connectionWith(),
    verifiedEmail: 'ada@example.test',
    trial: trialWith(),
    now,
    ...changes,
  });
}

/** A run that was killed between archive and create. */
const lost: Journal = {
  version: 1,
  service: 'notes',
  mcpServerUrl: 'https://mcp.example/mcp',
  vaultId: 'vlt_1',
  at: '2026-11-21T00:00:00Z',
  next: 'store',
  grants: [],
  storing: { act: 'replace', attempt: 'attempt-1' },
};

describe('a connection is judged', () => {
  test.each<[string, Parameters<typeof judge>[0], ConnectionStatus, string | undefined]>([
    ['not there', { connection: undefined }, 'not-connected', 'run: service-connection notes'],
    [
      'lost while it was replaced',
      { connection: undefined, left: lost },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    [
      'begun and not stored',
      { connection: undefined, left: { ...lost, storing: undefined } },
      'not-connected',
      'run: service-connection notes',
    ],
    ['there, whatever a journal says', { left: lost }, 'connected', undefined],
    ['accepted', {}, 'connected', undefined],
    ['not tried', { trial: undefined }, 'unknown', 'try again later'],
    ['not answered for', { trial: 'the platform answered 500' }, 'unknown', 'try again later'],
    [
      'an entered token',
      { service: serviceWith({ static: true }), connection: connectionWith({ kind: 'static_bearer' }) },
      'unknown',
      'to be sure, enter it again: service-connection notes --token-stdin',
    ],
    [
      'an entered token of an account that was accepted by name',
      {
        service: serviceWith({ static: true }),
        connection: connectionWith({ kind: 'static_bearer', record: { accountAccepted: 'grace' } }),
      },
      'wrong-account',
      undefined,
    ],
    [
      'an entered token that its service does not allow',
      { connection: connectionWith({ kind: 'static_bearer' }) },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    [
      'expired without a refresh token, whatever else is said',
      { connection: connectionWith({ refreshable: false, expiresAt: '2026-11-21T00:00:00Z' }) },
      'expired',
      'run: service-connection notes',
    ],
    [
      'expired by the platform’s time, not by ours',
      {
        connection: connectionWith({ refreshable: false, expiresAt: '2026-11-23T00:00:00Z' }),
        trial: trialWith({ validated_at: '2026-11-24T00:00:00Z' }),
      },
      'expired',
      'run: service-connection notes',
    ],
    [
      'expired although the platform’s time is none',
      {
        connection: connectionWith({ refreshable: false, expiresAt: '2026-11-21T00:00:00Z' }),
        trial: trialWith({ validated_at: 'noon' }),
      },
      'expired',
      'run: service-connection notes',
    ],
    [
      'past its expiry, and renewed',
      { connection: connectionWith({ expiresAt: '2026-11-21T00:00:00Z' }) },
      'connected',
      undefined,
    ],
    [
      'no longer renewed',
      { trial: renewing('failed', answer(400, '{"error":"invalid_grant"}')) },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    [
      'of a client that the service has forgotten',
      { trial: renewing('failed', answer(401, '{"error": "invalid_client"}')) },
      'needs-reconnect',
      'run: service-connection notes --new-client',
    ],
    [
      'of a client of ours that the service refuses',
      {
        service: serviceWith({ registration: 'pre-registered' }),
        trial: renewing('failed', answer(401, '{"error":"invalid_client"}')),
      },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    [
      'with nothing to renew it',
      { trial: renewing('no_refresh_token') },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    ['renewed and refused again', { trial: renewing('succeeded') }, 'needs-reconnect', 'run: service-connection notes'],
    [
      'refused for another reason',
      { trial: trialWith({ status: 'invalid' }) },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    [
      'not to be renewed at the moment',
      { trial: renewing('connect_error') },
      'unknown',
      'try again later; if it stays, run: service-connection notes',
    ],
    [
      'at a token endpoint that stumbles',
      { trial: renewing('failed', answer(503)) },
      'unknown',
      'try again later; if it stays, run: service-connection notes',
    ],
    [
      'at a token endpoint that has enough',
      { trial: renewing('failed', answer(429)) },
      'unknown',
      'try again later; if it stays, run: service-connection notes',
    ],
    [
      'at a service that stumbles',
      { trial: trialWith({ status: 'unknown', mcp_probe: { method: 'tools/list', http_response: answer(500) } }) },
      'unknown',
      'try again later',
    ],
    [
      'of an account that was accepted by name',
      { connection: connectionWith({ record: { account: 'eve', accountAccepted: 'eve' } }) },
      'wrong-account',
      undefined,
    ],
    [
      'of such an account, no longer working',
      {
        connection: connectionWith({ record: { accountAccepted: 'eve' } }),
        trial: renewing('failed', answer(400)),
      },
      'needs-reconnect',
      'run: service-connection notes',
    ],
    [
      'with fewer scopes than wanted',
      { service: serviceWith({ scopes: { default: ['a', 'b'] } }), connection: connectionWith({ refreshScope: 'a' }) },
      'missing-scopes',
      'run: service-connection notes',
    ],
  ])('%s', (_case, evidence, status, next) => {
    const judged = judge(evidence);
    expect([judged.status, judged.next]).toEqual([status, next]);
    expect(judged.reason).not.toBe('');
  });

  test('with the reason in the platform’s answer, in which nothing moves a cursor', () => {
    const hostile = 'no\u001b[2J\nservice-connection: error: forged';
    for (const trial of [
      renewing('failed', answer(400, hostile)),
      trialWith({ status: 'unknown', mcp_probe: { method: hostile, http_response: answer(500, hostile) } }),
      trialWith({ status: 'unknown', mcp_probe: { method: hostile, http_response: null } }),
      trialWith({ status: 'invalid', mcp_probe: { method: 'x', http_response: answer('\u001b' as never, hostile) } }),
    ]) {
      expect(judge({ trial }).reason).toMatch(/^[\x20-\x7e]+$/);
    }
    expect(judge({ trial: renewing('failed', answer(400, '{"error":"invalid_grant"}')) }).reason).toBe(
      'the service does not renew the token: 400 "{\\"error\\":\\"invalid_grant\\"}"',
    );
  });
});

test.each([
  ['all granted', { default: ['a', 'b'] }, 'b a c', []],
  ['one is not', { default: ['a', 'b'] }, 'a', ['b']],
  ['the file names none', undefined, 'a', []],
  ['granted with commas, as one service does', { default: ['a', 'b'] }, 'a,b', []],
  ['nobody knows what was granted', { default: ['a'] }, undefined, []],
  ['only reading was wanted', { default: ['a', 'b', 'c'], read_only: ['a', 'b'] }, 'a b offline_access', []],
  ['not even all of reading', { default: ['a', 'b', 'c'], read_only: ['a', 'b'] }, 'a', ['b', 'c']],
  ['reading and a part of the rest', { default: ['a', 'b', 'c'], read_only: ['a'] }, 'a b', ['c']],
])('missing scopes: %s', (_case, scopes, granted, missing) => {
  const service = serviceWith(scopes && { scopes });
  for (const connection of [
    connectionWith({ refreshScope: granted }),
    connectionWith({ record: { scopes: granted } }),
  ]) {
    expect(missingScopes(service, connection)).toEqual(missing);
  }
});

test('a record of scopes that was cut proves nothing', () => {
  const service = serviceWith({ scopes: { default: ['a'] } });
  expect(missingScopes(service, connectionWith({ record: { scopes: 'x'.repeat(512) } }))).toEqual([]);
});

describe('the end of a check', () => {
  const state = (name: string, changes: Parameters<typeof judge>[0]) => ({
    service: serviceWith({}, name),
    ...judge({ service: serviceWith({}, name), ...changes }),
  });
  const works = state('a', {});
  const accepted = state('b', { connection: connectionWith({ record: { accountAccepted: 'eve' } }) });
  const unknown = state('c', { trial: undefined });
  const broken = state('d', { trial: renewing('no_refresh_token') });

  test('is good when everything works', () => {
    expect(() => requireWorking([])).not.toThrow();
    expect(() => requireWorking([works, accepted])).not.toThrow();
  });

  test('is that nobody knows, when nothing is worse', () => {
    expect(() => requireWorking([works, unknown])).toThrow(
      expect.objectContaining({ code: 'connection_unknown', hint: 'try again later' }),
    );
  });

  test('names what has to be connected again, and how', () => {
    expect(() => requireWorking([works, unknown, broken])).toThrow(
      expect.objectContaining({
        code: 'connection_needed',
        message: expect.stringMatching(/^not every connection works\nc: unknown: .*\nd: needs-reconnect: .*$/),
        hint: 'try again later; run: service-connection d',
      }),
    );
  });
});

describe('an account that the file of the service does not want', () => {
  const wanting = (match: string) => ({ ...serviceWith({ static: true }), account: { match } }) as Service;
  const of = (account: string | undefined, accountAccepted?: string) =>
    connectionWith({ record: { account, accountAccepted } });

  test.each<[string, string, Connection, string | undefined]>([
    ['another address', 'email', of('grace@example.test'), 'ada@example.test'],
    ['another domain', 'domain', of('ada@example.org'), 'ada@example.test'],
    ['an account that nobody knows', 'email', of(undefined), 'ada@example.test'],
    ['no verified address to compare with', 'email', of('ada@example.test'), undefined],
    [
      'another than the one that was accepted',
      'email',
      of('grace@example.test', 'linus@example.test'),
      'ada@example.test',
    ],
  ])('is wrong, tried or not, and fails check: %s', (_case, match, connection, verifiedEmail) => {
    for (const trial of [trialWith(), undefined]) {
      const judged = judge({ service: wanting(match), connection, verifiedEmail, trial });
      expect(judged).toMatchObject({ status: 'wrong-account', next: 'run: service-connection notes' });
      expect(() => requireWorking([{ ...judged, service: wanting(match) }])).toThrow('wrong-account');
    }
    const entered = { ...connection, kind: 'static_bearer' as const };
    expect(judge({ service: wanting(match), connection: entered, verifiedEmail }).status).toBe('wrong-account');
  });

  test.each<[string, string, Connection]>([
    ['their own, in capitals', 'email', of('ADA@example.test')],
    ['one of their domain', 'domain', of('team@example.test')],
    ['any, where the file wants none in particular', 'none', of('grace@example.test')],
  ])('is not wrong: %s', (_case, match, connection) => {
    expect(judge({ service: wanting(match), connection }).status).toBe('connected');
  });

  test('passes check where it was accepted by name', () => {
    const service = wanting('email');
    const judged = judge({ service, connection: of('grace@example.test', 'grace@example.test') });
    expect(judged).toMatchObject({ status: 'wrong-account', next: undefined });
    expect(() => requireWorking([{ ...judged, service }])).not.toThrow();
  });
});
