import { describe, expect, test } from 'vitest';
import type { Principal } from '../identity/principal.ts';
import { isOwnedBy, ownerRecord } from './owner.ts';

const ada: Principal = {
  kind: 'sso',
  issuer: 'https://idp.example',
  subject: 'user-7c1e0a5b',
  groups: ['support'],
  label: 'ada@example.test',
};

test('the record names kind, issuer and subject, and nothing that only labels', () => {
  expect(ownerRecord(ada)).toEqual({
    mai_owner_kind: 'sso',
    mai_owner_issuer: 'https://idp.example',
    mai_owner_subject: 'user-7c1e0a5b',
  });
});

test('a vault may carry further metadata', () => {
  expect(isOwnedBy({ ...ownerRecord(ada), team: 'support' }, ada)).toBe(true);
});

describe('similar is not the same (P1): [P1]', () => {
  test.each([
    { subject: 'USER-7C1E0A5B' },
    { subject: 'user-7c1e0a5b.' },
    { subject: 'user-7c1e0a5b ' },
    { subject: ' user-7c1e0a5b' },
    { subject: 'user-7с1e0a5b' },
    { subject: 'user-7c1e0a5b\u200b' },
    { subject: 'user-7c1e0a5' },
    { subject: '' },
    { issuer: 'https://idp.example/' },
    { issuer: 'https://IDP.example' },
    { issuer: 'https://idp.example.' },
    { issuer: 'http://idp.example' },
    { kind: 'os' as const },
    { kind: 'workload' as const },
  ])('%j', (change) => {
    expect(isOwnedBy(ownerRecord({ ...ada, ...change }), ada)).toBe(false);
    expect(isOwnedBy(ownerRecord(ada), { ...ada, ...change })).toBe(false);
  });

  test('composed and decomposed letters are different people [P1]', () => {
    const [composed, decomposed] = ['zo\u00eb', 'zoe\u0308'].map((subject) => ({ ...ada, subject }));
    expect(isOwnedBy(ownerRecord(composed ?? ada), decomposed ?? ada)).toBe(false);
  });

  test('the same e-mail address and name are different people [P1]', () => {
    expect(isOwnedBy(ownerRecord(ada), { ...ada, subject: 'user-2' })).toBe(false);
  });
});

test.each(['mai_owner_kind', 'mai_owner_issuer', 'mai_owner_subject'])(
  'a record without %s names nobody [P1]',
  (key) => {
    const { [key]: _, ...rest } = ownerRecord(ada);
    expect(isOwnedBy(rest, ada)).toBe(false);
    expect(isOwnedBy({}, ada)).toBe(false);
  },
);

test('a name that the platform cannot store in full owns nothing', () => {
  expect(() => ownerRecord({ ...ada, subject: 'x'.repeat(513) })).toThrow(
    expect.objectContaining({ code: 'ownership_unproven' }),
  );
  expect(ownerRecord({ ...ada, subject: 'x'.repeat(512) })).toBeDefined();
});
