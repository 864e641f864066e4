/** The signature over what was meant by a session: the digest in its metadata is then more than anybody's claim. */
import {
  judgeDetached,
  type OwnershipKeys,
  type SignatureVerdict,
  type Signer,
  signDetached,
} from '../vault/signature.ts';

const type = 'mai-session+jws';

/** Signs a digest with an ownership key. About 200 characters. */
export async function signSession(digest: string, workspaceId: string, signer: Signer): Promise<string> {
  return await signDetached(type, contentOf(digest, workspaceId), signer);
}

/** What the signature over a digest is worth. Never throws. */
export async function judgeSessionSignature(
  signature: string | undefined,
  digest: string,
  keys: OwnershipKeys,
): Promise<SignatureVerdict> {
  const content = contentOf(digest, keys.workspaceId);
  return await judgeDetached(signature, { type, content, what: 'session and workspace' }, keys);
}

function contentOf(digest: string, workspaceId: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify([workspaceId, digest]));
}
