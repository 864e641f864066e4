/** What is shown of ownership keys, and of the owner records that they sign. */
import type { CommandResult } from '../../internal/cli/program.ts';
import type { OwnershipKey, SignedOwner, VerifiedOwners } from '../../internal/run/values/ownership.ts';
import { visible } from '../../internal/text/quote.ts';

/** A public key, as it is listed in ownership.keys. */
export function showKey(key: OwnershipKey): CommandResult {
  const { kty, crv, kid, x } = key;
  return { text: `- { kty: ${kty}, crv: ${crv}, kid: "${kid}", x: ${x} }`, json: key };
}

/** What became of the record of one vault. */
export function showSigned(signed: SignedOwner): CommandResult {
  const what = { signed: 'is signed now', unchanged: 'was signed already', 'would be signed': 'would be signed' };
  return {
    text: `${visible(signed.vault_id)} of ${visible(signed.owner.subject)} ${what[signed.change]}`,
    json: signed,
  };
}

/** Records that all count. */
export function showVerified(verified: VerifiedOwners): CommandResult {
  const rows = verified.vaults.map(({ vault_id: id, owner }, index) =>
    [id, owner.subject, owner.issuer, verified.beside.keys[index] ?? '-'].map(visible),
  );
  return {
    text:
      rows.length === 0 ? 'no vault has an owner record' : [{ heading: ['vault', 'subject', 'issuer', 'key'], rows }],
    json: verified,
  };
}
