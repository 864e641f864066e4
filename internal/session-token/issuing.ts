/** Signs tokens and status lists, and publishes what verifies them. */
import { randomUUID } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import type { Interface } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import { Secret } from '../secret/secret.ts';
import type { KeptText } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import type { Signer } from '../vault/signature.ts';
import { type SessionClaims, sessionTokenType } from '../verify/claims.ts';
import { claimsOf, statusListAt } from './claims.ts';
import type { Identities, ServedBy, SessionIdentity } from './identity.ts';
import {
  formatPlaces,
  isTakenBack,
  isUnpublished,
  keepPlace,
  readPlaces,
  type StatusPlaces,
  statusListClaims,
  TakenBack,
  takeBack,
  takePlace,
} from './status-list.ts';

/** What issuing needs of a run. */
export interface TokenIssuer {
  platform: Platform;
  settings: NonNullable<Interface['session_tokens']>;
  /** The workspace. */
  tenant: string;
  /** Digest of the configuration. */
  policy: string;
  identities: Identities;
  /** The places of the status list. */
  places: KeptText;
  /** The signer of now. Throws `token_key` where this run has none. */
  signer(): Promise<Signer>;
  /** Writes the list beside the keys, where a static host has them from. */
  publish(statusList: string): Promise<void>;
  warn(text: string): void;
  signal: AbortSignal;
}

/** A list is signed again when it is so old, in seconds, whether anything changed or not: a quarter of its time. */
const listAgeSeconds = 900;
/** How long another run is waited for that changes the list: it reads, signs and writes. */
const holdMs = 20_000;
/** What verifiers take; longer ones do not fit into the header of a request. */
const longestToken = 12 * 1024;

/** The lifetime of a token, in seconds. */
export function lifetimeOf({ lifetime }: TokenIssuer['settings']): number {
  return Number(lifetime.slice(0, -1)) * 60;
}

export function seconds(): number {
  return Math.floor(clock.now().getTime() / 1000);
}

/** Takes a place for a session that is about to begin, and has a list out that says that it counts. */
export async function reservePlace(issuer: TokenIssuer): Promise<number> {
  const signer = await issuer.signer();
  return await changing(issuer, async (places) => {
    const now = seconds();
    const inUse = new Set((await issuer.identities.all()).flatMap(({ identity }) => identity?.index ?? []));
    const index = takePlace(places, now, now + 2 * lifetimeOf(issuer.settings), inUse);
    await issuer.places.write(formatPlaces(places));
    await publishWhereOld(issuer, signer, places);
    return index;
  });
}

/** Has a list out that counts for a while: signs it again where the last one is old. Throws `token_key`. */
export async function refreshList(issuer: TokenIssuer): Promise<void> {
  const signer = await issuer.signer();
  await changing(issuer, (places) => publishWhereOld(issuer, signer, places));
}

/** Whether a run has taken something back and could not publish that. Throws `file_system`. */
export async function owesList({ places }: Pick<TokenIssuer, 'places'>): Promise<boolean> {
  return isUnpublished(await readPlaces(places));
}

/** The list as it is now, signed and published nowhere: for verifying here what names a place of it. */
export async function signedList(issuer: Pick<TokenIssuer, 'places' | 'settings'>, signer: Signer): Promise<string> {
  return await signList(issuer, signer, await readPlaces(issuer.places));
}

/**
 * Takes back what names these places, and publishes that. Where this run has no key, it is kept, said, and published by the next
 * run that has one. False where all of it was done before.
 */
export async function takeBackPlaces(issuer: TokenIssuer, indexes: readonly number[], label: string): Promise<boolean> {
  return await changing(issuer, async (places) => {
    const fresh = indexes.filter((index) => !isTakenBack(places, index) || !places.taken.has(index));
    if (fresh.length === 0) return false;
    const target = { kind: 'session_token', id: undefined, label } as const;
    await issuer.platform.recorder.act({ act: 'session_token.revoke', target }, async () => {
      for (const index of fresh) takeBack(places, index, seconds());
      places.published = undefined;
      await issuer.places.write(formatPlaces(places));
      try {
        await publishWhereOld(issuer, await issuer.signer(), places);
      } catch (error) {
        if (!(error instanceof AppError) || (error.code !== 'token_key' && error.code !== 'file_system')) throw error;
        issuer.warn(
          `the tokens of ${label} are taken back, and the list that says so is NOT published yet: ${error.message}; a run that has the key publishes it, such as setup-session guard`,
        );
      }
    });
    return true;
  });
}

/** Whether what names a place was taken back. Throws `file_system`. */
export async function areTakenBack({ places }: Pick<TokenIssuer, 'places'>, index: number): Promise<boolean> {
  return isTakenBack(await readPlaces(places), index);
}

/** A token that was signed. */
export interface IssuedToken {
  token: Secret;
  claims: SessionClaims;
}

/** Signs a token of a session for one of its servers. Throws `token_key`, and `session_ended` where its place was taken back. */
export async function issueToken(
  issuer: TokenIssuer,
  identity: SessionIdentity & { sessionId: string; txn: string },
  { service, url }: ServedBy,
  tools: readonly DecidedTool[],
): Promise<IssuedToken> {
  const { settings, tenant, policy } = issuer;
  const signer = await issuer.signer();
  const jti = randomUUID();
  const lifetimeSeconds = lifetimeOf(settings);
  const making = { issuer: settings.issuer, tell: settings.tell, tenant, policy, tools, jti, lifetimeSeconds };
  const claims = claimsOf(identity, { ...making, audience: url, service, now: seconds() });
  await changing(issuer, async (places) => {
    try {
      keepPlace(places, identity.index, claims.exp);
    } catch (error) {
      if (!(error instanceof TakenBack)) throw error;
      throw new AppError('session_ended', `the tokens of the session ${quote(identity.sessionId)} were taken back`, {
        hint: 'it gets no further ones: end it, and start a new one: setup-session --agent <name>',
      });
    }
    await issuer.places.write(formatPlaces(places));
    await publishWhereOld(issuer, signer, places);
  });
  const token = await sign(signer, settings, sessionTokenType, claims);
  if (token.length > longestToken) {
    throw new AppError(
      'token_key',
      `the token for ${quote(service)} has ${token.length} characters, more than a server takes`,
      {
        hint: 'nothing was issued; let the agent have fewer tools of that service',
      },
    );
  }
  return { token: new Secret(token), claims };
}

/** Works with the places while nobody else does: an older list never replaces a newer one. */
async function changing<Result>(
  issuer: Pick<TokenIssuer, 'places' | 'signal'>,
  work: (places: StatusPlaces) => Promise<Result>,
): Promise<Result> {
  const held = await issuer.places.hold({ waitMs: holdMs, signal: issuer.signal });
  if (!('release' in held)) {
    throw new AppError('already_running', `another run changes the status list (${held.called}, since ${held.since})`);
  }
  try {
    return await work(await readPlaces(issuer.places));
  } finally {
    await held.release();
  }
}

async function publishWhereOld(issuer: TokenIssuer, signer: Signer, places: StatusPlaces): Promise<void> {
  const now = seconds();
  const age = places.published === undefined ? Number.POSITIVE_INFINITY : now - places.published;
  // A clock that was set back says nothing of how old something is.
  if (age >= 0 && age < listAgeSeconds) return;
  await issuer.publish(await signList(issuer, signer, places));
  places.published = now;
  await issuer.places.write(formatPlaces(places));
}

async function signList({ settings }: Pick<TokenIssuer, 'settings'>, signer: Signer, places: StatusPlaces) {
  const { issuer } = settings;
  const claims = statusListClaims(places, { issuer, uri: statusListAt(issuer), now: seconds() });
  return await sign(signer, settings, 'statuslist+jwt', claims);
}

async function sign(
  signer: Signer,
  { algorithm }: TokenIssuer['settings'],
  typ: string,
  claims: object,
): Promise<string> {
  const content = new TextEncoder().encode(JSON.stringify(claims));
  return await signer.sign({ alg: algorithm, kid: signer.kid, typ }, content);
}
