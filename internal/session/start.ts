/** From a prepared session to one that runs: the one change, and the comparison that decides whether it is handed over (P6). */

import { randomUUID } from 'node:crypto';
import { lookAgainAfterMs } from '../agent/change-environment.ts';
import { type Difference, describeDifferences } from '../agent/definition.ts';
import { compareEnvironment, withoutDeadApply } from '../agent/environment.ts';
import type { InForce } from '../agent/in-force.ts';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import type { Grounds } from '../platform/change.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import { notAsListed, takeFirst } from '../platform/pages.ts';
import type { Session } from '../platform/sessions.ts';
import type { BegunIdentity } from '../session-token/delivery.ts';
import { quote } from '../text/quote.ts';
import type { Ownership } from '../vault/resolve.ts';
import type { Signer } from '../vault/signature.ts';
import {
  attemptKey,
  compareSession,
  meantDigest,
  meantFacts,
  type SessionIntent,
  sessionParameters,
} from './intent.ts';
import type { PreparedSession } from './prepare.ts';
import type { SessionRecords } from './records.ts';

/** What carrying out needs beside the prepared session. */
export interface StartRequest {
  platform: Platform;
  principal: Principal;
  title: string | undefined;
  /** The most that it may cost at list price, in cents; no limit without it. */
  budgetCents?: string | undefined;
  records: SessionRecords;
  /** Undefined where the configuration names no ownership keys. */
  ownership: Ownership | undefined;
  /** Begins the tokens of a session whose servers take such, before it is there; throws where nothing can be signed. */
  beginIdentity?: ((prepared: PreparedSession, title: string | undefined) => Promise<BegunIdentity>) | undefined;
  warn(text: string): void;
  signal: AbortSignal;
}

/** A session that is what was meant. */
export interface StartedSession {
  id: string;
  agent: InForce['agent'];
  environmentId: string;
  vaultId: string;
  /** As the platform has them. */
  metadata: Session['metadata'];
  created_at: Session['created_at'];
  /** The mark by which it is found again. */
  attempt: string;
  /** The person knows of it, so that the next run need not tell. */
  settle(): Promise<void>;
}

/**
 * Creates the session, compares it, and places the tokens of its own that it needs. Throws `session_differs` after archiving it,
 * and `token_key` where it needs tokens and none can be signed.
 */
export async function startSession(prepared: PreparedSession, request: StartRequest): Promise<StartedSession> {
  const identity = prepared.identityServers.length === 0 ? undefined : await identityOf(prepared, request);
  try {
    return await startWith(identity, prepared, request);
  } catch (error) {
    await identity?.abandon();
    throw error;
  }
}

async function identityOf(prepared: PreparedSession, { beginIdentity, title }: StartRequest): Promise<BegunIdentity> {
  if (beginIdentity !== undefined) return await beginIdentity(prepared, title);
  const names = prepared.identityServers.map(({ service }) => quote(service)).join(', ');
  throw new AppError('token_key', `${names} take tokens of sessions, and nothing here issues such`);
}

async function startWith(
  identity: BegunIdentity | undefined,
  prepared: PreparedSession,
  request: StartRequest,
): Promise<StartedSession> {
  const { platform } = request;
  const { agent, environmentId } = prepared.inForce;
  const signer = await findSigner(request);
  const intent: SessionIntent = {
    principal: request.principal,
    vault: prepared.vault,
    identityVaultId: identity?.vaultId,
    agent,
    definition: prepared.definition,
    tooling: prepared.tooling,
    environmentId,
    title: request.title,
    budgetCents: request.budgetCents,
    attempt: prepared.attempt,
  };
  const settle = await keepRecord(intent, request);
  const signature = await sign(intent, request, signer);
  const signed = { ...intent, signature };
  const { session, creates, txn } = await createSession(request, signed, prepared.grounds).catch(
    async (error: unknown) => {
      if (error instanceof PlatformError && error.outcome === 'refused') await settle();
      throw error;
    },
  );
  const differences = [...compareSession(signed, session), ...(await environmentDifferences(platform, prepared))];
  if (differences.length > 0) {
    const archived = await archive(platform, session.id);
    await settle();
    throw new AppError(
      'session_differs',
      `the platform created another session than was asked for (${quote(session.id)}, ${archived}):\n${describeDifferences(differences)}`,
      {
        hint: 'it was not handed over; if this stays, somebody or something changes sessions of this workspace',
      },
    );
  }
  if (identity !== undefined) {
    // Nothing was sent to it yet: without its tokens it would call its servers as nobody.
    await identity.deliver({ id: session.id, txn }).catch(async (error: unknown) => {
      const archived = await archive(platform, session.id);
      await settle();
      request.warn(`the session ${quote(session.id)} did not get its tokens, and was ${archived}`);
      throw error;
    });
  }
  const { attempt, vault } = prepared;
  const { id, metadata, created_at } = session;
  const started = { id, agent, environmentId, vaultId: vault.id, metadata, created_at, attempt, settle };
  if (creates > 1) await endTwins(started, request);
  return started;
}

/** A session without a signature is as good here and less proven elsewhere, so a key that cannot be used is only said. */
async function findSigner({ ownership, warn }: StartRequest): Promise<Signer | undefined> {
  return await ownership?.signer().catch((error: unknown) => saidUnsigned(error, warn));
}

async function sign(
  intent: SessionIntent,
  { ownership, warn }: StartRequest,
  signer: Signer | undefined,
): Promise<string | undefined> {
  if (ownership === undefined || signer === undefined) return undefined;
  const { signSession } = await import('./signature.ts');
  return await signSession(meantDigest(intent), ownership.workspaceId, signer).catch((error: unknown) =>
    saidUnsigned(error, warn),
  );
}

function saidUnsigned(error: unknown, warn: StartRequest['warn']): undefined {
  if (!(error instanceof AppError) || error.code !== 'ownership_key') throw error;
  warn(`what is meant by this session is not signed: ${error.message}`);
}

/** Before the create, so that a session that outlives a crash has its record. Without it the session's metadata is left to compare with. */
async function keepRecord(intent: SessionIntent, { records, warn }: StartRequest): Promise<StartedSession['settle']> {
  const unlessKept = (error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'file_system') throw error;
    warn(`what is meant by this session is not kept on this machine: ${error.message}`);
  };
  try {
    const { settle } = await records.keep(intent.attempt, meantFacts(intent));
    return () => settle().catch(unlessKept);
  } catch (error) {
    unlessKept(error);
    return async () => {};
  }
}

/**
 * Whether the environment changed while the session was being made. A change is announced and waits, so within that time
 * the look before the create is good for it (change-environment.ts); a slower start looks once more.
 */
async function environmentDifferences(platform: Platform, prepared: PreparedSession): Promise<Difference[]> {
  if (clock.monotonic() - prepared.lookedAt < lookAgainAfterMs) return [];
  const { environment, inForce } = prepared;
  try {
    const now = await platform.environments.retrieve(inForce.environmentId, { label: environment.name });
    const { environment: lasting } = withoutDeadApply(now, new Date(clock.now().getTime() + platform.aheadMs()));
    return compareEnvironment(environment, lasting).map((each) => ({ ...each, what: `environment: ${each.what}` }));
  } catch (error) {
    const found = error instanceof AppError ? error.message : 'nothing that can be read';
    return [{ what: 'environment', meant: 'as its file says', found }];
  }
}

/** The pauses before each look for a session whose create had no answer: lists lag. */
const looksMs = [250, 500, 1000, 2000, 4000];
/** How often a session is asked for: every one has the same mark, by which a second one is found and archived. */
const mostCreates = 2;
/** How many of an agent's sessions are looked through for the one of an attempt. */
const latest = 50;

/** When the answer to the create is lost the session is looked for by its attempt mark, and asked for again only where it is not there (P8). */
async function createSession(
  request: StartRequest,
  intent: SessionIntent,
  grounds: Grounds,
): Promise<{ session: Session; creates: number; txn: string }> {
  const label = `of ${intent.principal.label} with ${intent.definition.name}`;
  for (let creates = 1; ; creates += 1) {
    const txn = randomUUID();
    try {
      const asked = { ...grounds, line: txn };
      const session = await request.platform.sessions.create(label, sessionParameters(intent), asked);
      return { session, creates, txn };
    } catch (error) {
      if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
      const found = await lookForCreated(request, intent);
      if (found !== undefined) return { session: found, creates, txn };
      if (creates === mostCreates || request.signal.aborted) throw error;
    }
  }
}

/** The session that a create has made after all. */
async function lookForCreated(
  { platform, signal }: StartRequest,
  { agent, attempt }: SessionIntent,
): Promise<Session | undefined> {
  for (const pauseMs of looksMs) {
    await clock.pause(pauseMs, signal);
    const [own] = await readAttempt(platform, agent.id, attempt).catch(lookAgainLater);
    if (own !== undefined) return own;
  }
  return undefined;
}

/** What the line does to one look, it may not do to the next. */
function lookAgainLater(error: unknown): [] {
  if (error instanceof PlatformError) return [];
  throw error;
}

/** The latest sessions of an agent that carry the mark of one attempt and can still act. */
export async function readAttempt(platform: Platform, agentId: string, attempt: string): Promise<Session[]> {
  const pages = platform.sessions.list({ agent_id: agentId, limit: latest });
  return (await takeFirst(latest, pages)).filter(
    (session) => session.metadata[attemptKey] === attempt && isLive(session),
  );
}

/**
 * Archives every other session with the mark of this one: where something between repeats requests, or a create was asked
 * for again and had worked after all, there are two. Says so; never throws for what the platform refuses.
 */
export async function endTwins(
  { id, agent, attempt }: StartedSession,
  { platform, warn }: Pick<StartRequest, 'platform' | 'warn'>,
): Promise<void> {
  try {
    const twins = (await readAttempt(platform, agent.id, attempt)).filter((session) => session.id !== id);
    for (const twin of twins) {
      const now = await platform.sessions.retrieve(twin.id);
      if (!isLive(now)) continue;
      if (now.metadata[attemptKey] !== attempt) throw notAsListed('session', twin.id);
      warn(`the platform made a second session of one request, ${quote(twin.id)}: ${await archive(platform, twin.id)}`);
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
    warn(`whether the platform made one session could not be looked at: ${error.message}`);
  }
}

async function archive(platform: Platform, id: string): Promise<string> {
  try {
    await platform.sessions.archive(id);
    return 'archived';
  } catch (error) {
    return `NOT archived: ${error instanceof Error ? error.message : String(error)}`;
  }
}
