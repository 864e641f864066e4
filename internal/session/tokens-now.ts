/** What a session's own tokens may say now: no more than when it began, and nothing where what let it begin holds no longer. */
import type { Agent, Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { requireAssurance } from '../identity/assurance.ts';
import type { Principal } from '../identity/principal.ts';
import { unlessMissing } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import { narrowest } from '../policy/effective.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import { judgeTools, mayUseAgent, type PinSource } from '../policy/verdict.ts';
import type { SessionIdentity } from '../session-token/identity.ts';
import { quote } from '../text/quote.ts';
import { isProven } from '../vault/claims.ts';
import { judgeClaim, whyNot } from '../vault/resolve.ts';
import { isOffboarded, offboardedError } from '../vault/tombstone.ts';
import { requirementOf } from './prepare.ts';
import { type Lookups, type VerifyRequest, verifySession } from './verify.ts';

/** What judging needs. */
export interface TokensNowRequest extends VerifyRequest {
  configuration: Configuration;
  identity: SessionIdentity;
  /** The person as they are known now; as they were when it began, where nobody else can know more. */
  principal: Principal;
  session: Session;
  lookups: Lookups;
  toolPins: PinSource;
}

/**
 * The tools that a further token may name. Throws `offboarded`, `not_allowed`, `assurance_missing`, `ownership_unproven`,
 * `session_altered` or `session_ended`: then what was issued is to be taken back; and a `PlatformError` where it is not known.
 */
export async function tokensNow(request: TokensNowRequest): Promise<DecidedTool[]> {
  const { platform, ownership, configuration, identity, principal, session, lookups, toolPins } = request;
  const vault = await unlessMissing('given', platform.vaults.retrieve(identity.personVaultId));
  if (vault !== undefined && isOffboarded(vault.metadata)) throw await offboardedError(vault, principal, ownership);
  const claim = vault && (await judgeClaim(vault, principal, ownership));
  if (claim === undefined || !isProven(claim)) {
    const why = claim === undefined ? 'it is archived, gone, or names somebody else' : whyNot(claim.signature);
    throw new AppError(
      'ownership_unproven',
      `the vault ${quote(identity.personVaultId)} is not theirs any more: ${why}`,
    );
  }
  const agent = configuration.agents.get(identity.agent.name);
  if (agent === undefined || !mayUseAgent(principal, agent)) {
    throw new AppError(
      'not_allowed',
      `${quote(principal.label)} may not use the agent ${quote(identity.agent.name)} any more`,
    );
  }
  requireAssurance(principal, requirementOf(agent, configuration));
  const { alarms, tokensTakenBack } = await verifySession(request, session, lookups);
  if (alarms.length > 0) {
    const lines = alarms.map(({ what, why }) => `${what}: ${why}`);
    throw new AppError(
      'session_altered',
      `the session ${quote(session.id)} is not what was started: ${lines.join('; ')}`,
    );
  }
  if (tokensTakenBack) throw new AppError('session_ended', 'the vault of its tokens is archived');
  // Conditions are those of when it began, as its tools on the platform are.
  const now = judgeTools(agent, nowOf(principal, agent), configuration, { pins: toolPins, now: new Date(identity.at) });
  return identity.tools.flatMap((tool) => {
    const found = now.find((each) => each.service === tool.service && each.tool === tool.tool)?.verdict ?? 'off';
    const verdict = narrowest(tool.verdict, found);
    return verdict === 'off' ? [] : [{ ...tool, verdict }];
  });
}

/** What an agent may do of its own is what its file says now; nobody else can know more of a person than that they were. */
function nowOf(principal: Principal, { autonomous }: Agent): Principal {
  return principal.kind === 'agent' ? { ...principal, groups: autonomous?.groups ?? [] } : principal;
}
