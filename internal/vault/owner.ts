/** The owner record: the metadata that ties a vault to a principal (P1). The platform has no owner field of its own. */
import { AppError } from '../errors/app-error.ts';
import { type Principal, principalKinds } from '../identity/principal.ts';

/** Metadata as the platform stores it: strings only. */
export type Metadata = Readonly<Record<string, string>>;

/** A vault as it is looked at. */
export interface VaultAnswer {
  id: string;
  display_name: string;
  metadata: Readonly<Record<string, string>>;
  created_at: string;
  archived_at: string | null;
}

/** The platform's limit for one metadata value. */
const longestValue = 512;

/** The owner record of a principal. Throws `ownership_unproven` when it cannot be written in full. */
export function ownerRecord(principal: Pick<Principal, 'kind' | 'issuer' | 'subject'>): Record<string, string> {
  const record = {
    mai_owner_kind: principal.kind,
    mai_owner_issuer: principal.issuer,
    mai_owner_subject: principal.subject,
  };
  if (Object.values(record).some((value) => value.length > longestValue)) {
    throw new AppError(
      'ownership_unproven',
      `issuer or subject is longer than the ${longestValue} characters that the platform stores`,
    );
  }
  return record;
}

/** Whether metadata names this principal: kind, issuer and subject, byte for byte. Similar is not the same (P1). */
export function isOwnedBy(metadata: Metadata, principal: Pick<Principal, 'kind' | 'issuer' | 'subject'>): boolean {
  return Object.entries(ownerRecord(principal)).every(([key, value]) => metadata[key] === value);
}

/** Where the signature of an owner record stands. */
export const signatureKey = 'mai_owner_signature';

/** The signature of an owner record, not judged yet. */
export function signatureOf(metadata: Metadata): string | undefined {
  return metadata[signatureKey];
}

/** The metadata by which the run that creates a vault knows it again. It proves nothing to anybody else. */
export function creationOf(mark: string): Record<string, string> {
  return { [creationKey]: mark };
}

/** Whether metadata has the mark of a creation. */
export function isMarked(metadata: Metadata, mark: string): boolean {
  return metadata[creationKey] === mark;
}

/** The mark of the creation that metadata has. */
export function creationMark(metadata: Metadata): string | undefined {
  return metadata[creationKey];
}

const creationKey = 'mai_owner_creation';

/** Whom metadata names, if it has a whole owner record. A claim, not a proof. */
export function ownerOf(metadata: Metadata): Pick<Principal, 'kind' | 'issuer' | 'subject'> | undefined {
  const { mai_owner_kind: kind, mai_owner_issuer: issuer, mai_owner_subject: subject } = metadata;
  const known = principalKinds.find((name) => name === kind);
  return known === undefined || !issuer || !subject ? undefined : { kind: known, issuer, subject };
}
