/**
 * What the platform sends by itself (Standard Webhooks): who brings it shows by a signature that it is of the platform, and of now.
 * The official client judges that; what it says is read here, once.
 */
import { Webhooks } from '@anthropic-ai/sdk/resources/beta/webhooks';
import { AppError } from '../errors/app-error.ts';
import { conceal, type Secret } from '../secret/secret.ts';
import { isRecord } from '../text/record.ts';

/** What happened to one thing, as the platform tells it. Events come in any order, late, twice or not at all. */
export interface PlatformEvent {
  /** Such as `vault_credential.archived`. */
  type: string;
  /** What it is about. */
  about: string;
  /** Of a credential: the vault that it is in. */
  vault: string | undefined;
  /** Undefined where it does not say. */
  workspace: string | undefined;
  happened: Date;
}

/** One delivery. */
export interface Delivery {
  id: string;
  /** When it was sent, in seconds since 1970: another attempt has another one. */
  sentAt: number;
  /** Undefined for what this version cannot read. */
  event: PlatformEvent | undefined;
}

/** A key as the platform shows it: 24 bytes or more. */
const keyText = /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/;

/** The keys in a text, separated by spaces: for the time in which one takes the place of another. Throws `usage`. */
export function signingKeysIn(text: string): string[] {
  const keys = text.split(/[\s,]+/).filter((each) => each !== '');
  for (const key of keys) conceal(key);
  if (keys.length > 0 && keys.every((key) => keyText.test(key))) return keys;
  throw new AppError('usage', 'ANTHROPIC_WEBHOOK_SIGNING_KEY holds something that is no signing key', {
    hint: 'it begins with whsec_; several are separated by spaces',
  });
}

/** Reads what was sent. Throws `identity_refused` for what is not of the platform, or was sent more than five minutes ago. */
export function readDelivery(
  body: string,
  headers: Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>,
  keys: readonly Secret[],
): Delivery {
  const value = keys.map((key) => unwrapped(body, headers, key)).find((each) => each !== undefined);
  if (value === undefined) {
    throw new AppError('identity_refused', 'the platform has not signed this, or not now', {
      hint: 'compare the signing key of the endpoint with ANTHROPIC_WEBHOOK_SIGNING_KEY, and the clock with the time',
    });
  }
  return {
    id: headers['webhook-id'],
    sentAt: Number.parseInt(headers['webhook-timestamp'], 10),
    event: eventIn(value.of),
  };
}

/** What was signed with this key; undefined where it was not. */
function unwrapped(body: string, headers: Record<string, string>, key: Secret): { of: unknown } | undefined {
  // It is part of what is signed, and a point would let it be parted in another way.
  if (!/^[\w-]{1,255}$/.test(headers['webhook-id'] ?? '') || !/^\d{1,12}$/.test(headers['webhook-timestamp'] ?? '')) {
    return undefined;
  }
  try {
    // Without a client: it asks nobody.
    return { of: new Webhooks(undefined as never).unwrap(body, { headers, key: key.reveal() }) };
  } catch (error) {
    // Signed, and no JSON: nothing that this version can read.
    return error instanceof SyntaxError ? { of: undefined } : undefined;
  }
}

function eventIn(value: unknown): PlatformEvent | undefined {
  if (!isRecord(value) || !isRecord(value['data'])) return undefined;
  const { type, id, vault_id: vault, workspace_id: workspace } = value['data'];
  const happened = new Date(String(value['created_at']));
  if (!isText(type) || !isText(id) || Number.isNaN(happened.getTime())) return undefined;
  return {
    type,
    about: id,
    vault: isText(vault) ? vault : undefined,
    workspace: isText(workspace) ? workspace : undefined,
    happened,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 255;
}
