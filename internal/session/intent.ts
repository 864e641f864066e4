/** What a session is meant to be, and whether what the platform created is that (P1, P6). Pure. */
import type { Difference, MeantAgent } from '../agent/definition.ts';
import { compareAgent } from '../agent/definition.ts';
import type { LockedAgent } from '../agent/lock.ts';
import { undecidedWords } from '../agent/undecided.ts';
import type { Principal } from '../identity/principal.ts';
import type { Session } from '../platform/sessions.ts';
import { permissionLines, type Tooling } from '../policy/toolset.ts';
import { ownerRecord } from '../vault/owner.ts';
import type { OwnedVault } from '../vault/resolve.ts';
import { agentKey, digestOf, type Facts, factsOf, startedByRecord, wholeSnapshot } from './facts.ts';

/** Everything that decides a session. */
export interface SessionIntent {
  principal: Principal;
  vault: OwnedVault;
  /** The vault of its own tokens, where a server of it takes such. */
  identityVaultId?: string | undefined;
  agent: LockedAgent;
  /** With the whole model of the pinned version. */
  definition: MeantAgent;
  /** The tools this person gets: never wider than the definition's (P5). */
  tooling: Tooling;
  environmentId: string;
  title: string | undefined;
  /** The most that it may cost at list price, in cents; no limit without it. */
  budgetCents?: string | undefined;
  /** Marks this one attempt, so that a session whose answer was lost can be recognised. */
  attempt: string;
  /** Over the digest of what is meant, where this run has an ownership key. */
  signature?: string | undefined;
}

/** The metadata key that carries the attempt. */
export const attemptKey = 'mai_attempt';

/** The metadata key of the digest over what was meant: whoever reads the session later compares it with what is there. */
export const digestKey = 'mai_intent';

/** The metadata key of a signature over that digest. */
export const signatureKey = 'mai_intent_signature';

/** The vaults of a session: its person's, and where it has tokens of its own the vault of those first, so that they count (P1). */
function vaultIds({ vault, identityVaultId }: SessionIntent): string[] {
  return identityVaultId === undefined ? [vault.id] : [identityVaultId, vault.id];
}

/** The body of the session create: one person's vault, a pinned version, and overrides only where the person's tools are narrower. */
export function sessionParameters(intent: SessionIntent) {
  const { id, version } = intent.agent;
  const whole = sameTooling(intent.tooling, intent.definition);
  return {
    agent: whole
      ? { type: 'agent' as const, id, version }
      : {
          type: 'agent_with_overrides' as const,
          id,
          version,
          mcp_servers: intent.tooling.mcp_servers,
          tools: intent.tooling.tools,
          ...(sameSkills(intent) ? {} : { skills: meantSkills(intent) }),
        },
    environment_id: intent.environmentId,
    vault_ids: vaultIds(intent),
    metadata: sessionMetadata(intent),
    ...(intent.title === undefined ? {} : { title: intent.title }),
    ...(intent.budgetCents === undefined ? {} : { budget: budgetOf(intent.budgetCents) }),
  };
}

function budgetOf(cents: string) {
  return { type: 'limit' as const, max_list_cost: { amount: cents, currency: 'USD' as const } };
}

/** What is compared of a session that the platform answers. */
export type AnsweredSession = Pick<
  Session,
  'status' | 'archived_at' | 'vault_ids' | 'environment_id' | 'metadata' | 'resources' | 'agent' | 'budget'
>;

/** Every difference between what was meant and what is there; none means that the session may be handed over. */
export function compareSession(intent: SessionIntent, session: AnsweredSession): Difference[] {
  const pairs: [string, unknown, unknown][] = [
    ['vaults', vaultIds(intent), session.vault_ids],
    ['environment', intent.environmentId, session.environment_id],
    // A platform that stumbles at the start tries again by itself: nobody has changed anything.
    ['status', 'idle', session.status === 'rescheduling' ? 'idle' : session.status],
    ['archived', null, session.archived_at],
    ['metadata', sorted(sessionMetadata(intent)), sorted(session.metadata)],
    ['mounted resources', [], session.resources],
    ['budget', intent.budgetCents ?? null, centsOf(session.budget)],
    ['agent id', intent.agent.id, session.agent.id],
    ['agent version', intent.agent.version, session.agent.version],
  ];
  const own = pairs.flatMap(([what, a, b]) => {
    const [meant, found] = [JSON.stringify(a), JSON.stringify(b) ?? 'nothing'];
    return meant === found ? [] : [{ what, meant, found }];
  });
  const meant = meantAgent(intent);
  const undecided = session.agent.undecided.map((member) => ({
    what: 'tools',
    meant: 'nothing more',
    found: undecidedWords(member),
  }));
  return [...own, ...compareAgent(meant, wholeSnapshot(session.agent, meant)), ...undecided];
}

/** The cents of a budget, null without one, or whatever else the platform answers. */
function centsOf(budget: unknown): unknown {
  if (budget === null || budget === undefined) return null;
  const { type, max_list_cost: cost } = budget as Partial<ReturnType<typeof budgetOf>>;
  return type === 'limit' && cost?.currency === 'USD' ? cost.amount : budget;
}

function namingMetadata({ principal, definition }: SessionIntent): Record<string, string> {
  return { ...ownerRecord(principal), [agentKey]: definition.name, ...startedByRecord(principal) };
}

/** The digest over what is meant. */
export function meantDigest(intent: SessionIntent): string {
  return digestOf(meantFacts(intent), intent.attempt);
}

/** The facts of the session that is meant. */
export function meantFacts(intent: SessionIntent): Facts {
  return factsOf({
    vault_ids: vaultIds(intent),
    environment_id: intent.environmentId,
    metadata: namingMetadata(intent),
    resources: [],
    agent: { ...meantAgent(intent), ...intent.agent, execution_identity: { type: 'service_account' } },
  });
}

/** The agent as this person gets it. */
function meantAgent(intent: SessionIntent): MeantAgent {
  return { ...intent.definition, ...intent.tooling, skills: meantSkills(intent) };
}

/** Skills are read with a built-in tool, and the platform refuses them without it: who may not read gets none. */
function meantSkills({ definition, tooling }: SessionIntent): MeantAgent['skills'] {
  const reads = tooling.tools.some(
    ({ type, configs }) => type === 'agent_toolset_20260401' && configs.some(({ name }) => name === 'read'),
  );
  return reads ? definition.skills : [];
}

function sameSkills(intent: SessionIntent): boolean {
  return meantSkills(intent).length === intent.definition.skills.length;
}

function sessionMetadata(intent: SessionIntent): Record<string, string> {
  return {
    ...namingMetadata(intent),
    [attemptKey]: intent.attempt,
    [digestKey]: meantDigest(intent),
    ...(intent.signature === undefined ? {} : { [signatureKey]: intent.signature }),
  };
}

function sameTooling(a: Tooling, b: Tooling): boolean {
  const lines = ({ tools, mcp_servers }: Tooling) =>
    JSON.stringify([permissionLines(tools), mcp_servers.map(({ name, url }) => `${name} ${url}`).sort()]);
  return lines(a) === lines(b);
}

function sorted(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
