/** Vaults that claim to be one person's, and which of them is (P1). Pure. */
import type { VaultAnswer } from './owner.ts';
import type { SignatureVerdict } from './signature.ts';
import { isOffboarded } from './tombstone.ts';

/** An active vault whose record names the person, and what its signature is worth. */
export interface Claim {
  vault: VaultAnswer;
  /** `unneeded` where the configuration names no ownership keys: then the record alone decides. */
  signature: SignatureVerdict | { kind: 'unneeded' };
}

/** `unproven`: there are claims and no proof, so nothing is chosen and nothing is created beside them. */
export type Choice =
  | { kind: 'none' }
  | { kind: 'one'; vault: VaultAnswer; doubtful: readonly Claim[] }
  | { kind: 'ambiguous'; vaults: readonly VaultAnswer[] }
  | { kind: 'offboarded'; vault: VaultAnswer }
  | { kind: 'unproven'; claims: readonly Claim[] };

/** Chooses a vault only if exactly one is proven to be the person's, and none of those says that they were off-boarded. */
export function chooseVault(claims: readonly Claim[]): Choice {
  if (claims.length === 0) return { kind: 'none' };
  const proven = claims.filter(isProven);
  const [first, ...others] = proven;
  if (first === undefined) return { kind: 'unproven', claims };
  const marked = proven.find(({ vault }) => isOffboarded(vault.metadata));
  if (marked !== undefined) return { kind: 'offboarded', vault: marked.vault };
  if (others.length > 0) return { kind: 'ambiguous', vaults: proven.map(({ vault }) => vault) };
  return { kind: 'one', vault: first.vault, doubtful: claims.filter((claim) => claim !== first) };
}

/**
 * Whether an older mark of an off-boarding counts no more: an active vault is proven, and none that is has the mark. So it is of
 * somebody who was let in again, since the platform keeps what was archived as it was.
 */
export function isLetIn(claims: readonly Claim[]): boolean {
  const proven = claims.filter(isProven);
  return proven.length > 0 && proven.every(({ vault }) => !isOffboarded(vault.metadata));
}

/** Whether nothing speaks against a claim. */
export function isProven({ signature }: Claim): boolean {
  return signature.kind === 'valid' || signature.kind === 'unneeded';
}

/** Whether one vault was made before another; of two made in the same instant the smaller id counts as older. */
export function isOlder(vault: VaultAnswer, other: VaultAnswer): boolean {
  const [a, b] = [Date.parse(vault.created_at), Date.parse(other.created_at)];
  // Where a time was not said there is none to tell them apart by.
  return a < b || (!(a > b) && vault.id < other.id);
}
