/**
 * What is known of a session that has tokens of its own: whose it is, what it may do, its place in the status list and what
 * was issued to it. Kept from before its vault is made until everything of it is taken back, so that whoever comes after a
 * crash knows all that there can be.
 */
import type { Assurance, Principal } from '../identity/principal.ts';
import { principalKinds } from '../identity/principal.ts';
import type { DecidedTool } from '../policy/toolset.ts';
import type { KeptText, KeptTexts, Workspace } from '../stores/kept-text.ts';
import { isRecord, recordIn } from '../text/record.ts';
import type { ActingAgent } from '../verify/claims.ts';

/** The session that began another one. */
export interface Parent {
  sid: string;
  rootSid: string;
  depth: number;
  /** Its agent, and those before. */
  act: ActingAgent;
}

/** One server that a session has a token for. */
export interface ServedBy {
  service: string;
  url: string;
  /** Undefined until a token was placed. */
  credentialId?: string | undefined;
  /** The token that was placed last, by its name, and its times in seconds since 1970. */
  jti?: string | undefined;
  issuedAt?: number | undefined;
  expires?: number | undefined;
}

/** A session's identity as it is kept. */
export interface SessionIdentity {
  attempt: string;
  /** Undefined until the vault is known to be there. */
  vaultId?: string | undefined;
  /** Undefined until the session is known to be there. */
  sessionId?: string | undefined;
  /** The act of the record by which the session was made. */
  txn?: string | undefined;
  person: Pick<Principal, 'kind' | 'issuer' | 'subject' | 'label' | 'groups' | 'verifiedEmail' | 'assurance'>;
  personVaultId: string;
  agent: { id: string; name: string; version: number };
  parent?: Parent | undefined;
  /** What its tools were when it began; it never gets more. */
  tools: readonly DecidedTool[];
  task?: string | undefined;
  /** Its place in the status list. */
  index: number;
  servers: readonly ServedBy[];
  /** RFC 3339. */
  at: string;
}

/** The identities of one workspace. */
export interface Identities {
  at(attempt: string): KeptIdentity;
  /** Everyone that is kept. What cannot be read is among them, without a value. */
  all(): Promise<{ kept: KeptIdentity; identity: SessionIdentity | undefined }[]>;
}

/** One of them. */
export interface KeptIdentity extends Pick<KeptText, 'where' | 'remove' | 'hold'> {
  read(): Promise<SessionIdentity | undefined>;
  write(identity: SessionIdentity): Promise<void>;
}

const version = 1;

export function identitiesIn(identities: KeptTexts, workspace: Workspace): Identities {
  const kept = (text: KeptText): KeptIdentity => ({
    where: text.where,
    remove: () => text.remove(),
    hold: (waiting) => text.hold(waiting),
    read: async () => parseIdentity(await text.read()),
    write: (identity) => text.write(`${JSON.stringify({ version, ...identity })}\n`),
  });
  const keyOf = (attempt: string) => ({ workspace, name: attempt });
  return {
    at: (attempt) => kept(identities.at(keyOf(attempt))),
    async all() {
      const found = await Promise.all(
        (await identities.all()).map(async (text) => ({ text, identity: parseIdentity(await text.read()) })),
      );
      // Those of another workspace are kept elsewhere.
      return found
        .filter(
          ({ text, identity }) => identity === undefined || identities.at(keyOf(identity.attempt)).where === text.where,
        )
        .map(({ text, identity }) => ({ kept: kept(text), identity }));
    },
  };
}

/** An identity that was kept as JSON; undefined where it is none. */
export function parseIdentity(text: string | undefined): SessionIdentity | undefined {
  const value = text === undefined ? undefined : recordIn(text);
  if (value === undefined || value['version'] !== version) return undefined;
  const { version: _, ...rest } = value;
  const { person, agent, tools, servers, parent } = rest;
  const texts = ['attempt', 'personVaultId', 'at'].every((name) => typeof rest[name] === 'string');
  const maybe = ['vaultId', 'sessionId', 'txn', 'task'].every((name) => isMaybe(rest[name], 'string'));
  const whole =
    texts &&
    maybe &&
    Number.isSafeInteger(rest['index']) &&
    isPerson(person) &&
    isRecord(agent) &&
    typeof agent['id'] === 'string' &&
    typeof agent['name'] === 'string' &&
    typeof agent['version'] === 'number' &&
    isListOf(tools, ({ service, tool, verdict }) =>
      [service, tool, verdict].every((each) => typeof each === 'string'),
    ) &&
    isListOf(servers, isServer) &&
    (parent === undefined || isParent(parent));
  return whole ? (rest as unknown as SessionIdentity) : undefined;
}

function isPerson(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { kind, issuer, subject, label, groups } = value;
  return (
    principalKinds.some((each) => each === kind) &&
    [issuer, subject, label].every((each) => typeof each === 'string') &&
    Array.isArray(groups) &&
    groups.every((each) => typeof each === 'string') &&
    isMaybe(value['verifiedEmail'], 'string') &&
    (value['assurance'] === undefined || isAssurance(value['assurance']))
  );
}

function isAssurance(value: unknown): value is Assurance {
  return (
    isRecord(value) &&
    Array.isArray(value['amr']) &&
    isMaybe(value['acr'], 'string') &&
    isMaybe(value['authTime'], 'number')
  );
}

function isServer({ service, url, credentialId, jti, issuedAt, expires }: Record<string, unknown>): boolean {
  return (
    [service, url].every((each) => typeof each === 'string') &&
    [credentialId, jti].every((each) => isMaybe(each, 'string')) &&
    [issuedAt, expires].every((each) => isMaybe(each, 'number'))
  );
}

/** As deep as a line may be configured to be (`session_tokens.deepest`). */
const deepestParent = 15;

function isParent(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { sid, rootSid, depth, act } = value;
  const isDepth = typeof depth === 'number' && Number.isInteger(depth) && depth >= 0 && depth <= deepestParent;
  return typeof sid === 'string' && typeof rootSid === 'string' && isDepth && isRecord(act);
}

function isListOf(value: unknown, is: (each: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((each) => isRecord(each) && is(each));
}

function isMaybe(value: unknown, type: 'string' | 'number'): boolean {
  return value === undefined || typeof value === type;
}
