/** The tokens of one session from their beginning to their end: its vault, what is placed in it, and how all of it is taken back. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import { quote } from '../text/quote.ts';
import type { KeptIdentity, Parent, ServedBy, SessionIdentity } from './identity.ts';
import {
  archiveIdentityVault,
  createIdentityVault,
  findIdentityVaults,
  placeToken,
  readIdentityVault,
  strangeCredentials,
} from './identity-vault.ts';
import {
  areTakenBack,
  issueToken,
  lifetimeOf,
  reservePlace,
  seconds,
  type TokenIssuer,
  takeBackPlaces,
} from './issuing.ts';

/** Whose tokens are to be issued, before anything of it is there. */
export type WantedIdentity = Omit<SessionIdentity, 'vaultId' | 'sessionId' | 'txn' | 'index' | 'at'>;

/** What was begun for a session that is not there yet. Nobody else works with it until it is delivered or abandoned. */
export interface BegunIdentity {
  vaultId: string;
  /** The session is there: its tokens are placed, and what is in its vault is compared (P6). Throws; then it has to be abandoned. */
  deliver(session: { id: string; txn: string }): Promise<void>;
  /** Nothing of it is to stay. Never throws for what the platform refuses: it is said, and swept later. */
  abandon(): Promise<void>;
}

/** Begins: the place, what is kept of it, the vault. Throws `token_key` before anything is done where nothing can be signed. */
export async function beginIdentity(issuer: TokenIssuer, wanted: WantedIdentity): Promise<BegunIdentity> {
  const kept = issuer.identities.at(wanted.attempt);
  const index = await reservePlace(issuer);
  const held = await kept.hold({ waitMs: 0, signal: issuer.signal });
  if (!('release' in held)) throw new AppError('already_running', `${held.called} works with the same attempt`);
  let identity: SessionIdentity = { ...wanted, index, at: clock.now().toISOString() };
  const keep = async (more: Partial<SessionIdentity>) => {
    identity = { ...identity, ...more };
    await kept.write(identity);
  };
  const abandon = async () => {
    try {
      await retireIdentity(issuer, kept, identity);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      issuer.warn(
        `the tokens of a session that was not begun are not wholly taken back, and will be: ${error.message}`,
      );
    } finally {
      await held.release();
    }
  };
  try {
    await keep({});
    await keep({ vaultId: await createIdentityVault(issuer.platform, identity) });
  } catch (error) {
    await abandon();
    throw error;
  }
  return {
    vaultId: identity.vaultId ?? '',
    async deliver({ id, txn }) {
      await keep({ sessionId: id, txn });
      // It may have ended while this one was made.
      if (await isLineageOver(issuer, identity)) throw lineageOver(id);
      await renewTokens(issuer, kept, identity, identity.tools);
      await held.release();
    },
    abandon,
  };
}

/** When a token of a server is due, in seconds since 1970: at once where there is none, else when half of its time is over. */
function dueAt({ issuedAt, expires }: ServedBy): number {
  return issuedAt === undefined || expires === undefined ? 0 : issuedAt + (expires - issuedAt) / 2;
}

/** The servers of a session whose token is due. */
export function serversDue({ servers }: SessionIdentity): ServedBy[] {
  return servers.filter((server) => dueAt(server) <= seconds());
}

/**
 * Issues what is due and places it, each server by itself, then compares what is in the vault (P6). Throws `session_differs`
 * where something strange is, and what issuing and the platform throw.
 */
export async function renewTokens(
  issuer: TokenIssuer,
  kept: KeptIdentity,
  before: SessionIdentity,
  tools: readonly DecidedTool[],
): Promise<SessionIdentity> {
  const { sessionId, txn, vaultId } = before;
  if (sessionId === undefined || txn === undefined || vaultId === undefined) return before;
  const { platform } = issuer;
  let identity = before;
  for (const server of serversDue(before)) {
    const target = { kind: 'session_token', id: sessionId, label: server.service } as const;
    const placed = await platform.recorder.act(
      { act: 'session_token.issue', target, server: server.url },
      async () => {
        const issued = await issueToken(issuer, { ...before, sessionId, txn }, server, tools);
        const credentialId = await placeToken(
          platform,
          { ...server, vaultId, credentialId: server.credentialId },
          issued,
        );
        const { jti, iat, exp } = issued.claims;
        return { ...server, credentialId, jti, issuedAt: iat, expires: exp };
      },
      ({ jti }) => ({ made: jti }),
    );
    identity = { ...identity, servers: identity.servers.map((each) => (each.url === server.url ? placed : each)) };
    await kept.write(identity);
  }
  const vault = await readIdentityVault(platform, vaultId);
  const strange =
    vault === undefined || !vault.live
      ? ['the vault itself is not there']
      : strangeCredentials(vault.credentials, identity.servers);
  if (strange.length > 0) {
    throw new AppError(
      'session_differs',
      `the vault of tokens ${quote(vaultId)} holds what it should not: ${strange.join('; ')}`,
      {
        hint: 'its session was ended; if this stays, somebody or something changes vaults of this workspace',
      },
    );
  }
  return identity;
}

/** Takes back everything of a session that has tokens: the status first, which servers see, then the vault, then what is kept. */
export async function retireIdentity(
  issuer: TokenIssuer,
  kept: KeptIdentity,
  identity: SessionIdentity,
): Promise<void> {
  const { attempt, vaultId } = identity;
  await takeBackStatus(issuer, identity);
  const vaults = vaultId === undefined ? await findIdentityVaults(issuer.platform, attempt) : [vaultId];
  for (const id of vaults) await archiveIdentityVault(issuer.platform, id, attempt);
  await kept.remove();
}

/** The first part of {@link retireIdentity}, after which no token of it counts. */
export async function takeBackStatus(
  issuer: TokenIssuer,
  { sessionId, attempt, index, servers }: SessionIdentity,
): Promise<void> {
  // What was never issued need not be taken back.
  if (sessionId === undefined && servers.every(({ jti }) => jti === undefined)) return;
  await takeBackPlaces(issuer, [index], sessionId ?? attempt);
}

/** Whether a session before it in its line has none of its tokens any more: then it is to have none either. */
export async function isLineageOver(
  issuer: Pick<TokenIssuer, 'identities' | 'places'>,
  identity: Pick<SessionIdentity, 'parent'>,
): Promise<boolean> {
  if (identity.parent === undefined) return false;
  const all = await issuer.identities.all();
  const bySession = new Map(all.map((each) => [each.identity?.sessionId, each.identity]));
  let parent: Parent | undefined = identity.parent;
  while (parent !== undefined) {
    const before: SessionIdentity | undefined = bySession.get(parent.sid);
    if (before === undefined || (await areTakenBack(issuer, before.index))) return true;
    // One that goes round was written by nobody here, and has no first.
    if (before.parent !== undefined && before.parent.depth >= parent.depth) return true;
    parent = before.parent;
  }
  return false;
}

/** The error of a session whose line is over. */
export function lineageOver(id: string): AppError {
  return new AppError(
    'session_ended',
    `a session before ${quote(id)} in its line has ended, or its tokens were taken back`,
    {
      hint: 'start a new one: setup-session --agent <name>',
    },
  );
}

/** The longest that an attempt whose session nobody has seen is waited for: a create that is in no list by then has made none. */
export const lagMs = 10 * 60_000;

/** How often a run that goes on looks whether something is due, in milliseconds: many times in half of a lifetime. */
export function lookEveryMs(settings: TokenIssuer['settings']): number {
  return Math.min(20_000, (lifetimeOf(settings) * 1000) / 12);
}
