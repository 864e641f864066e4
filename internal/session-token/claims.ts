/** What a session token says, made of what is known of its session. Pure; what verifies it is `internal/verify/`. */
import { AppError } from '../errors/app-error.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { type ActingAgent, type Permitted, readSessionClaims, type SessionClaims } from '../verify/claims.ts';
import type { SessionIdentity } from './identity.ts';

/** How a token is made, beside whose it is. */
export interface Making {
  issuer: string;
  /** The workspace. */
  tenant: string;
  /** The address of the server, as the catalogue has it. */
  audience: string;
  /** The name of the service: its tools are those that are said. */
  service: string;
  /** Digest of the configuration that decided. */
  policy: string;
  /** What it may do now. */
  tools: readonly DecidedTool[];
  tell: readonly ('email' | 'task')[];
  /** Seconds since 1970. */
  now: number;
  lifetimeSeconds: number;
  /** The name of this token. */
  jti: string;
}

/** Names the person: kind, issuer and subject in one text. No issuer has a `#` in it, so no two are the same. */
export function subjectOf({ kind, issuer, subject }: SessionIdentity['person']): string {
  return `${kind}:${issuer}#${subject}`;
}

/** The digest of a vault's id, as tokens have it. */
function vaultDigest(vaultId: string): string {
  return sha256(vaultId, 'base64url');
}

/** Where the status list of an issuer is. */
export function statusListAt(issuer: string): string {
  return `${issuer}/status`;
}

/** What one session may do at one service, by verdict. What is off is not said. */
export function permittedAt(service: string, tools: readonly DecidedTool[]): Permitted {
  const named = (wanted: string) =>
    tools.flatMap(({ service: of, tool, verdict }) => (of === service && verdict === wanted ? [tool] : [])).sort();
  return { on: named('on'), auto: named('auto'), ask: named('ask') };
}

/** The claims of one token. Throws `token_key` for what no server would take, such as more tools than fit. */
export function claimsOf(
  identity: SessionIdentity & { sessionId: string; txn: string },
  making: Making,
): SessionClaims {
  const { person, agent, sessionId, parent, task } = identity;
  const { tell, now } = making;
  const act: ActingAgent = {
    sub: agent.id,
    name: agent.name,
    version: agent.version,
    ...(parent !== undefined && { act: parent.act }),
  };
  const claims: SessionClaims = {
    iss: making.issuer,
    sub: subjectOf(person),
    sub_id: { format: 'iss_sub', iss: person.issuer, sub: person.subject },
    act,
    sid: sessionId,
    root_sid: parent?.rootSid ?? sessionId,
    ...(parent !== undefined && { parent_sid: parent.sid }),
    depth: parent === undefined ? 0 : parent.depth + 1,
    aud: [making.audience],
    tenant: making.tenant,
    txn: identity.txn,
    vault: vaultDigest(identity.personVaultId),
    policy: making.policy,
    may: permittedAt(making.service, making.tools),
    ...(tell.includes('task') && task !== undefined && { task }),
    ...(tell.includes('email') && person.verifiedEmail !== undefined && { email: person.verifiedEmail }),
    status: { status_list: { idx: identity.index, uri: statusListAt(making.issuer) } },
    iat: now,
    nbf: now,
    exp: now + making.lifetimeSeconds,
    jti: making.jti,
  };
  // By the very rules of what verifies it: a token that counts nowhere is not handed to anybody.
  const read = readSessionClaims({ ...claims });
  if (typeof read === 'string') {
    throw new AppError('token_key', `no token can be made for ${quote(making.service)}: ${read}`, {
      hint: 'nothing was issued; let the agent have fewer tools of that service, or give the session a shorter title',
    });
  }
  return claims;
}
