/**
 * The mark of an off-boarding: metadata of a vault that names the person, written before anything else is done and kept
 * by the platform when the vault is archived. Every machine of the workspace finds it there, so it needs no other place.
 *
 * It only ever refuses, so it counts unsigned too: whoever can write it could archive the vault as well. Its signature,
 * where ownership keys are configured, is evidence of who wrote it.
 */
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { quote } from '../text/quote.ts';
import type { Metadata, VaultAnswer } from './owner.ts';
import type { Offboarding, OwnershipKeys, SignatureVerdict } from './signature.ts';

const keys = { at: 'mai_offboarded', by: 'mai_offboarded_by', signature: 'mai_offboarded_signature' };

/** The platform's limit for one metadata value. */
const longestValue = 512;

/** Whether a vault says that its person was off-boarded, whatever else it says. */
export function isOffboarded(metadata: Metadata): boolean {
  return metadata[keys.at] !== undefined;
}

/** When and by whom; undefined where the metadata has no such mark. */
export function offboardingOf(metadata: Metadata): Offboarding | undefined {
  const at = metadata[keys.at];
  return at === undefined ? undefined : { at, by: metadata[keys.by] ?? '' };
}

/** The mark, as an operator makes it. */
export function newOffboarding(operator: Pick<Principal, 'subject'>, now: Date): Offboarding {
  return { at: now.toISOString(), by: operator.subject.slice(0, longestValue) };
}

/** The mark as metadata, without a signature. */
export function offboardingRecord({ at, by }: Offboarding): Record<string, string> {
  return { [keys.at]: at, [keys.by]: by };
}

/** The signature of a mark as metadata. */
export function offboardingSignatureRecord(signature: string): Record<string, string> {
  return { [keys.signature]: signature };
}

/** What takes a mark away: null deletes a value. */
export const withoutOffboarding: Readonly<Record<string, null>> = Object.fromEntries(
  Object.values(keys).map((key) => [key, null]),
);

/** What the signature of a mark is worth. */
export async function judgeOffboarding(
  vault: VaultAnswer,
  owner: Pick<Principal, 'kind' | 'issuer' | 'subject'>,
  ownership: OwnershipKeys | undefined,
): Promise<SignatureVerdict | { kind: 'unneeded' }> {
  const offboarded = offboardingOf(vault.metadata);
  if (ownership === undefined) return { kind: 'unneeded' };
  if (offboarded === undefined) return { kind: 'unsigned' };
  const { judgeSignature } = await import('./signature.ts');
  const facts = { vaultId: vault.id, createdAt: vault.created_at, owner, offboarded };
  return await judgeSignature(vault.metadata[keys.signature], facts, ownership);
}

/** The refusal of somebody who was off-boarded, with the evidence. */
export async function offboardedError(
  vault: VaultAnswer,
  principal: Pick<Principal, 'kind' | 'issuer' | 'subject' | 'label'>,
  ownership: OwnershipKeys | undefined,
): Promise<AppError> {
  const { at, by } = offboardingOf(vault.metadata) ?? { at: '', by: '' };
  const verdict = await judgeOffboarding(vault, principal, ownership);
  return new AppError(
    'offboarded',
    `${quote(principal.label)} was off-boarded at ${quote(at)} by ${quote(by)}, says the vault ${quote(vault.id)}${evidence(verdict)}`,
  );
}

function evidence(verdict: SignatureVerdict | { kind: 'unneeded' }): string {
  if (verdict.kind === 'unneeded') return '';
  if (verdict.kind === 'valid') return ` (signed with ${quote(verdict.kid)})`;
  if (verdict.kind === 'unsigned') return ' (not signed: anybody with the workspace key can have written it)';
  return ` (its signature does not count: ${verdict.why})`;
}
