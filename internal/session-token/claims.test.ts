import { describe, expect, test } from 'vitest';
import { readSessionClaims } from '../verify/claims.ts';
import { claimsOf, type Making, permittedAt } from './claims.ts';
import { parseIdentity, type SessionIdentity } from './identity.ts';

const identity: SessionIdentity & { sessionId: string; txn: string } = {
  attempt: 'a1',
  vaultId: 'vlt_identity',
  sessionId: 'sesn_1',
  txn: 'a1',
  person: {
    kind: 'sso',
    issuer: 'https://idp.example',
    subject: 'ada',
    label: 'Ada',
    groups: [],
    verifiedEmail: 'ada@example.com',
  },
  personVaultId: 'vlt_1',
  agent: { id: 'agent_1', name: 'support', version: 3 },
  tools: [],
  task: 'look up tickets',
  index: 5,
  servers: [],
  at: '2026-11-30T00:00:00.000Z',
};
const making: Making = {
  issuer: 'https://identity.example/sessions',
  tenant: 'wrkspc_1',
  audience: 'https://tickets.example/mcp',
  service: 'tickets',
  policy: 'p',
  tools: [
    { service: 'tickets', tool: 'b', verdict: 'on' },
    { service: 'tickets', tool: 'a', verdict: 'on' },
    { service: 'tickets', tool: 'c', verdict: 'ask' },
    { service: 'tickets', tool: 'd', verdict: 'off' },
    { service: 'notion', tool: 'e', verdict: 'on' },
  ],
  tell: [],
  now: 1_000,
  lifetimeSeconds: 600,
  jti: 'j',
};

describe('what a token says', () => {
  test('is of exactly one server, without the address and the task of anybody unless that is wanted', () => {
    const claims = claimsOf(identity, making);
    expect(claims).toMatchObject({
      sub: 'sso:https://idp.example#ada',
      aud: ['https://tickets.example/mcp'],
      may: { on: ['a', 'b'], auto: [], ask: ['c'] },
      status: { status_list: { idx: 5, uri: 'https://identity.example/sessions/status' } },
      iat: 1_000,
      exp: 1_600,
      depth: 0,
    });
    expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['email']));
    expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['task']));
    expect(claimsOf(identity, { ...making, tell: ['email', 'task'] })).toMatchObject({
      email: 'ada@example.com',
      task: 'look up tickets',
    });
    expect(readSessionClaims({ ...claims })).toEqual(claims);
  });

  test('names the sessions before it', () => {
    const parent = {
      sid: 'sesn_0',
      rootSid: 'sesn_r',
      depth: 1,
      act: { sub: 'a0', name: 'x', version: 1, act: { sub: 'ar', name: 'y', version: 2 } },
    };
    expect(claimsOf({ ...identity, parent }, making)).toMatchObject({
      root_sid: 'sesn_r',
      parent_sid: 'sesn_0',
      depth: 2,
      act: { sub: 'agent_1', act: { sub: 'a0', act: { sub: 'ar' } } },
    });
  });

  test.each([
    ['a longer life', { lifetimeSeconds: 601 }],
    [
      'more tools than a server reads',
      {
        tools: Array.from({ length: 513 }, (_, index) => ({
          service: 'tickets',
          tool: `t${index}`,
          verdict: 'on' as const,
        })),
      },
    ],
    ['a text that is too long', { tenant: 'x'.repeat(3000) }],
  ])('is nothing that no server takes: %s', (_what, more) => {
    expect(() => claimsOf(identity, { ...making, ...more })).toThrow(expect.objectContaining({ code: 'token_key' }));
  });

  test('is off for every tool that is not named', () => {
    expect(permittedAt('other', making.tools)).toEqual({ on: [], auto: [], ask: [] });
  });
});

test('what is kept is read as it was written, and what is something else is none', () => {
  const text = JSON.stringify({ version: 1, ...identity });
  expect(parseIdentity(text)).toEqual(identity);
  for (const wrong of [
    { person: { ...identity.person, kind: 'root' } },
    { index: '5' },
    { servers: [{ service: 'x' }] },
    { tools: [{ service: 'x', tool: 1, verdict: 'on' }] },
    { version: 2 },
    { agent: {} },
  ]) {
    expect(parseIdentity(JSON.stringify({ version: 1, ...identity, ...wrong }))).toBeUndefined();
  }
});
