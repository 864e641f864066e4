/** From a prepared session to one that runs: the one change, and the comparison that decides whether it is handed over (P6). */
import { type Difference, describeDifferences } from '../agent/definition.ts';
import type { InForce } from '../agent/in-force.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import type { Ownership } from '../vault/resolve.ts';
import type { Signer } from '../vault/signature.ts';
import {
  type AnsweredSession,
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
  records: SessionRecords;
  /** Undefined where the configuration names no ownership keys. */
  ownership: Ownership | undefined;
  warn(text: string): void;
}

/** A session that is what was meant. */
export interface StartedSession {
  id: string;
  agent: InForce['agent'];
  environmentId: string;
  vaultId: string;
}

/** Creates the session and compares it. Throws `session_differs` after archiving it. */
export async function startSession(prepared: PreparedSession, request: StartRequest): Promise<StartedSession> {
  const { platform } = request;
  const { agent, environmentId } = prepared.inForce;
  const signer = await findSigner(request);
  const intent: SessionIntent = {
    principal: request.principal,
    vault: prepared.vault,
    agent,
    definition: prepared.definition,
    tooling: prepared.tooling,
    environmentId,
    title: request.title,
    attempt: prepared.attempt,
  };
  await keepRecord(intent, request);
  const signature = await sign(intent, request, signer);
  const session = await createSession(platform, { ...intent, signature });
  const differences = differencesOf({ ...intent, signature }, session);
  if (differences.length > 0) {
    const archived = await archive(platform, session.id);
    throw new AppError(
      'session_differs',
      `the platform created another session than was asked for (${quote(session.id)}, ${archived}):\n${describeDifferences(differences)}`,
      {
        hint: 'it was not handed over; if this stays, somebody or something changes sessions of this workspace',
      },
    );
  }
  return { id: session.id, agent, environmentId, vaultId: prepared.vault.id };
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
async function keepRecord(intent: SessionIntent, { records, warn }: StartRequest): Promise<void> {
  try {
    await records.keep(intent.attempt, meantFacts(intent));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'file_system') throw error;
    warn(`what is meant by this session is not kept on this machine: ${error.message}`);
  }
}

/** An answer that lacks what is compared differs as a whole; it must not end as a bug that leaves the session behind. */
function differencesOf(intent: SessionIntent, session: AnsweredSession): Difference[] {
  try {
    return compareSession(intent, session);
  } catch {
    return [{ what: 'shape', meant: 'a session', found: 'something else' }];
  }
}

/** One create. When its answer is lost the session is looked for by its attempt mark and never asked for again (P8). */
async function createSession(platform: Platform, intent: SessionIntent): Promise<AnsweredSession & { id: string }> {
  const target = `of ${intent.principal.label} with ${intent.definition.name}`;
  try {
    return await platform.change({ act: 'session.create', target }, (client) =>
      client.beta.sessions.create(sessionParameters(intent)),
    );
  } catch (error) {
    if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
    const recent = await platform.read('look for the session', (client) =>
      client.beta.sessions.list({ agent_id: intent.agent.id, limit: 50 }),
    );
    const own = recent.data.find(({ metadata }) => metadata[attemptKey] === intent.attempt);
    if (own === undefined) throw error;
    return own;
  }
}

async function archive(platform: Platform, id: string): Promise<string> {
  try {
    await platform.change({ act: 'session.archive', target: id }, (client) => client.beta.sessions.archive(id));
    return 'archived';
  } catch (error) {
    return `NOT archived: ${error instanceof Error ? error.message : String(error)}`;
  }
}
