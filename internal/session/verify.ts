/** Reads live sessions back and has them judged; what was changed behind our back is stopped where that is asked for. */
import type { AnsweredAgent } from '../agent/definition.ts';
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { inParallel } from '../skills/in-parallel.ts';
import { quote } from '../text/quote.ts';
import type { VaultAnswer } from '../vault/claims.ts';
import { ownerOf } from '../vault/owner.ts';
import { judgeClaim, type Ownership } from '../vault/resolve.ts';
import type { SignatureVerdict } from '../vault/signature.ts';
import { endSession } from './end.ts';
import { attemptKey, digestKey, signatureKey } from './intent.ts';
import { type Alarm, judgeSession } from './judge.ts';
import { type FoundSession, isInScope, isLive, readLive, type Scope } from './live.ts';
import type { SessionRecords } from './records.ts';

/** What verifying needs of a run. */
export interface VerifyRequest {
  platform: Platform;
  ownership: Ownership | undefined;
  sessionRecords: SessionRecords;
  configuration: Configuration;
}

/** A session and what speaks against it. */
export interface VerifiedSession {
  session: FoundSession;
  alarms: readonly Alarm[];
  /** Whether this machine kept what was meant, an ownership key signed it, or only the session's own metadata says it. */
  comparedWith: 'record of this machine' | 'signed record' | 'metadata';
}

const atOnce = 10;

/** What is asked once for several sessions. */
export interface Lookups {
  vault(id: string): Promise<VaultAnswer | undefined>;
  agent(id: string, version: number): Promise<AnsweredAgent | undefined>;
}

/** Lookups that remember within one run. */
export function lookupsOf(platform: Platform): Lookups {
  const once = <Thing>(ask: (key: string) => Promise<Thing>) => {
    const asked = new Map<string, Promise<Thing>>();
    return (key: string) => {
      const known = asked.get(key) ?? ask(key);
      asked.set(key, known);
      return known;
    };
  };
  const vault = once((id) =>
    unlessMissing(() => platform.read('read vault', (client) => client.beta.vaults.retrieve(id))),
  );
  const agent = once((key) => {
    const [id, version] = JSON.parse(key) as [string, number];
    return unlessMissing(() =>
      platform.read('read agent version', (client) => client.beta.agents.retrieve(id, { version })),
    );
  });
  return { vault, agent: (id, version) => agent(JSON.stringify([id, version])) };
}

/** One session by its id. Throws `usage` where there is none. */
export async function readSession(platform: Platform, id: string): Promise<FoundSession> {
  const session = await unlessMissing(() =>
    platform.read('read session', (client) => client.beta.sessions.retrieve(id)),
  );
  if (session === undefined) {
    throw new AppError('usage', `there is no session ${quote(id)} in this workspace`, {
      hint: 'list those that run: setup-session list',
    });
  }
  return session;
}

/** Verifies every session of a scope that can still act. */
export async function verifySessions(
  request: VerifyRequest,
  scope: Scope,
  lookups: Lookups,
): Promise<VerifiedSession[]> {
  const attempts = new Map<string, number>();
  const sessions: FoundSession[] = [];
  for await (const session of readLive(request.platform)) {
    const attempt = session.metadata[attemptKey];
    if (attempt !== undefined) attempts.set(attempt, (attempts.get(attempt) ?? 0) + 1);
    if (await isInScope(session, scope)) sessions.push(session);
  }
  return await inParallel(sessions, atOnce, async (session) => {
    const twin = (attempts.get(session.metadata[attemptKey] ?? '') ?? 0) > 1;
    return await verifySession(request, session, lookups, twin);
  });
}

/** Verifies one session that was read just now. */
export async function verifySession(
  { platform, ownership, sessionRecords, configuration }: VerifyRequest,
  session: FoundSession,
  lookups: Lookups,
  twin = false,
): Promise<VerifiedSession> {
  const owner = ownerOf(session.metadata);
  const attempt = session.metadata[attemptKey];
  const [vaults, updates, record, base, signature] = await Promise.all([
    Promise.all(
      session.vault_ids.map(async (id) => {
        const vault = await lookups.vault(id);
        const claim = vault && owner && (await judgeClaim(vault, owner, ownership));
        return { id, claim };
      }),
    ),
    readUpdates(platform, session.id),
    attempt === undefined ? undefined : sessionRecords.read(attempt),
    lookups.agent(session.agent.id, session.agent.version),
    readSignature(session, ownership),
  ]);
  const catalogue = [...configuration.services.values()].map(({ mcp_server_url: url }) => url);
  return {
    session,
    alarms: judgeSession({ session, vaults, updates, record, base, catalogue, twin, signature }),
    comparedWith:
      record !== undefined ? 'record of this machine' : signature.kind === 'valid' ? 'signed record' : 'metadata',
  };
}

/** What {@link stopSession} would do. */
export function stopPlan(session: FoundSession): string {
  return isLive(session) ? 'would be interrupted and archived' : 'it had ended already';
}

/** Interrupts and archives a session; the answer says how it ended. Never throws for what the platform refuses. */
export async function stopSession(platform: Platform, session: FoundSession): Promise<string> {
  const { id, status, vault_ids: vaultIds } = session;
  if (!isLive(session)) return 'it had ended already';
  try {
    const { interrupted } = await endSession(platform, { id, status, vaultIds });
    return `${interrupted ? 'interrupted and ' : ''}archived`;
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
    return `NOT stopped: ${error.message}`;
  }
}

async function readSignature(
  { metadata }: FoundSession,
  ownership: Ownership | undefined,
): Promise<SignatureVerdict | { kind: 'unneeded' }> {
  if (ownership === undefined) return { kind: 'unneeded' };
  const { judgeSessionSignature } = await import('./signature.ts');
  const verdict = await judgeSessionSignature(metadata[signatureKey], metadata[digestKey] ?? '', ownership);
  // A session may outlive a key: what a retired one has signed is worth as much as what nobody signed.
  const retired = verdict.kind === 'invalid' && ownership.keys.some((key) => key.kid === verdict.kid && key.retired);
  return retired ? { kind: 'unsigned' } : verdict;
}

async function readUpdates(platform: Platform, id: string) {
  const updates: { at: string; parts: string[] }[] = [];
  const pages = platform.readPages('list events', (client) =>
    client.beta.sessions.events.list(id, { types: ['session.updated'], limit: 100 }),
  );
  for await (const event of pages) {
    if (event.type !== 'session.updated') continue;
    const { id: _id, type: _type, processed_at: at, ...changed } = event;
    // An agent that did not change may be answered as null; a budget and a title may have become null.
    const parts = Object.entries(changed).flatMap(([part, value]) =>
      value === undefined || (part === 'agent' && value === null) ? [] : [part],
    );
    updates.push({ at: at ?? 'an unknown time', parts });
  }
  return updates;
}

async function unlessMissing<Thing>(ask: () => Promise<Thing>): Promise<Thing | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PlatformError && (error.status === 404 || error.status === 400)) return undefined;
    throw error;
  }
}
