/**
 * The signature that makes an owner record more than a claim: anybody with the workspace key can write metadata, only
 * who holds an ownership key can sign it. A JWS with Ed25519 (RFC 8037) and detached content (RFC 7515 appendix F)
 * over workspace, vault, principal and creation time, so that a record moved to another vault does not verify.
 */
import { type CompactJWSHeaderParameters, CompactSign, compactVerify, importJWK, type JWK } from 'jose';
import type { Principal } from '../identity/principal.ts';

/** A public key of the configuration. */
export interface OwnershipKey {
  kid: string;
  /** The public key, base64url. */
  x: string;
  /** What it has signed counts no more; it is kept so that a refusal can name it. */
  retired: boolean;
}

/** Whose signatures count, and in which workspace. */
export interface OwnershipKeys {
  workspaceId: string;
  keys: readonly OwnershipKey[];
}

/** What a signature is over. */
export interface SignedFacts {
  vaultId: string;
  /** As the platform gives it; compared as an instant. */
  createdAt: string;
  owner: Pick<Principal, 'kind' | 'issuer' | 'subject'>;
  /** Makes it the signature of an off-boarding instead. */
  offboarded?: Offboarding;
}

/** When somebody was off-boarded, RFC 3339, and by whom: the subject of the operator. */
export interface Offboarding {
  at: string;
  by: string;
}

/** What a signature is worth. `why` names no part of the signature, which is text from outside. */
export type SignatureVerdict =
  | { kind: 'valid'; kid: string }
  | { kind: 'unsigned' }
  | { kind: 'invalid'; why: string; kid?: string };

/** Signs with one private key: takes header and content, gives the compact JWS. */
export interface Signer {
  kid: string;
  sign(header: CompactJWSHeaderParameters, content: Uint8Array): Promise<string>;
}

const algorithm = 'EdDSA';
/** Keeps a signature that the same key made for something else from counting here. */
const types = { owner: 'mai-owner+jws', offboarding: 'mai-offboarding+jws' };

/** Signs an owner record, or an off-boarding. The result goes into the vault's metadata, and is about 200 characters long. */
export async function signOwnership(facts: SignedFacts, workspaceId: string, signer: Signer): Promise<string> {
  return await signDetached(typeOf(facts), contentOf(facts, workspaceId), signer);
}

/** Signs bytes that are not in the result. The type keeps the signature from counting for anything else. */
export async function signDetached(type: string, content: Uint8Array, signer: Signer): Promise<string> {
  const jws = await signer.sign({ alg: algorithm, kid: signer.kid, typ: type }, content);
  const [header, , signature] = jws.split('.');
  return `${header}..${signature}`;
}

/** A signer for a private key that is in memory. Of another algorithm than owner records are signed with where that is said. */
export function signerOf(privateKey: JWK & { kid: string }, algorithm: 'EdDSA' | 'ES256' = 'EdDSA'): Signer {
  return {
    kid: privateKey.kid,
    async sign(header, content) {
      const key = await importJWK(privateKey, algorithm);
      return await new CompactSign(content).setProtectedHeader(header).sign(key);
    },
  };
}

/** Judges the signature of a record that names a principal. Never throws: whatever is no good signature is `invalid`. */
export async function judgeSignature(
  signature: string | undefined,
  facts: SignedFacts,
  keys: OwnershipKeys,
): Promise<SignatureVerdict> {
  const what = 'vault, person and workspace';
  return await judgeDetached(
    signature,
    { type: typeOf(facts), content: contentOf(facts, keys.workspaceId), what },
    keys,
  );
}

/** Judges a signature over bytes that are not in it; `what` names them for people. Never throws. */
export async function judgeDetached(
  signature: string | undefined,
  { type, content: signed, what }: { type: string; content: Uint8Array; what: string },
  { keys }: OwnershipKeys,
): Promise<SignatureVerdict> {
  if (signature === undefined || signature === '') return { kind: 'unsigned' };
  const [header = '', content, mark, ...rest] = signature.split('.');
  if (content !== '' || mark === undefined || rest.length > 0) return { kind: 'invalid', why: 'it is not a signature' };
  let signer: OwnershipKey | undefined;
  try {
    const whole = `${header}.${Buffer.from(signed).toString('base64url')}.${mark}`;
    const { protectedHeader } = await compactVerify(
      whole,
      async ({ kid }) => {
        signer = keys.find((key) => key.kid === kid);
        if (signer === undefined) throw new UnknownKey();
        return await importJWK({ kty: 'OKP', crv: 'Ed25519', x: signer.x }, algorithm);
      },
      { algorithms: [algorithm] },
    );
    if (protectedHeader['typ'] !== type) return { kind: 'invalid', why: 'it was made for something else' };
  } catch (error) {
    if (error instanceof UnknownKey) return { kind: 'invalid', why: 'no key of the configuration made it' };
    return {
      kind: 'invalid',
      why: `it does not fit this ${what}`,
      ...(signer === undefined ? {} : { kid: signer.kid }),
    };
  }
  if (signer === undefined) return { kind: 'invalid', why: 'it names no key' };
  if (signer.retired) return { kind: 'invalid', why: 'the key that made it is retired', kid: signer.kid };
  return { kind: 'valid', kid: signer.kid };
}

class UnknownKey extends Error {}

function typeOf({ offboarded }: SignedFacts): string {
  return offboarded === undefined ? types.owner : types.offboarding;
}

/** JSON of a list keeps the parts apart whatever they contain. */
function contentOf({ vaultId, createdAt, owner, offboarded }: SignedFacts, workspaceId: string): Uint8Array {
  const instant = new Date(createdAt).toISOString();
  const more = offboarded === undefined ? [] : [offboarded.at, offboarded.by];
  return new TextEncoder().encode(
    JSON.stringify([workspaceId, vaultId, owner.kind, owner.issuer, owner.subject, instant, ...more]),
  );
}
