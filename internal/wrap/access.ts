/** Who calls a wrapped server, and what they may: told by the token of each request, and by nothing else. */
import { decodeJwt } from 'jose';
import type { Actor } from '../platform/actor.ts';
import type { ActingAgent } from '../platform/change.ts';
import { sha256 } from '../text/canonical.ts';
import {
  type Challenge,
  challengeOf,
  type Refusal,
  refusalResponse,
  type SessionClaims,
  type Trust,
  verdictOn,
  verifySessionToken,
} from '../verify/index.ts';
import { type AccessToken, type AccessTokens, judgeAccessToken } from './access-token.ts';

/** What a caller may do with a tool. */
export type Verdict = 'on' | 'auto' | 'ask' | 'off';

/** Who sent a request. */
export interface Caller {
  /** Person and session: whose a session of MCP is, and a server that was started for it. */
  key: string;
  /** The person alone. */
  person: string;
  actor: Actor;
  agent: ActingAgent | undefined;
  /** The managed session. */
  session: string | undefined;
  /** When the token stops counting, in milliseconds since 1970. */
  until: number;
  verdictOn(tool: string): Verdict;
  /** The scope that would let the tool be called. */
  scopeFor(tool: string): string | undefined;
  /** What decided, for the record. */
  rule: string;
  /** What the server is told of the caller: variables of its environment. */
  variables: Readonly<Record<string, string>>;
}

/** What tokens are judged with. */
export interface Access {
  /** Undefined where no session tokens count. */
  sessions: Trust | undefined;
  tokens: AccessTokens;
  challenge: Challenge;
}

/** Who sent a request with this `Authorization` header, or the answer to give. */
export async function callerOf(header: string | null, access: Access): Promise<Caller | Response> {
  const { sessions, tokens, challenge } = access;
  const result =
    sessions === undefined || (tokens.any && tokens.issuerOf(issuerOf(header)) !== undefined)
      ? await judgeAccessToken(header, tokens)
      : await verifySessionToken(header, sessions);
  if (!result.ok) return refusalResponse(result, challenge);
  const caller =
    'token' in result
      ? ofAccessToken(result.token)
      : result.kind === 'session-token'
        ? ofSession(result.claims)
        : undefined;
  const isTold = caller !== undefined && Object.values(caller.variables).every((value) => !hasControls(value));
  // A program cannot be told every text, and what it is told must not end a line somewhere.
  return isTold ? caller : refusalResponse(unspeakable, challenge);
}

/** The answer to a call that would take a further scope (RFC 6750 section 3.1). */
export function scopeNeeded(scope: string, { challenge }: Access): Response {
  const parts = `error="insufficient_scope", error_description="${needed}", scope="${spelled(scope)}"`;
  const said = challengeOf({ ...unspeakable, code: 'missing' }, challenge).replace(/^Bearer/, () => `Bearer ${parts},`);
  const body = JSON.stringify({ error: 'insufficient_scope', error_description: needed, scope });
  return new Response(body, {
    status: 403,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', 'www-authenticate': said },
  });
}

const needed = 'this tool needs a further scope';

/** RFC 6749 section 3.3: what else stands in the file is no scope. */
function spelled(scope: string): string {
  return scope.replaceAll(/[^\x21\x23-\x5b\x5d-\x7e]/g, '');
}

const unspeakable: Refusal = {
  ok: false,
  code: 'bad_claims',
  description: 'it names somebody by a text that no program can be told',
  status: 401,
};

/** What a token says of its issuer. It decides by whose rules it is judged, and is judged there. */
function issuerOf(header: string | null): string | undefined {
  try {
    const { iss } = decodeJwt((header ?? '').replace(/^bearer +/i, '').trim());
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

function ofSession(claims: SessionClaims): Caller {
  const { sub, sub_id: person, sid, root_sid: root, act, tenant, exp, jti, policy, txn, email, iss } = claims;
  // An agent that acts for itself is no person either: nobody sits there.
  const isJob = sub.startsWith('workload:') || sub.startsWith('agent:');
  return {
    key: keyOf('session', iss, tenant, sub, sid),
    person: keyOf('person', iss, sub),
    actor: {
      kind: isJob ? 'job' : 'person',
      proof: 'session-token',
      issuer: person.iss,
      subject: person.sub,
      label: email ?? person.sub,
    },
    agent: { id: act.sub, name: act.name, version: String(act.version) },
    session: sid,
    until: exp * 1000,
    verdictOn: (tool) => verdictOn(claims, tool),
    scopeFor: () => undefined,
    rule: `session token ${jti} of act ${txn}, policy ${policy}`,
    variables: {
      ...personVariables(person.iss, person.sub, email),
      MCP_CALLER_SESSION: sid,
      MCP_CALLER_ROOT_SESSION: root,
      MCP_CALLER_TENANT: tenant,
      MCP_CALLER_AGENT: act.name,
      MCP_CALLER_AGENT_ID: act.sub,
      MCP_CALLER_AGENT_VERSION: String(act.version),
    },
  };
}

function ofAccessToken({ issuer, subject, client, until, tools, scopes, granted, name }: AccessToken): Caller {
  // A token may have a scope of any name, such as `constructor`.
  const lets = (scope: string, tool: string) => Object.hasOwn(scopes, scope) && scopes[scope]?.includes(tool) === true;
  const may = (tool: string) => tools.has(tool) || granted.some((scope) => lets(scope, tool));
  return {
    key: keyOf('client', issuer, subject, client ?? ''),
    person: keyOf('person', issuer, subject),
    actor: { kind: 'person', proof: 'access-token', issuer, subject, label: subject },
    agent: undefined,
    session: undefined,
    until,
    verdictOn: (tool) => (may(tool) ? 'on' : 'off'),
    scopeFor: (tool) => Object.keys(scopes).find((scope) => scopes[scope]?.includes(tool)),
    rule: `access token ${name}, scopes ${granted.join(' ') || 'none'}`,
    variables: {
      ...personVariables(issuer, subject, undefined),
      ...(client === undefined ? {} : { MCP_CALLER_CLIENT: client }),
    },
  };
}

function personVariables(issuer: string, subject: string, email: string | undefined): Record<string, string> {
  return {
    MCP_CALLER_ISSUER: issuer,
    MCP_CALLER_SUBJECT: subject,
    // Fit for the name of a file: what a server keeps for one person must not be another's.
    MCP_CALLER_KEY: sha256(JSON.stringify([issuer, subject]), 'base64url'),
    ...(email === undefined ? {} : { MCP_CALLER_EMAIL: email }),
  };
}

/** No text of one part can be read as the end of it and the beginning of the next. */
function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text) || !text.isWellFormed();
}
