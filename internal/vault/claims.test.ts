import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Claim, chooseVault, isOlder } from './claims.ts';
import type { VaultAnswer } from './owner.ts';

const vault = (id: string, created_at = '2026-11-22T08:00:00Z'): VaultAnswer => ({
  id,
  display_name: id,
  metadata: {},
  created_at,
  archived_at: null,
});

const signatures = fc.constantFrom<Claim['signature']>(
  { kind: 'valid', kid: 'a' },
  { kind: 'unneeded' },
  { kind: 'unsigned' },
  { kind: 'invalid', why: 'x' },
);

test('for any claims a vault is chosen only if exactly one is proven [P1]', () => {
  const anyClaims = fc
    .array(signatures, { maxLength: 6 })
    .map((list) => list.map((signature, index): Claim => ({ vault: vault(`vlt_${index}`), signature })));
  fc.assert(
    fc.property(anyClaims, (claims) => {
      const proven = claims.filter(({ signature }) => ['valid', 'unneeded'].includes(signature.kind));
      const choice = chooseVault(claims);
      if (claims.length === 0) expect(choice.kind).toBe('none');
      else if (proven.length === 0) expect(choice).toEqual({ kind: 'unproven', claims });
      else if (proven.length > 1) expect(choice.kind).toBe('ambiguous');
      else {
        expect(choice).toMatchObject({ kind: 'one', vault: proven[0]?.vault });
        expect(choice.kind === 'one' && choice.doubtful).toHaveLength(claims.length - 1);
      }
    }),
  );
});

test('of any two vaults exactly one is older, whatever their times and ids', () => {
  const anyVault = fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.string())
    .map(([second, id]) => vault(id, new Date(second * 1000).toISOString()));
  fc.assert(
    fc.property(anyVault, anyVault, (one, other) => {
      const same = one.id === other.id && one.created_at === other.created_at;
      expect([isOlder(one, other), isOlder(other, one)].filter(Boolean)).toHaveLength(same ? 0 : 1);
    }),
  );
});
