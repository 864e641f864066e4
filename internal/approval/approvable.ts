/**
 * Whether a call of somebody else's session may get a yes: the session has to be what was started, its owner not off-boarded,
 * and the tool still one that its agent has. What the owner may do is in the session; who they are now only they can prove.
 */
import type { Agent } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Session } from '../platform/sessions.ts';
import { agentTools } from '../policy/verdict.ts';
import { requireLive } from '../session/continue.ts';
import type { ToolCall } from '../session/event.ts';
import { agentKey } from '../session/facts.ts';
import type { SessionRequest } from '../session/prepare.ts';
import { idWord } from '../session/turn-outcome.ts';
import { type Lookups, type VerifyRequest, verifySession } from '../session/verify.ts';
import { quote } from '../text/quote.ts';
import { ownerOf } from '../vault/owner.ts';
import { isOffboarded, offboardedError } from '../vault/tombstone.ts';

/** What is looked at. */
export interface ApprovableRequest extends VerifyRequest {
  session: Session;
  lookups: Lookups;
  readLocks(agent: Agent): Promise<Pick<SessionRequest, 'lock' | 'toolPins'>>;
}

/**
 * Throws `session_ended`, `offboarded`, `session_altered` or `not_allowed`: then nobody says yes to a call of it. What it gives
 * back throws `not_allowed` for a call of a tool that its agent has no more.
 */
export async function requireApprovable(request: ApprovableRequest): Promise<(call: ToolCall) => void> {
  const { session, configuration, lookups, ownership } = request;
  requireLive(session);
  const name = session.metadata[agentKey] ?? '';
  const agent = configuration.agents.get(name);
  if (agent === undefined) throw refused(session, `its agent ${quote(name)} has no file`);
  const [{ alarms }, { lock, toolPins }, vaults] = await Promise.all([
    verifySession(request, session, lookups),
    request.readLocks(agent),
    Promise.all(session.vault_ids.map((id) => lookups.vault(id))),
  ]);
  const owner = ownerOf(session.metadata);
  for (const vault of vaults) {
    if (vault === undefined || owner === undefined || !isOffboarded(vault.metadata)) continue;
    throw await offboardedError(vault, { ...owner, label: owner.subject }, ownership);
  }
  if (alarms.length > 0) {
    throw altered(
      session,
      alarms.map(({ what, why }) => `${what}: ${why}`),
    );
  }
  if (lock.agents[name]?.id !== session.agent.id) {
    throw altered(session, [`agent: ${quote(session.agent.id)} is not the agent ${quote(name)} that is in force`]);
  }
  const tools = agentTools(agent, configuration);
  return ({ service = '', tool = '' }) => {
    const verdict = tools.find((each) => each.service === service && each.tool === tool);
    if (verdict === undefined || verdict.verdict === 'off') {
      throw refused(session, `${quote(service)} ${quote(tool)} is off for the agent ${quote(name)} now`);
    }
    const pin = service === 'builtin' ? undefined : toolPins.pinVerdict(service, tool);
    if (pin !== undefined && pin.reason !== 'not-pinned' && pin.verdict === 'off') {
      throw refused(session, `${quote(service)} ${quote(tool)} is not what was reviewed: ${pin.reason}`);
    }
  };
}

function refused({ id }: Session, why: string): AppError {
  return new AppError('not_allowed', `nobody says yes to a call of the session ${quote(id)}: ${why}`, {
    hint: `nothing was answered; to refuse the call: --no <reason>, to end the session: setup-session stop ${idWord(id)}`,
  });
}

function altered({ id }: Session, reasons: readonly string[]): AppError {
  const lines = [`the session ${quote(id)} is not what was started, and nothing was answered:`];
  return new AppError('session_altered', [...lines, ...reasons.map((reason) => `  ${reason}`)].join('\n'), {
    hint: `end it: setup-session stop ${idWord(id)}; then find out who has a key of the workspace and changed it`,
  });
}
