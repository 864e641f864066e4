/**
 * Whether a person may go on with a session of theirs. What let it be started may hold no longer, and anybody with a key may
 * have changed it since: it has to be theirs alone, be what was started, and do no more than they may do with its agent now.
 */
import { serverLines } from '../agent/definition.ts';
import type { Agent, Configuration, Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { isLive } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import { permissionLines } from '../policy/toolset.ts';
import { readIdentityVault } from '../session-token/identity-vault.ts';
import { quote } from '../text/quote.ts';
import { isOwnedBy, ownerOf } from '../vault/owner.ts';
import { findVault, type VaultDirectory } from '../vault/resolve.ts';
import { agentKey } from './facts.ts';
import { attemptKey } from './intent.ts';
import { isCovered } from './judge.ts';
import { type PreparedSession, prepareSession, requirementOf, type SessionRequest } from './prepare.ts';
import { idWord } from './turn-outcome.ts';
import { type Lookups, type VerifyRequest, verifySession } from './verify.ts';

/** What is needed to see whether a session may go on. */
export interface ContinueRequest extends VerifyRequest, VaultDirectory, Pick<SessionRequest, 'renew'> {
  principal: Principal;
  session: Session;
  lookups: Lookups;
  /** What a new session of its agent would be prepared from, beside what stands here. */
  readLocks(agent: Agent): Promise<Pick<SessionRequest, 'lock' | 'pins' | 'toolPins'>>;
}

/** What a sign-in has to show for the agent of a session; nothing more for one whose agent has no file. */
export function sessionRequirement({ metadata }: Session, configuration: Configuration): Requirement | undefined {
  const agent = configuration.agents.get(metadata[agentKey] ?? '');
  return agent && requirementOf(agent, configuration);
}

/**
 * Throws `not_allowed` unless a session names this person as its owner: it acts with their connections, so nobody else may,
 * an operator neither.
 */
export function requireOwner({ id, metadata }: Session, principal: Principal): void {
  if (isOwnedBy(metadata, principal)) return;
  const of = ownerOf(metadata)?.subject;
  throw new AppError(
    'not_allowed',
    `${quote(id)} is a session of ${of === undefined ? 'nobody' : quote(of)}, not of ${quote(principal.label)}`,
    { hint: 'it acts with the connections of its owner, who alone may go on with it; nothing was sent' },
  );
}

/**
 * Throws `session_altered` unless a session is bound to exactly the vault of its owner, as that is proven now; before it may
 * stand the vault of its own tokens.
 */
export async function requireOwnVault(directory: VaultDirectory, principal: Principal, session: Session) {
  const vault = await findVault(directory, principal);
  const [last, first, ...others] = session.vault_ids.toReversed();
  const isTheirs = vault !== undefined && last === vault.id && others.length === 0;
  if (isTheirs && (first === undefined || (await isOfSession(directory, session, first)))) return;
  throw altered(session, ['vaults: it is not bound to your vault alone']);
}

async function isOfSession({ platform }: VaultDirectory, { metadata }: Session, vaultId: string): Promise<boolean> {
  const vault = await readIdentityVault(platform, vaultId);
  return vault !== undefined && vault.mark.attempt === metadata[attemptKey];
}

/** Throws `session_ended` for a session that has ended. */
export function requireLive(session: Session): void {
  if (isLive(session)) return;
  throw new AppError('session_ended', `the session ${quote(session.id)} has ended, and takes nothing any more`, {
    hint: 'start a new one: setup-session --agent <name>; nothing was sent',
  });
}

/**
 * Looks at everything again before something is sent to a session. Throws `not_allowed`, `session_ended`, `session_altered`,
 * and whatever a new session of its agent would be refused with.
 */
export async function requireContinuable(request: ContinueRequest): Promise<void> {
  const { session, principal, configuration, lookups } = request;
  requireOwner(session, principal);
  requireLive(session);
  const name = session.metadata[agentKey] ?? '';
  const agent = configuration.agents.get(name);
  if (agent === undefined) {
    throw new AppError('not_allowed', `the agent ${quote(name)} of the session ${quote(session.id)} has no file`, {
      hint: `it is not for anybody any more: setup-session stop ${idWord(session.id)}; nothing was sent`,
    });
  }
  const preparing = prepareNow(request, agent);
  // What it says counts only where nothing worse is the matter.
  preparing.catch(() => {});
  const { alarms, tokensTakenBack } = await verifySession(request, session, lookups);
  if (alarms.length > 0) {
    // The vault of somebody who was off-boarded is archived: nobody changed the session.
    await preparing.catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'offboarded') throw error;
    });
    throw altered(
      session,
      alarms.map(({ what, why }) => `${what}: ${why}`),
    );
  }
  const prepared = await preparing;
  if (tokensTakenBack) throw tokensTakenBackError(session.id);
  if (session.agent.id !== prepared.inForce.agent.id) {
    throw altered(session, [`agent: ${quote(session.agent.id)} is not the agent ${quote(name)}`]);
  }
  requireNoWider(session, prepared, name);
}

/** The error of whoever would go on with a session whose tokens were taken back. */
export function tokensTakenBackError(id: string): AppError {
  return new AppError(
    'session_ended',
    `the tokens of the session ${quote(id)} were taken back, and it gets no others`,
    {
      hint: `nothing was sent; end it: setup-session stop ${idWord(id)}, and start a new one: setup-session --agent <name>`,
    },
  );
}

/** Everything that a new session of the agent would need, without the services that this one was started without. */
async function prepareNow(request: ContinueRequest, agent: Agent): Promise<PreparedSession> {
  const { platform, configuration, principal, memory, ownership, warn, renew, session } = request;
  const servers: unknown = session.agent?.mcp_servers;
  const used = new Set(Array.isArray(servers) ? servers.map((server: { name?: unknown } | null) => server?.name) : []);
  return await prepareSession({
    platform,
    configuration,
    agent,
    principal,
    memory,
    ownership,
    warn,
    renew,
    without: Object.keys(agent.services).filter((service) => !used.has(service)),
    ...(await request.readLocks(agent)),
  });
}

/** Verdicts, scopes and pins may have become narrower since it was started (P5). */
function requireNoWider(session: Session, { tooling }: PreparedSession, agent: string): void {
  const [tools, servers] = [new Set(permissionLines(tooling.tools)), new Set(serverLines(tooling.mcp_servers))];
  const wider = [
    ...permissionLines(session.agent.tools).filter((line) => !isCovered(line, tools)),
    ...serverLines(session.agent.mcp_servers).filter((line) => !servers.has(line)),
  ];
  if (wider.length === 0) return;
  throw new AppError(
    'not_allowed',
    `the session ${quote(session.id)} may do more than you may with ${quote(agent)} now: ${wider.map(quote).join(', ')}`,
    {
      hint: `nothing was sent; end it: setup-session stop ${idWord(session.id)}, and start a new one: setup-session --agent ${agent}`,
    },
  );
}

function altered({ id }: Session, reasons: readonly string[]): AppError {
  const lines = [`the session ${quote(id)} is not what was started, and nothing was sent to it:`];
  return new AppError('session_altered', [...lines, ...reasons.map((reason) => `  ${reason}`)].join('\n'), {
    hint: `end it: setup-session stop ${idWord(id)}; then find out who has a key of the workspace and changed it`,
  });
}
