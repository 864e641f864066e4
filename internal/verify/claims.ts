/**
 * What a session token says, and what an agent identity token of the platform says. Read once, strictly: what is missing or of
 * another kind makes the token none. Pure.
 */

/** The `typ` of a session token: keeps whatever else is signed with the same key from counting as one. */
export const sessionTokenType = 'managed-session+jwt';

/** The longest lifetime of a session token, in seconds. */
const longestLifetimeSeconds = 600;

/** Signature algorithms of session tokens. */
export type Algorithm = 'EdDSA' | 'ES256';

/** An agent that acts, and for which other agent it does (RFC 8693 section 4.1). */
export interface ActingAgent {
  /** The agent's id. */
  sub: string;
  /** The name of its file. */
  name: string;
  version: number;
  /** The agent whose session began this one. */
  act?: ActingAgent;
}

/** What a session may do at one server: the names of its tools by verdict. A tool that is not listed is off. */
export interface Permitted {
  on: readonly string[];
  auto: readonly string[];
  ask: readonly string[];
}

/** Whose session it is, as the organisation's own sign-in names them (RFC 9493, `iss_sub`). */
export interface PersonId {
  format: 'iss_sub';
  iss: string;
  sub: string;
}

/** The claims of a session token. Times are seconds since 1970. */
export interface SessionClaims {
  iss: string;
  /** The person: kind, issuer and subject in one text. */
  sub: string;
  sub_id: PersonId;
  act: ActingAgent;
  sid: string;
  root_sid: string;
  /** Of a session that another one began. */
  parent_sid?: string;
  depth: number;
  aud: readonly [string];
  /** The workspace. */
  tenant: string;
  /** The act of the record by which the session was made. */
  txn: string;
  /** Digest of the id of the person's vault. */
  vault: string;
  /** Digest of the configuration that decided. */
  policy: string;
  may: Permitted;
  task?: string;
  /** Verified by the organisation's sign-in; only where it is configured. */
  email?: string;
  status: { status_list: { idx: number; uri: string } };
  iat: number;
  nbf: number;
  exp: number;
  jti: string;
}

/** The claims of an identity token that the platform signs for its own agents. */
export interface AgentClaims {
  iss: string;
  sub: string;
  aud: readonly [string];
  tenant: string;
  agent_id: string;
  iat: number;
  exp: number;
  jti: string;
}

const longestText = 2048;
const mostTools = 512;
/** Deeper than any chain that is verified. */
const deepestChain = 16;

/** The claims of a session token, or what is wrong with them. */
export function readSessionClaims(payload: Readonly<Record<string, unknown>>): SessionClaims | string {
  const unknown = Object.keys(payload).find((name) => !known.has(name));
  if (unknown !== undefined) return 'it has a claim that session tokens do not have';
  const text = texts.find((name) => !isText(payload[name]));
  if (text !== undefined) return `${text} is no text`;
  const optional = optionalTexts.find((name) => payload[name] !== undefined && !isText(payload[name]));
  if (optional !== undefined) return `${optional} is no text`;
  const number = numbers.find((name) => !isCount(payload[name]));
  if (number !== undefined) return `${number} is no whole number`;
  const { aud, act, may, sub_id: person, status, depth, sid, root_sid: root, parent_sid: parent } = payload;
  if (!isAudience(aud)) return 'aud is not one address';
  const chain = chainLength(act);
  if (chain === undefined) return 'act names no agent';
  if (chain !== (depth as number) + 1) return 'act is not as deep as depth says';
  if ((depth === 0) !== (sid === root) || (depth === 0) !== (parent === undefined)) {
    return 'depth does not fit its sessions';
  }
  if (!isPermitted(may)) return 'may is no list of tools by verdict';
  if (!isRecord(person) || person['format'] !== 'iss_sub' || !isText(person['iss']) || !isText(person['sub'])) {
    return 'sub_id names nobody';
  }
  const entry = isRecord(status) ? status['status_list'] : undefined;
  if (!isRecord(entry) || !isCount(entry['idx']) || !isText(entry['uri'])) return 'status names no place in a list';
  const { iat, exp } = payload as { iat: number; exp: number };
  if (exp <= iat || exp - iat > longestLifetimeSeconds) return 'it is valid for longer than session tokens are';
  return payload as unknown as SessionClaims;
}

/** The claims of the platform's identity token of an agent, or what is wrong with them. */
export function readAgentClaims(payload: Readonly<Record<string, unknown>>): AgentClaims | string {
  const text = (['iss', 'sub', 'tenant', 'agent_id', 'jti'] as const).find((name) => !isText(payload[name]));
  if (text !== undefined) return `${text} is no text`;
  const number = (['iat', 'exp'] as const).find((name) => !isCount(payload[name]));
  if (number !== undefined) return `${number} is no whole number`;
  if (!isAudience(payload['aud'])) return 'aud is not one address';
  return payload as unknown as AgentClaims;
}

/** What a session may do with one tool. */
export function verdictOn({ may }: Pick<SessionClaims, 'may'>, tool: string): 'on' | 'auto' | 'ask' | 'off' {
  return (['on', 'auto', 'ask'] as const).find((verdict) => may[verdict].includes(tool)) ?? 'off';
}

const texts = ['iss', 'sub', 'sid', 'root_sid', 'tenant', 'txn', 'vault', 'policy', 'jti'] as const;
const optionalTexts = ['parent_sid', 'task', 'email'] as const;
const numbers = ['depth', 'iat', 'nbf', 'exp'] as const;
const known = new Set<string>([...texts, ...optionalTexts, ...numbers, 'sub_id', 'act', 'aud', 'may', 'status']);

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= longestText;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAudience(value: unknown): value is [string] {
  return Array.isArray(value) && value.length === 1 && isText(value[0]);
}

/** How many agents are named; undefined where one of them is none. */
function chainLength(act: unknown): number | undefined {
  let length = 0;
  for (let each = act; each !== undefined; each = (each as Record<string, unknown>)['act']) {
    if (!isRecord(each) || !isText(each['sub']) || !isText(each['name']) || !isCount(each['version'])) return undefined;
    length += 1;
    if (length > deepestChain) return undefined;
  }
  return length === 0 ? undefined : length;
}

function isPermitted(value: unknown): value is Permitted {
  if (!isRecord(value) || Object.keys(value).length !== 3) return false;
  const lists = [value['on'], value['auto'], value['ask']];
  return lists.every((list) => Array.isArray(list) && list.length <= mostTools && list.every(isText));
}
