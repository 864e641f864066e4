/** How a command comes to one session: the person is proven, and the session is theirs, or they are an operator. */

import { type Need, needOf } from '../approval/judge-call.ts';
import { agentNamed } from '../config/lookup.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import type { Session } from '../platform/sessions.ts';
import { type Approval, isApprover } from '../policy/approvers.ts';
import { isOperator } from '../policy/verdict.ts';
import { type FoundCall, readCall } from '../session/call.ts';
import { requireOwner, sessionRequirement } from '../session/continue.ts';
import type { ToolCall } from '../session/event.ts';
import { agentKey } from '../session/facts.ts';
import { isInScope, type Scope } from '../session/live.ts';
import { type Lookups, lookupsOf, readSession } from '../session/verify.ts';
import { quote } from '../text/quote.ts';
import { isOwnedBy, ownerOf } from '../vault/owner.ts';
import { findVault } from '../vault/resolve.ts';
import { requireOperator } from './actor.ts';
import { runAsAgent } from './as-agent.ts';
import type { Ports } from './ports.ts';
import { loadProject, type OperatorRun, openOperatorRun } from './project.ts';
import { signInsAtStart } from './sign-in-at-start.ts';
import { workspaceOf } from './workspace.ts';

/** A run and the session that it is about. */
export interface SessionRun {
  run: OperatorRun;
  session: Session;
  lookups: Lookups;
}

/** Whether a run looks at one's own sessions, or at everybody's. */
export interface ScopeChoice {
  all: boolean;
}

/** Opens a run; with `--all` for operators only. Throws `not_allowed`. */
export async function openScopedRun(ports: Ports, { all }: ScopeChoice, command: string): Promise<OperatorRun> {
  const configuration = await loadProject(ports);
  const run = await openOperatorRun(ports, configuration, command);
  if (all) requireOperator(run.principal, configuration, 'act on the sessions of others');
  return run;
}

/** Which sessions a run is about. */
export async function scopeOf(run: OperatorRun, lookups: Lookups, { all }: ScopeChoice): Promise<Scope> {
  if (all) {
    const isSomebodys = async (vaultId: string) => {
      const vault = await lookups.vault(vaultId);
      return vault !== undefined && ownerOf(vault.metadata) !== undefined;
    };
    return { kind: 'all', isSomebodys };
  }
  const { principal } = run;
  return { kind: 'own', principal, vaultId: (await findVault(run, principal))?.id };
}

/** One session by its id: one's own, or for an operator anybody's, which is said. Throws `usage` or `not_allowed`. */
export async function openSession(ports: Ports, command: string, id: string): Promise<SessionRun> {
  const run = await openScopedRun(ports, { all: false }, command);
  const lookups = lookupsOf(run.platform);
  return { run, session: await readReachable(ports, run, lookups, id), lookups };
}

/** As {@link openSession}, in a run that is open. */
export async function readReachable(ports: Ports, run: OperatorRun, lookups: Lookups, id: string): Promise<Session> {
  const { platform, principal, configuration } = run;
  const session = await readSession(platform, id);
  if (isOwnedBy(session.metadata, principal)) return session;
  if (!isOperator(principal, configuration)) {
    // What is bound to a person's vault is theirs to look at and to end, whatever it says of itself.
    if (await isInScope(session, await scopeOf(run, lookups, { all: false }))) return session;
    throw new AppError('not_allowed', `${quote(id)} is not a session of ${quote(principal.label)}`, {
      hint: 'operators may look at and end those of others: people.operators in config/interface.yaml',
    });
  }
  const of = ownerOf(session.metadata)?.subject;
  ports.tell.note(`as an operator: ${quote(id)} is a session of ${of === undefined ? 'nobody' : quote(of)}`);
  return session;
}

/** A run, a session and a call of it that may be answered. */
export interface CallRun extends SessionRun {
  found: FoundCall | undefined;
  /** Why this person may answer it; undefined for the owner, where nobody else approves the call. */
  approval: Approval | undefined;
  own: boolean;
  /** What the rules say of it; undefined where there is no such call. */
  need: Need | undefined;
}

/**
 * One call of a session, for the owner of the session and for whom the configuration names to approve it. Both are read first,
 * since they say what the sign-in has to show. Throws `usage` or `not_allowed`.
 */
export async function openCall(ports: Ports, command: string, id: string, callId: string): Promise<CallRun> {
  const configuration = await loadProject(ports);
  const signInOf = signInsAtStart(ports, workspaceOf(ports, configuration), configuration);
  let read: Pick<CallRun, 'session' | 'found'> | undefined;
  const needIn = (platform: Platform, session: Session, { call }: FoundCall) =>
    needOf({ platform, configuration, signInOf }, session, call);
  const approvalOf = async (platform: Platform, { session, found }: Pick<CallRun, 'session' | 'found'>) =>
    found && (await needIn(platform, session, found)).approval;
  const look = async (platform: Platform) => {
    const session = await readSession(platform, id);
    return { session, found: await readCall(platform, session.id, callId) };
  };
  const run = await openOperatorRun(ports, configuration, command, {
    async requirement(platform, first) {
      read = await look(platform);
      if (isOwnedBy(read.session.metadata, first)) return sessionRequirement(read.session, configuration);
      const approval = await approvalOf(platform, read);
      return approval !== undefined && isApprover(first, approval.approvers) ? approval.approvers.require : undefined;
    },
  });
  const { session, found } = read ?? (await look(run.platform));
  const need = found && (await needIn(run.platform, session, found));
  return { run, session, found, need, ...mayAnswer(run, session, need), lookups: lookupsOf(run.platform) };
}

/** The same call as it is now, in the same run. Throws as {@link openCall}. */
export async function lookAgain(opened: CallRun, call: ToolCall): Promise<CallRun> {
  const { run } = opened;
  const session = await readSession(run.platform, opened.session.id);
  const need = await needOf(run, session, call);
  return { ...opened, session, need, ...mayAnswer(run, session, need), lookups: lookupsOf(run.platform) };
}

/** Whether it is theirs and who approves it in their place. Throws `not_allowed` where they are neither. */
function mayAnswer({ principal }: OperatorRun, session: Session, need: Need | undefined) {
  const own = isOwnedBy(session.metadata, principal);
  const approval = need?.approval;
  if (!own && (approval === undefined || !isApprover(principal, approval.approvers))) requireOwner(session, principal);
  return { own, approval };
}

/**
 * One session by its id, for its owner alone, an operator neither; `asAgent` for whoever may have its agent act, of sessions
 * that are the agent's own. It is read first, since its agent says what the sign-in has to show. Throws `usage`, `not_allowed`
 * and what {@link runAsAgent} throws.
 */
export async function openOwnSession(ports: Ports, command: string, id: string, asAgent = false): Promise<SessionRun> {
  const configuration = await loadProject(ports);
  const read: Session[] = [];
  const opened = await openOperatorRun(ports, configuration, command, {
    async requirement(platform) {
      const session = await readSession(platform, id);
      read.push(session);
      return sessionRequirement(session, configuration);
    },
  });
  const session = read[0] ?? (await readSession(opened.platform, id));
  const run = asAgent ? await runAsAgent(opened, agentNamed(configuration, session.metadata[agentKey] ?? '')) : opened;
  requireOwner(session, run.principal);
  return { run, session, lookups: lookupsOf(run.platform) };
}
