import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concealed, Secret } from '../secret/secret.ts';
import { type KeptSignIn, parseKept, printKept } from './kept-sign-in.ts';

const revealed = (kept: KeptSignIn | undefined) =>
  kept && { ...kept, idToken: kept.idToken.reveal(), refreshToken: kept.refreshToken?.reveal() };

test('what is kept comes back as it was, and is a secret from the start', () => {
  // What tokens are made of (RFC 6749 appendix A).
  const text = fc.string({ minLength: 8, maxLength: 200, unit: 'grapheme-ascii' });
  const sign = fc.record({
    idToken: text,
    nonce: fc.option(text, { nil: undefined }),
    refreshed: fc.boolean(),
    scopes: fc.option(fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 5 }), { nil: undefined }),
    refreshToken: fc.option(text, { nil: undefined }),
  });
  fc.assert(
    fc.property(sign, (kept) => {
      const { idToken, refreshToken } = kept;
      const secrets = { idToken: new Secret(idToken), refreshToken: refreshToken && new Secret(refreshToken) };
      const printed = printKept({ ...kept, ...secrets } as KeptSignIn);
      expect(revealed(parseKept(printed))).toEqual(kept);
      expect(concealed(`kept: ${printed.reveal()}`)).not.toContain(JSON.stringify(idToken));
    }),
  );
});

test('anything else is nobody', () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => parseKept(new Secret(text)) === undefined));
});

const whole = { version: 1, id_token: 'a.b.c', nonce: 'n', refreshed: false, refresh_token: 'r', scopes: ['openid'] };

test.each<[string, object]>([
  ['of another version', { version: 2 }],
  ['without an ID token', { id_token: undefined }],
  ['with an empty ID token', { id_token: '' }],
  ['with an ID token that is no text', { id_token: ['a.b.c'] }],
  ['with an ID token beyond all measure', { id_token: 'x'.repeat(64 * 1024) }],
  ['with a nonce that is no text', { nonce: 7 }],
  ['that does not say whether it was refreshed', { refreshed: 'no' }],
  ['with scopes that are no list', { scopes: 'openid' }],
  ['with a scope that is no text', { scopes: [7] }],
  ['with a refresh token that is no text', { refresh_token: {} }],
  ['with a refresh token beyond all measure', { refresh_token: 'x'.repeat(17 * 1024) }],
])('a sign-in %s is nobody', (_case, change) => {
  expect(parseKept(new Secret(JSON.stringify(whole)))).toBeDefined();
  expect(parseKept(new Secret(JSON.stringify({ ...whole, ...change })))).toBeUndefined();
});
