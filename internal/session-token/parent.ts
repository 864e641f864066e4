/** The session that begins another one, as its token shows it: verified as any server would, and held against what is known here. */
import { decodeJwt } from 'jose';
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { narrowest } from '../policy/effective.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { type SessionClaims, verdictOn } from '../verify/claims.ts';
import { trust, type Verification, verifyToken } from '../verify/verify.ts';
import { statusListAt, subjectOf } from './claims.ts';
import { isLineageOver } from './delivery.ts';
import type { Parent } from './identity.ts';
import { signedList, type TokenIssuer } from './issuing.ts';
import { keySetText, type TokenKey } from './keys.ts';

/** What a token is verified with here. */
export interface VerifyingHere {
  issuer: TokenIssuer;
  keys: readonly TokenKey[];
  services: readonly Pick<Service, 'name' | 'auth' | 'mcp_server_url'>[];
}

/** A parent, and what it may do. */
export interface ReadParent {
  parent: Parent;
  tools: readonly DecidedTool[];
}

/** Verifies a token of ours as the server that it is for would, with the keys and the list of this machine, asking nobody. */
export async function verifyHere({ issuer, keys, services }: VerifyingHere, token: Secret): Promise<Verification> {
  const { settings, tenant } = issuer;
  const audience = audienceOf(token);
  const isOurs = services.some(({ auth, mcp_server_url: url }) => auth !== undefined && url === audience);
  if (audience === undefined || !isOurs) {
    return { ok: false, code: 'wrong_audience', description: 'it is for no server of the catalogue', status: 401 };
  }
  const list = await signedList(issuer, await issuer.signer());
  const trusted = trust({
    audience,
    issuers: [
      {
        kind: 'session-token',
        issuer: settings.issuer,
        keys: JSON.parse(keySetText(keys)) as { keys: unknown[] },
        algorithm: settings.algorithm,
        tenants: [tenant],
        statusLists: [statusListAt(settings.issuer)],
      },
    ],
    deepest: 15,
    now: () => clock.now().getTime(),
    // The list that would be published now.
    fetch: async () => new Response(list),
  });
  return await verifyToken(token.reveal(), trusted);
}

/** Reads the parent of a session that is about to begin. Throws `parent_refused`. */
export async function readParent(here: VerifyingHere, token: Secret, principal: Principal): Promise<ReadParent> {
  const { issuer, services } = here;
  const verified = await verifyHere(here, token);
  if (!verified.ok) throw refused(`its token does not count: ${verified.description}`);
  if (verified.kind !== 'session-token') throw refused('it is no session of ours');
  const { claims } = verified;
  if (claims.sub !== subjectOf(principal)) throw refused('it is a session of somebody else');
  if (claims.depth + 1 > issuer.settings.deepest) {
    throw refused(`${claims.depth + 1} sessions would stand before it, and ${issuer.settings.deepest} may`);
  }
  const session = await unlessMissing('given', issuer.platform.sessions.retrieve(claims.sid));
  if (session === undefined || !isLive(session)) throw refused(`the session ${quote(claims.sid)} has ended`);
  const known = (await issuer.identities.all()).find(({ identity }) => identity?.sessionId === claims.sid)?.identity;
  if (known === undefined) throw refused(`the session ${quote(claims.sid)} was not begun from here`);
  if (await isLineageOver(issuer, known)) throw refused('a session before it in its line has ended or was taken back');
  const { sid, root_sid: rootSid, depth, act } = claims;
  return { parent: { sid, rootSid, depth, act }, tools: narrowedBy(claims, known.tools, services) };
}

/** Its token may say less than it began with, of the one server that it is for. */
function narrowedBy(
  claims: SessionClaims,
  tools: readonly DecidedTool[],
  services: VerifyingHere['services'],
): DecidedTool[] {
  const audience = services.find(({ mcp_server_url: url }) => url === claims.aud[0])?.name;
  return tools.map((tool) =>
    tool.service === audience ? { ...tool, verdict: narrowest(tool.verdict, verdictOn(claims, tool.tool)) } : tool,
  );
}

/** Whom a token says it is for; no proof. */
function audienceOf(token: Secret): string | undefined {
  try {
    const { aud } = decodeJwt(token.reveal().trim());
    return Array.isArray(aud) && aud.length === 1 ? aud[0] : undefined;
  } catch {
    return undefined;
  }
}

function refused(why: string): AppError {
  return new AppError('parent_refused', `no session is begun by that one: ${why}`);
}
