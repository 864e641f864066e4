import { expect, test } from 'vitest';
import { beliefsOf, changedBeliefs } from './believed.ts';
import type { Interface } from './definitions.ts';

const key = (kid: string, retired = false) => ({ kty: 'OKP' as const, crv: 'Ed25519' as const, kid, x: 'x', retired });
const sso = {
  mode: 'sso',
  issuer: 'https://login.example',
  client_id: 'us',
  scopes: ['openid'],
} as unknown as Interface['identity'];
const base: Pick<Interface, 'identity' | 'ownership'> = {
  identity: sso,
  ownership: { keys: [key('b'), key('a')], signer: { kid: 'a', command: ['sign', '--fast'] } },
};

test('says who says who somebody is, which keys count and what is started', () => {
  expect(beliefsOf(base)).toEqual([
    ['identity', 'sso'],
    ['issuer', 'https://login.example'],
    ['client', 'us'],
    ['ownership key', 'a x'],
    ['ownership key', 'b x'],
    ['signer', '["sign","--fast"] with a'],
  ]);
  expect(beliefsOf({ identity: { mode: 'os' }, ownership: undefined })).toEqual([['identity', 'os']]);
});

const changes: [string, typeof base][] = [
  ['issuer', { ...base, identity: { ...sso, issuer: 'https://other.example' } as Interface['identity'] }],
  ['client', { ...base, identity: { ...sso, client_id: 'them' } as Interface['identity'] }],
  ['mode', { ...base, identity: { mode: 'os' } }],
  [
    'workload',
    {
      ...base,
      identity: {
        ...sso,
        workloads: [{ issuer: 'https://ci.example', audience: 'a' }],
      } as unknown as Interface['identity'],
    },
  ],
  ['key added', { ...base, ownership: { keys: [key('a'), key('b'), key('c')], signer: base.ownership?.signer } }],
  ['key retired', { ...base, ownership: { keys: [key('a', true), key('b')], signer: base.ownership?.signer } }],
  ['signer', { ...base, ownership: { keys: [key('a'), key('b')], signer: { kid: 'a', command: ['sign'] } } }],
];

test.each(changes)('a change is seen: %s', (_what, changed) => {
  expect(JSON.stringify(beliefsOf(changed))).not.toBe(JSON.stringify(beliefsOf(base)));
  expect(changedBeliefs(beliefsOf(base), beliefsOf(changed)).length).toBeGreaterThan(0);
});

test('what is not believed is no change, and neither is the order of keys', () => {
  const same = { ...base, identity: { ...sso, scopes: ['openid', 'email'] } as Interface['identity'] };
  expect(beliefsOf(same)).toEqual(beliefsOf(base));
  expect(changedBeliefs(beliefsOf(same), beliefsOf(base))).toEqual([]);
});

test('whatever is a change has a line, and the order is none', () => {
  const [a, b] = [['ownership key', 'a x'] as const, ['ownership key', 'b x'] as const];
  expect(changedBeliefs([a], [a, a])).toEqual(['+ ownership key: a x']);
  expect(changedBeliefs([a, a, b], [b, a])).toEqual(['- ownership key: a x']);
  expect(changedBeliefs([['issuer', 'b: c']], [['issuer: b', 'c']])).toEqual(['- issuer: b: c', '+ issuer: b: c']);
  expect(changedBeliefs([a, b], [b, a])).toEqual([]);
});
