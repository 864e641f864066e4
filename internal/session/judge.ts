/** Whether a session is still what was started (P1, P6), judged from everything that is known of it. Pure. */

import { type AnsweredAgent, serverLines } from '../agent/definition.ts';
import { undecidedWords } from '../agent/undecided.ts';
import { normalisedServerUrl } from '../config/addresses.ts';
import { isSamePerson } from '../identity/principal.ts';
import { permissionLines } from '../policy/toolset.ts';
import { type IdentityVault, strangeCredentials } from '../session-token/identity-vault.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import { type Claim, isProven } from '../vault/claims.ts';
import { ownerOf } from '../vault/owner.ts';
import { whyNot } from '../vault/resolve.ts';
import { agentKey, compareFacts, digestOf, type FactSource, type Facts, factsOf } from './facts.ts';
import { attemptKey, digestKey } from './intent.ts';

/** What is known of a session. */
export interface SessionEvidence {
  session: FactSource;
  /** Each of its vaults with what its claim to be the owner's is worth; without one where it makes none. */
  vaults: readonly { id: string; claim: Claim | undefined; identity?: IdentityVault | undefined }[];
  /** Its `session.updated` events: when, and which parts were changed. */
  updates: readonly { at: string; parts: readonly string[] }[];
  /** What this machine kept when it started the session. */
  record: Facts | undefined;
  /** The pinned version of its agent; undefined where there is none. */
  base: AnsweredAgent | undefined;
  /** The addresses of the services in the catalogue. */
  catalogue: readonly string[];
  /** Those among them that take tokens of sessions. */
  identityServers: readonly string[];
  /** What its signature is worth. Without one it is less proven and nothing speaks against it: not everybody has a key. */
  signature: Claim['signature'];
  /** Whether another session that runs carries the same attempt. */
  twin: boolean;
  /** Members of its tools that this version does not know and that nobody has accepted. */
  undecided: readonly string[];
}

/** One thing that is not as it was started. `why` is harmless in a terminal. */
export interface Alarm {
  what: string;
  why: string;
}

/** What people may change in a session without changing what it may do. */
const harmlessParts = ['title', 'budget'];

/** Every reason to distrust a session; none means that nothing speaks against it. */
export function judgeSession(evidence: SessionEvidence): Alarm[] {
  const facts = factsOf(evidence.session);
  return [
    ...judgeRecord(evidence, facts),
    ...judgeVaults(evidence),
    ...judgeUpdates(evidence),
    ...judgeWidth(evidence, facts),
    ...evidence.undecided.map((member) => ({ what: 'tools', why: undecidedWords(member) })),
  ];
}

function judgeRecord({ session, record, twin, signature }: SessionEvidence, facts: Facts): Alarm[] {
  const { [attemptKey]: attempt, [digestKey]: digest } = session.metadata;
  if (attempt === undefined || digest === undefined || ownerOf(session.metadata) === undefined) {
    return [
      { what: 'record', why: 'it carries no whole record: somebody else started it, or took or changed the record' },
    ];
  }
  const twins = twin ? [{ what: 'record', why: 'another session that runs carries the same record' }] : [];
  const changed =
    digest === digestOf(facts, attempt)
      ? []
      : [{ what: 'record', why: 'it is not what its record says it was started as' }];
  const forged = signature.kind === 'invalid' ? [{ what: 'record', why: whyNot(signature) }] : [];
  const changes = record === undefined ? [] : compareFacts(record, facts);
  return [
    ...twins,
    ...forged,
    ...changed,
    ...changes.map(({ what, more, less }) => ({ what, why: words(more, less) })),
  ];
}

function words(more: readonly string[], less: readonly string[]): string {
  const list = (lines: readonly string[]) => lines.map(quote).join(', ');
  const parts = [
    ...(more.length > 0 ? [`has now ${list(more)}`] : []),
    ...(less.length > 0 ? [`was started with ${list(less)}`] : []),
  ];
  return parts.join('; ') || 'is in another order';
}

/**
 * One person's vault, and its record names the session's owner. Before it may stand the vault of the session's own tokens, where
 * a server of the session takes such: its own, of the same person, with tokens for such servers alone (P6).
 */
function judgeVaults(evidence: SessionEvidence): Alarm[] {
  const { session, vaults } = evidence;
  const owner = ownerOf(session.metadata);
  const [first, ...others] = vaults;
  const identified = first?.identity !== undefined && others.length > 0;
  const persons = identified ? others : vaults;
  const count = persons.length === 1 ? [] : [{ what: 'vaults', why: countWords(vaults.length, identified) }];
  const foreign = persons.flatMap(({ id, claim }) => {
    if (owner === undefined || (claim !== undefined && isProven(claim))) return [];
    const reason = claim === undefined ? 'it is archived, gone, or names somebody else' : whyNot(claim.signature);
    return [{ what: 'vaults', why: `${quote(id)} is not the vault of the session's owner: ${reason}` }];
  });
  return [
    ...count,
    ...foreign,
    ...judgeAgentItself(session),
    ...judgeIdentity(evidence, identified ? first.identity : undefined),
  ];
}

/** What an agent has of its own is for its own sessions: no other agent acts with it, and it acts as nobody else. */
function judgeAgentItself({ metadata }: FactSource): Alarm[] {
  const owner = ownerOf(metadata);
  const agent = metadata[agentKey] ?? '';
  if (owner?.kind !== 'agent' || owner.subject === agent) return [];
  return [{ what: 'owner', why: `it is a session of the agent ${quote(owner.subject)}, and runs ${quote(agent)}` }];
}

function countWords(count: number, identified: boolean): string {
  return identified
    ? `it has ${count} vaults, not its person's and one for its tokens`
    : `it has ${count} vaults, not one`;
}

function judgeIdentity({ session, identityServers }: SessionEvidence, identity: IdentityVault | undefined): Alarm[] {
  const takers = new Set(identityServers.map(normalisedServerUrl));
  const servers = session.agent.mcp_servers.filter(({ url }) => isUrl(url) && takers.has(normalisedServerUrl(url)));
  if (identity === undefined) {
    return servers.map(({ name }) => ({
      what: 'vaults',
      why: `${quote(name)} takes tokens of sessions, and it has no vault of such before its person's`,
    }));
  }
  const owner = ownerOf(session.metadata);
  const { id, mark, credentials } = identity;
  const isOwn = owner !== undefined && isSamePerson(owner, mark.owner) && mark.attempt === session.metadata[attemptKey];
  const strange = strangeCredentials(credentials, servers);
  const unneeded = `no server of it takes tokens of sessions, and ${quote(id)} stands before its person's vault`;
  return [
    ...(servers.length > 0 ? [] : [{ what: 'vaults', why: unneeded }]),
    ...(isOwn ? [] : [{ what: 'vaults', why: `${quote(id)} holds the tokens of another session` }]),
    ...strange.map((each) => ({ what: 'vaults', why: `${quote(id)} holds what is no token of its servers: ${each}` })),
  ];
}

/** We never update a session, so whoever did was somebody else. The platform's history cannot be changed with a key. */
function judgeUpdates({ updates }: SessionEvidence): Alarm[] {
  return updates.flatMap(({ at, parts }) => {
    const serious = parts.filter((part) => !harmlessParts.includes(part));
    // Metadata that was cleared is not in the event.
    if (parts.length === 0) return [{ what: 'updated', why: `somebody cleared something of it at ${quote(at)}` }];
    if (serious.length === 0) return [];
    return [{ what: 'updated', why: `somebody changed its ${serious.map(quote).join(', ')} at ${quote(at)}` }];
  });
}

/** Whatever any record says: never wider than the pinned version of its agent, no server outside the catalogue. */
function judgeWidth({ session, base, catalogue }: SessionEvidence, facts: Facts): Alarm[] {
  const known = new Set(catalogue.map(normalisedServerUrl));
  const strangers = session.agent.mcp_servers
    .filter(({ url }) => !isUrl(url) || !known.has(normalisedServerUrl(url)))
    .map(({ name, url }) => ({ what: 'MCP servers', why: `${quote(name)} at ${quote(url)} is not in the catalogue` }));
  if (base === undefined) {
    return [...strangers, { what: 'agent', why: 'the platform does not know its agent in that version' }];
  }
  const [tools, servers] = [new Set(permissionLines(base.tools)), new Set(serverLines(base.mcp_servers))];
  const beyond = [
    ...facts.tools.filter((line) => !isCovered(line, tools)).map((line) => ({ what: 'tools', line })),
    ...facts['MCP servers'].filter((line) => !servers.has(line)).map((line) => ({ what: 'MCP servers', line })),
  ];
  return [
    ...strangers,
    ...beyond.map(({ what, line }) => ({ what, why: `${quote(line)} is more than its agent's version has` })),
  ];
}

const wider: Readonly<Record<string, readonly string[]>> = {
  always_ask: ['auto', 'always_allow'],
  auto: ['always_allow'],
};

/** Whether permissions allow as much as one line says: the same, or the same tool with a wider policy. */
export function isCovered(line: string, allowed: ReadonlySet<string>): boolean {
  if (allowed.has(line)) return true;
  const [tool, policy = '', ...rest] = line.split(' ');
  return (wider[policy] ?? []).some((other) => allowed.has([tool, other, ...rest].join(' ')));
}
