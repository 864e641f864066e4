/** Reads live sessions back and has them judged; what was changed behind our back is stopped where that is asked for. */
import type { AnsweredAgent } from '../agent/definition.ts';
import { inParallel } from '../async/in-parallel.ts';
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import { identityMark, readIdentityVault } from '../session-token/identity-vault.ts';
import { quote } from '../text/quote.ts';
import type { VaultAnswer } from '../vault/owner.ts';
import { ownerOf } from '../vault/owner.ts';
import { judgeClaim, type Ownership } from '../vault/resolve.ts';
import type { SignatureVerdict } from '../vault/signature.ts';
import { endSession } from './end.ts';
import { wholeSnapshot } from './facts.ts';
import { attemptKey, digestKey, signatureKey } from './intent.ts';
import { type Alarm, judgeSession } from './judge.ts';
import { isInScope, readLive, type Scope } from './live.ts';
import type { SessionRecords } from './records.ts';

/** What verifying needs of a run. */
export interface VerifyRequest {
  platform: Platform;
  ownership: Ownership | undefined;
  sessionRecords: Pick<SessionRecords, 'read'>;
  configuration: Configuration;
  /** Hears how many of how many sessions are being verified. */
  onVerified?(count: number, all: number): void;
}

/** A session and what speaks against it. */
export interface VerifiedSession {
  session: Session;
  alarms: readonly Alarm[];
  /** Whether it had tokens of its own and they were taken back: it is what was started, and calls their servers no more. */
  tokensTakenBack: boolean;
  /** Whether this machine kept what was meant, an ownership key signed it, or only the session's own metadata says it. */
  comparedWith: 'record of this machine' | 'signed record' | 'metadata';
  /** The other sessions of its attempt, as a list said; undefined where the session was read by its id. */
  twinIds?: readonly string[];
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
  const vault = once((id) => unlessMissing('given', platform.vaults.retrieve(id)));
  const agent = once((key) => {
    const [id, version] = JSON.parse(key) as [string, number];
    return unlessMissing('given', platform.agents.retrieve(id, { version }));
  });
  return { vault, agent: (id, version) => agent(JSON.stringify([id, version])) };
}

/** One session by its id. Throws `usage` where there is none. */
export async function readSession(platform: Platform, id: string): Promise<Session> {
  const session = await find(platform, id);
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
  const attempts = new Map<string, string[]>();
  const sessions: Session[] = [];
  for await (const session of readLive(request.platform)) {
    const attempt = session.metadata[attemptKey];
    if (attempt !== undefined) attempts.set(attempt, [...(attempts.get(attempt) ?? []), session.id]);
    if (await isInScope(session, scope)) sessions.push(session);
  }
  let verified = 0;
  return await inParallel(sessions, atOnce, async (session) => {
    verified += 1;
    request.onVerified?.(verified, sessions.length);
    const twinIds = (attempts.get(session.metadata[attemptKey] ?? '') ?? []).filter((id) => id !== session.id);
    return { ...(await verifySession(request, session, lookups, twinIds.length > 0)), twinIds };
  });
}

/** Verifies one session that was read just now. */
export async function verifySession(
  { platform, ownership, sessionRecords, configuration }: VerifyRequest,
  session: Session,
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
        const identity = vault && identityMark(vault.metadata) && (await readIdentityVault(platform, id));
        return { id, claim, identity };
      }),
    ),
    readUpdates(platform, session.id),
    attempt === undefined ? undefined : sessionRecords.read(attempt),
    lookups.agent(session.agent.id, session.agent.version),
    readSignature(session, ownership),
  ]);
  const services = [...configuration.services.values()];
  const catalogue = services.map(({ mcp_server_url: url }) => url);
  const identityServers = services.flatMap(({ auth, mcp_server_url: url }) => (auth === undefined ? [] : [url]));
  return {
    session,
    tokensTakenBack: vaults[0]?.identity?.live === false,
    alarms: judgeSession({
      session: { ...session, agent: wholeSnapshot(session.agent, base) },
      undecided: session.agent.undecided,
      vaults,
      updates,
      record,
      base,
      catalogue,
      identityServers,
      twin,
      signature,
    }),
    comparedWith:
      record !== undefined ? 'record of this machine' : signature.kind === 'valid' ? 'signed record' : 'metadata',
  };
}

/** What became of a session that was to be stopped: `how` in words; not stopped are one that is `as started`, and one that stays `altered`. */
export interface StopOutcome {
  how: string;
  state: 'ended' | 'altered' | 'as started';
}

/** What {@link stopSession} would do. */
export function stopPlan(session: Session): string {
  return isLive(session) ? 'would be interrupted and archived' : 'it had ended already';
}

/**
 * Interrupts and archives a session that is not what was started; one that a list named is read by its id and judged again
 * before. Never throws for what the platform refuses.
 */
export async function stopSession(
  request: VerifyRequest,
  { session, twinIds }: VerifiedSession,
  lookups: Lookups,
): Promise<StopOutcome> {
  const { platform } = request;
  try {
    const now = twinIds === undefined ? session : await find(platform, session.id);
    if (now === undefined || !isLive(now)) return { how: 'it had ended already', state: 'ended' };
    if (twinIds !== undefined) {
      const { alarms } = await verifySession(request, now, lookups, await hasTwin(platform, now, twinIds));
      if (alarms.length === 0) {
        return { how: 'NOT stopped: read by its id, it is what was started', state: 'as started' };
      }
    }
    const { interrupted } = await endSession(platform, now);
    return { how: `${interrupted ? 'interrupted and ' : ''}archived`, state: 'ended' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
    return { how: `NOT stopped: ${error.message}`, state: 'altered' };
  }
}

/** Whether one of them is really of the same attempt, live or not: the other one may have been stopped just now. */
async function hasTwin(platform: Platform, { metadata }: Session, ids: readonly string[]): Promise<boolean> {
  const others = await Promise.all(ids.map((id) => find(platform, id)));
  return others.some((other) => other !== undefined && other.metadata[attemptKey] === metadata[attemptKey]);
}

async function find(platform: Platform, id: string): Promise<Session | undefined> {
  return await unlessMissing('given', platform.sessions.retrieve(id));
}

async function readSignature(
  { metadata }: Session,
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
  const pages = platform.sessions.history(id, { types: ['session.updated'], limit: 100 });
  for await (const events of pages) {
    for (const { id: _id, type, processed_at: at, ...changed } of events) {
      if (type !== 'session.updated') continue;
      // An agent that did not change may be answered as null; a budget and a title may have become null.
      const parts = Object.entries(changed).flatMap(([part, value]) =>
        value === undefined || (part === 'agent' && value === null) ? [] : [part],
      );
      updates.push({ at: typeof at === 'string' ? at : 'an unknown time', parts });
    }
  }
  return updates;
}
