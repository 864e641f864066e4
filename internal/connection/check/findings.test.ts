import { describe, expect, test } from 'vitest';
import type { Service } from '../../config/definitions.ts';
import type { Connection } from '../credentials.ts';
import { type FindingLevel, type IssuerToday, judgeConnections, refuseAlarms, type VaultEvidence } from './findings.ts';

const now = new Date('2026-11-22T00:00:00Z');
const issuer = 'https://as.example';
const endpoint = 'https://as.example/token';

function serviceWith(authorization: object = {}): Service {
  return {
    name: 'notes',
    mcp_server_url: 'https://mcp.example/mcp',
    authorization: { issuers: [issuer], registration: 'dynamic', ...authorization },
  } as Service;
}

const record = { issuer, clientId: 'client', tokenEndpoint: endpoint, connectedAt: '2026-11-01T00:00:00Z' };

function connectionWith(changes: Partial<Connection> = {}): Connection {
  return {
    credentialId: 'vcrd_1',
    mcpServerUrl: 'https://mcp.example/mcp',
    kind: 'mcp_oauth',
    tokenEndpoint: endpoint,
    clientId: 'client',
    expiresAt: undefined,
    refreshable: true,
    refreshScope: undefined,
    createdAt: '2026-11-01T00:00:00Z',
    record,
    ...changes,
  };
}

const today: readonly [string, IssuerToday][] = [[issuer, { tokenEndpoint: endpoint }]];
const unreachable: IssuerToday = { unknown: 'no answer', impostor: false };

function judge(changes: Partial<VaultEvidence> = {}) {
  return judgeConnections({
    services: [serviceWith()],
    connections: [connectionWith()],
    verifiedEmail: 'ada@example.test',
    credentialCount: 1,
    issuers: new Map(today),
    now,
    ...changes,
  });
}

const one = (changes: Partial<Connection>) => ({ connections: [connectionWith(changes)] });
const evil = 'https://evil.example/token';

test('what is as it should be is not mentioned', () => {
  expect(judge()).toEqual([]);
  expect(judge({ connections: [], credentialCount: 0 })).toEqual([]);
});

test.each<[string, Partial<VaultEvidence>, FindingLevel[], string]>([
  [
    'renewed by a client whose secret is about to end',
    one({ record: { ...record, clientExpiresAt: new Date(now.getTime() + 86_400_000).toISOString() } }),
    ['warning'],
    'the secret of its client ends at',
  ],
  ['renewed elsewhere than recorded and published', one({ tokenEndpoint: evil }), ['alarm'], 'is what was stored'],
  [
    'renewed elsewhere than recorded, while the issuer is silent',
    { ...one({ tokenEndpoint: evil }), issuers: new Map([[issuer, unreachable]]) },
    ['alarm', 'warning'],
    'is what was stored',
  ],
  [
    'recorded elsewhere too, by whoever swapped it',
    one({ tokenEndpoint: evil, record: { ...record, tokenEndpoint: evil } }),
    ['alarm'],
    'today the service names',
  ],
  [
    'renewed elsewhere, and nothing recorded',
    one({ tokenEndpoint: evil, record: { ...record, tokenEndpoint: undefined } }),
    ['alarm'],
    'today the service names',
  ],
  [
    'an issuer that says it is somebody else',
    { issuers: new Map([[issuer, { unknown: 'claims to be another', impostor: true }]]) },
    ['alarm'],
    'claims to be another',
  ],
  ['an issuer that cannot be asked', { issuers: new Map([[issuer, unreachable]]) }, ['warning'], 'no answer'],
  ['another client than recorded', one({ clientId: 'other' }), ['warning'], 'as the client "other"'],
  [
    'another client than the catalogue’s',
    { services: [serviceWith({ registration: 'pre-registered', client_id: 'ours' })] },
    ['warning'],
    'the catalogue names "ours"',
  ],
  [
    'another client than the catalogue’s document',
    { services: [serviceWith({ registration: 'client-metadata', client_metadata_url: 'https://us.example/c' })] },
    ['warning'],
    'the catalogue names "https://us.example/c"',
  ],
  ['an old client', one({ createdAt: '2026-09-07T00:00:00Z' }), ['warning'], '76 days ago'],
  ['an incomplete record', one({ record: { ...record, issuer: undefined } }), ['warning'], 'its record lacks issuer:'],
  ['no record at all', one({ record: {} }), ['warning'], 'its record lacks issuer, client id, time of connecting:'],
  [
    'an issuer that the catalogue does not allow',
    one({ record: { ...record, issuer: 'https://old.example' } }),
    ['warning'],
    'its tokens are from "https://old.example"',
  ],
  [
    'expired, with nothing to renew it',
    one({ refreshable: false, tokenEndpoint: undefined, expiresAt: '2026-11-21T00:00:00Z' }),
    ['warning'],
    'it expired at',
  ],
  [
    'ending, with nothing to renew it',
    one({ refreshable: false, tokenEndpoint: undefined, expiresAt: '2026-11-23T00:00:00Z' }),
    ['note'],
    'it ends at',
  ],
  ['an address spelt differently', one({ mcpServerUrl: 'https://mcp.example/mcp/' }), ['note'], 'is spelt'],
  [
    'what nobody catalogued',
    one({ mcpServerUrl: 'https://other.example/mcp' }),
    ['warning'],
    'no service of the catalogue',
  ],
  ['what has no address', one({ mcpServerUrl: 'nowhere' }), ['warning'], 'no service of the catalogue'],
  [
    'two that differ by a final slash',
    {
      connections: [
        connectionWith(),
        connectionWith({ credentialId: 'vcrd_2', mcpServerUrl: 'https://mcp.example/mcp/' }),
      ],
    },
    ['warning', 'note'],
    '2 credentials have nearly the same address',
  ],
  [
    'two that differ by case',
    {
      connections: [
        connectionWith(),
        connectionWith({ credentialId: 'vcrd_2', mcpServerUrl: 'https://mcp.example/MCP' }),
      ],
    },
    ['warning', 'warning'],
    'no service of the catalogue has the address "https://mcp.example/MCP"',
  ],
  ['a vault that is nearly full', { credentialCount: 16 }, ['warning'], '16 of at most 20'],
])('%s', (_case, evidence, levels, what) => {
  const findings = judge(evidence);
  expect(findings.map(({ level }) => level)).toEqual(levels);
  expect(findings[0]?.what).toContain(what);
  for (const { next } of findings) expect(next).not.toBe('');
});

test.each<[string, Partial<VaultEvidence>]>([
  ['fifteen credentials', { credentialCount: 15 }],
  ['a client that is not old yet', one({ createdAt: '2026-09-08T00:00:00Z' })],
  [
    'an old client that did not register itself',
    {
      ...one({ createdAt: '2025-01-01T00:00:00Z' }),
      services: [serviceWith({ registration: 'pre-registered', client_id: 'client' })],
    },
  ],
  ['an issuer with or without its final slash', one({ record: { ...record, issuer: `${issuer}/` } })],
  [
    'the other name of an issuer that the catalogue has both of',
    {
      ...one({ record: { ...record, issuer: 'https://as.example/tenant' } }),
      services: [serviceWith({ metadata_issuers: { [issuer]: 'https://as.example/tenant' } })],
    },
  ],
  [
    'the token endpoint of one of two issuers',
    {
      services: [serviceWith({ issuers: ['https://old.example', issuer] })],
      issuers: new Map([...today, ['https://old.example', { tokenEndpoint: 'https://old.example/token' }]]),
    },
  ],
  ['a token that never ends', one({ refreshable: false, tokenEndpoint: undefined })],
])('is nothing to mention: %s', (_case, evidence) => expect(judge(evidence)).toEqual([]));

test('a token endpoint may be that of the issuer that did not answer', () => {
  const findings = judge({
    ...one({ tokenEndpoint: 'https://old.example/token', record: { ...record, tokenEndpoint: undefined } }),
    services: [serviceWith({ issuers: ['https://old.example', issuer] })],
    issuers: new Map([...today, ['https://old.example', unreachable]]),
  });
  expect(findings.map(({ level }) => level)).toEqual(['warning']);
});

test('a value that the record cut is not compared', () => {
  const long = `https://as.example/${'x'.repeat(600)}`;
  const cut = long.slice(0, 512);
  const findings = judge({
    ...one({ tokenEndpoint: long, clientId: long, record: { ...record, tokenEndpoint: cut, clientId: cut } }),
    issuers: new Map([[issuer, { tokenEndpoint: long }]]),
  });
  expect(findings).toEqual([]);
});

describe('alarms [connecting]', () => {
  test('end the command with everything that was found', () => {
    const findings = judge({ ...one({ tokenEndpoint: evil }), credentialCount: 17 });
    expect(() => refuseAlarms(findings)).toThrow(
      expect.objectContaining({
        code: 'connection_suspect',
        message: expect.stringMatching(/^[^\n]+\nalarm: notes "vcrd_1": its tokens [^\n]+\nwarning: 17 of [^\n]+$/),
        hint: expect.stringContaining('service-connection disconnect notes'),
      }),
    );
  });

  test('are needed for that', () => {
    expect(() => refuseAlarms(judge({ credentialCount: 17 }))).not.toThrow();
  });

  test('are harmless in a terminal', () => {
    const hostile = 'https://evil.example/\u001b[2J\n\u202e';
    for (const { what, next } of judge(one({ tokenEndpoint: hostile, clientId: hostile, mcpServerUrl: hostile }))) {
      expect(`${what}${next}`).toMatch(/^[\x20-\x7e]+$/);
    }
  });
});

test('a connection of another account than the file of its service wants is an alarm', () => {
  const services = [{ ...serviceWith(), account: { match: 'email' } } as Service];
  const found = judge({
    services,
    connections: [connectionWith({ record: { ...record, account: 'grace@example.test' } })],
  });
  expect(found.filter(({ level }) => level === 'alarm').map(({ what }) => what)).toEqual([
    'it is the account "grace@example.test", and the service\'s file wants another',
  ]);
  const own = connectionWith({ record: { ...record, account: 'ada@example.test' } });
  expect(judge({ services, connections: [own] }).filter(({ level }) => level === 'alarm')).toEqual([]);
});
