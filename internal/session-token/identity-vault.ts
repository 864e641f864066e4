/**
 * The vault that holds the tokens of one session, and nothing else. It names its session's attempt and person in members of its
 * own: it is nobody's vault of connections, so no owner record is in it (P1).
 */
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { notAsListed } from '../platform/pages.ts';
import { quote } from '../text/quote.ts';
import { creationOf, type Metadata, ownerOf, ownerRecord } from '../vault/owner.ts';
import { type HeldCredential, readHeld } from '../vault/persons-vaults.ts';
import type { ServedBy, SessionIdentity } from './identity.ts';
import type { IssuedToken } from './issuing.ts';

type Owner = NonNullable<ReturnType<typeof ownerOf>>;

/** What an identity vault says it is. */
export interface IdentityMark {
  /** The attempt of its session. */
  attempt: string;
  owner: Owner;
}

const attemptOf = 'mai_identity_of';
const ownerKeys = {
  mai_owner_kind: 'mai_identity_kind',
  mai_owner_issuer: 'mai_identity_issuer',
  mai_owner_subject: 'mai_identity_subject',
} as const;

/** What a vault says of the session that it is for; undefined for every other vault. */
export function identityMark(metadata: Metadata): IdentityMark | undefined {
  const attempt = metadata[attemptOf];
  const entries = Object.entries(ownerKeys).flatMap(([key, own]) => (metadata[own] ? [[key, metadata[own]]] : []));
  const owner = ownerOf(Object.fromEntries(entries) as Metadata);
  return attempt === undefined || owner === undefined ? undefined : { attempt, owner };
}

function markOf({ attempt, person }: Pick<SessionIdentity, 'attempt' | 'person'>): Record<string, string> {
  const owner = ownerRecord(person);
  return {
    ...Object.fromEntries(Object.entries(ownerKeys).map(([key, own]) => [own, owner[key] ?? ''])),
    [attemptOf]: attempt,
    ...creationOf(attempt),
  };
}

/** How often it is asked for: each has the same mark, by which all of them are found. */
const mostCreates = 2;

/** Makes the vault of a session. A lost answer is settled by looking (P8). */
export async function createIdentityVault(
  platform: Platform,
  identity: Pick<SessionIdentity, 'attempt' | 'person' | 'agent'>,
): Promise<string> {
  const { attempt, person, agent } = identity;
  const label = `of a session of ${person.label} with ${agent.name}`;
  const body = { display_name: `Identity ${label}`.slice(0, 255), metadata: markOf(identity) };
  for (let creates = 1; ; creates += 1) {
    try {
      return (await platform.vaults.create(label, body, { mark: attempt })).id;
    } catch (error) {
      if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
      const [found] = await findIdentityVaults(platform, attempt);
      if (found !== undefined) return found;
      if (creates === mostCreates) throw error;
    }
  }
}

/** The live vaults of one attempt: one, or two where a lost answer was asked for again. */
export async function findIdentityVaults(platform: Platform, attempt: string): Promise<string[]> {
  const found: string[] = [];
  for await (const vault of platform.vaults.list()) {
    if (isLive(vault) && identityMark(vault.metadata)?.attempt === attempt) found.push(vault.id);
  }
  return found;
}

/** An identity vault as it is now. */
export interface IdentityVault {
  id: string;
  mark: IdentityMark;
  /** False once it was archived: the tokens of its session were taken back, and nobody can place others. */
  live: boolean;
  credentials: readonly HeldCredential[];
}

/** Reads one by its id; undefined for what is gone or something else. */
export async function readIdentityVault(platform: Platform, id: string): Promise<IdentityVault | undefined> {
  const vault = await unlessMissing('given', platform.vaults.retrieve(id));
  const mark = vault && identityMark(vault.metadata);
  if (vault === undefined || mark === undefined) return undefined;
  const live = isLive(vault);
  return { id, mark, live, credentials: live ? await readHeld(platform, id) : [] };
}

/** Puts a token where the session finds it: over the one that is there, else as a new credential. Gives the credential's id. */
export async function placeToken(
  platform: Platform,
  { vaultId, credentialId, url }: { vaultId: string; credentialId: string | undefined; url: string },
  { token, claims }: IssuedToken,
): Promise<string> {
  const label = `${url} for ${claims.sid}`;
  const auth = { type: 'static_bearer' as const, token: token.reveal() };
  const update = async (id: string) => {
    await platform.credentials.update(vaultId, id, { auth }, { label });
    return id;
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const there = credentialId ?? (await credentialFor(platform, vaultId, url));
      if (there !== undefined) return await update(there);
      const body = { auth: { ...auth, mcp_server_url: url }, metadata: { mai_session: claims.sid } };
      return (await platform.credentials.create(vaultId, body, { label })).id;
    } catch (error) {
      // Whether it is there is seen by looking. That it was placed twice changes nothing.
      if (!(error instanceof PlatformError) || attempt === 2) throw error;
      if (error.outcome === 'refused' && credentialId === undefined) throw error;
      credentialId = undefined;
    }
  }
}

async function credentialFor(platform: Platform, vaultId: string, url: string): Promise<string | undefined> {
  return (await readHeld(platform, vaultId)).find(({ mcpServerUrl }) => mcpServerUrl === url)?.id;
}

/** What is in an identity vault and should not be, or is not and should; none means that it is what was meant (P6). */
export function strangeCredentials(
  credentials: readonly HeldCredential[],
  servers: readonly Pick<ServedBy, 'url'>[],
): string[] {
  const urls = servers.map(({ url }) => url);
  const strange = credentials.filter(
    ({ kind, mcpServerUrl }) => kind !== 'static_bearer' || mcpServerUrl === undefined || !urls.includes(mcpServerUrl),
  );
  return strange.map(
    ({ id, kind, mcpServerUrl }) =>
      `${quote(id)}, ${kind}${mcpServerUrl === undefined ? '' : ` for ${quote(mcpServerUrl)}`}`,
  );
}

/** Ends the vault of an attempt: its credentials first, which purges their secrets. One that is gone is as good. */
export async function archiveIdentityVault(platform: Platform, id: string, attempt: string): Promise<void> {
  const vault = await unlessMissing('listed', platform.vaults.retrieve(id));
  if (vault === undefined || !isLive(vault)) return;
  if (identityMark(vault.metadata)?.attempt !== attempt) throw notAsListed('vault', id);
  for (const { id: credential } of await readHeld(platform, id)) {
    await archived(
      () => platform.credentials.archive(id, credential),
      async () => {
        return !isLive(await platform.credentials.retrieve(id, credential));
      },
    );
  }
  await archived(
    () => platform.vaults.archive(id),
    async () => !isLive(await platform.vaults.retrieve(id)),
  );
}

/** A lost answer, or somebody who was quicker, is settled by looking (P8). */
async function archived(archive: () => Promise<unknown>, isDone: () => Promise<boolean>): Promise<void> {
  try {
    await archive();
  } catch (error) {
    if (!(error instanceof PlatformError) || !(await isDone())) throw error;
  }
}
