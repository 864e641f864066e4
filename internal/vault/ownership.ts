/** What an operator does with owner records: make a key, see what every record is worth, sign one. */
import { exportJWK, generateKeyPair } from 'jose';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { VaultAnswer } from './owner.ts';
import { ownerOf } from './owner.ts';
import { judgeClaim, type Ownership, signVault } from './resolve.ts';
import type { SignatureVerdict } from './signature.ts';

/** A new key: the public part for `ownership.keys`, the private one for the keychain or a descriptor. */
export interface NewOwnershipKey {
  publicKey: { kty: 'OKP'; crv: 'Ed25519'; kid: string; x: string };
  /** A JWK as JSON. */
  privateKey: Secret;
}

/** Makes an Ed25519 key. */
export async function newOwnershipKey(kid: string): Promise<NewOwnershipKey> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { x = '', d = '' } = await exportJWK(pair.privateKey);
  const publicKey = { kty: 'OKP' as const, crv: 'Ed25519' as const, kid, x };
  return { publicKey, privateKey: new Secret(JSON.stringify({ ...publicKey, d })) };
}

/** An active vault with an owner record, and what its signature is worth. */
export interface JudgedVault {
  id: string;
  createdAt: string;
  owner: NonNullable<ReturnType<typeof ownerOf>>;
  signature: SignatureVerdict;
}

/** Every active vault that has an owner record, page by page. */
export async function* judgeVaults(platform: Platform, ownership: Ownership): AsyncGenerator<JudgedVault> {
  for await (const vault of platform.vaults.list()) {
    const judged = await judgeVault(vault, ownership);
    if (judged !== undefined) yield judged;
  }
}

/** A vault that is to be signed, with how much is in it. Throws `ownership_unproven` where there is nothing to sign. */
export async function readVaultToSign(
  platform: Platform,
  ownership: Ownership,
  id: string,
): Promise<JudgedVault & { vault: VaultAnswer; credentialCount: number }> {
  const vault = await unlessMissing('given', platform.vaults.retrieve(id));
  const judged = vault === undefined ? undefined : await judgeVault(vault, ownership);
  if (vault === undefined || judged === undefined) {
    throw new AppError('ownership_unproven', `${quote(id)} is not an active vault with an owner record`, {
      hint: 'list them: service-connection ownership verify',
    });
  }
  let credentialCount = 0;
  for await (const credential of platform.credentials.list(id)) if (isLive(credential)) credentialCount += 1;
  return { ...judged, vault, credentialCount };
}

/** Signs a vault that was read with {@link readVaultToSign} and that somebody has said yes to. */
export async function signJudgedVault(
  platform: Platform,
  ownership: Ownership,
  { vault, owner }: { vault: VaultAnswer; owner: JudgedVault['owner'] },
): Promise<void> {
  await signVault({ platform }, { ...owner, label: owner.subject }, vault, ownership);
}

async function judgeVault(vault: VaultAnswer, ownership: Ownership): Promise<JudgedVault | undefined> {
  const owner = ownerOf(vault.metadata);
  const claim = owner === undefined ? undefined : await judgeClaim(vault, owner, ownership);
  if (owner === undefined || claim === undefined || claim.signature.kind === 'unneeded') return undefined;
  return { id: vault.id, createdAt: vault.created_at, owner, signature: claim.signature };
}
