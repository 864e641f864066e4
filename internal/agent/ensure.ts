/**
 * Finds the agent and the environment that a file stands for, judges an agent, and brings it in line with its file under
 * the platform's version check. What somebody changed outside is never overwritten without being told to.
 */
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { createAgent, requireVersion } from './create.ts';
import { type AgentDefinition, compareAgent, type Difference, type FoundAgent, nameKey } from './definition.ts';
import type { FoundEnvironment } from './environment.ts';
import type { LockedAgent } from './lock.ts';
import { effortOf } from './model.ts';

/** What has to be asked of the platform for an agent; `none` when it is as its file says. */
type AgentPlan =
  | { act: 'none'; id: string; version: number; locked: LockedAgent }
  | { act: 'create' }
  | { act: 'update'; id: string; version: number; differences: readonly Difference[] };

/** How an agent of the platform stands to its file; `drifted` was changed outside, `archived` ended outside. */
export type AgentState =
  | AgentPlan
  | { act: 'drifted'; id: string; version: number; differences: readonly Difference[] }
  | { act: 'archived'; id: string }
  | { act: 'retired'; id: string };

/** The agent a file stands for: by the lock's id, else by its metadata. Throws `drift` when several claim the name. */
export async function findAgent(
  platform: Platform,
  name: string,
  locked: LockedAgent | undefined,
): Promise<FoundAgent | undefined> {
  if (locked !== undefined) {
    return await found(
      platform.agents.retrieve(locked.id, { label: name }),
      `agent ${quote(name)} (${quote(locked.id)} in agents.lock.json)`,
      locked.retired,
    );
  }
  const named: FoundAgent[] = [];
  for await (const agent of platform.agents.list()) {
    if (!isLive(agent)) continue;
    if (agent.metadata[nameKey] === name) named.push(agent);
    else requireSaid(agent, name, 'agent');
  }
  return onlyOne(named, `agents are marked as ${quote(name)}`);
}

/**
 * How an agent stands to its file. Throws `platform_refused` for one whose version the platform does not say. A difference counts as a change of the file only when nobody has made another
 * version since the lock was written; otherwise it is drift. Pure.
 */
export function judgeAgent(
  meant: AgentDefinition,
  agent: FoundAgent | undefined,
  known: LockedAgent | undefined,
): AgentState {
  if (agent === undefined) return { act: 'create' };
  const { id, version } = requireVersion(agent);
  if (!isLive(agent)) return { act: known?.retired === true ? 'retired' : 'archived', id };
  const differences = [...compareAgent(meant, agent), ...missingMark(meant, agent)];
  if (differences.length === 0) return { act: 'none', id, version, locked: locked(agent) };
  return { act: version === known?.version ? 'update' : 'drifted', id, version, differences };
}

/** An adopted agent does not carry the mark yet by which it is found when the lock is lost. */
function missingMark({ metadata: meant }: AgentDefinition, { metadata: found }: FoundAgent): Difference[] {
  const [mark, is] = [meant[nameKey], found[nameKey]];
  return mark === is
    ? []
    : [{ what: `metadata ${nameKey}`, meant: JSON.stringify(mark), found: JSON.stringify(is ?? null) }];
}

/** Carries a plan out; a lost answer is settled by looking, never by asking twice (P8). Returns what is in force. */
export async function applyAgent(platform: Platform, meant: AgentDefinition, plan: AgentPlan): Promise<LockedAgent> {
  if (plan.act === 'none') return plan.locked;
  if (plan.act === 'create') return locked(await createAgent(platform, meant));
  const { id, version } = plan;
  try {
    return locked(await platform.agents.update(id, { ...meant, ...unsaid, version }, { label: meant.name }));
  } catch (error) {
    if (!(error instanceof PlatformError) || (error.outcome !== 'unknown' && error.status !== 409)) throw error;
    const now = await findAgent(platform, meant.name, { id, version });
    if (now !== undefined && compareAgent(meant, now).length === 0) return locked(now);
    if (error.status !== 409) throw error;
    throw new AppError(
      'drift',
      `somebody else changed the agent ${quote(meant.name)} at the same moment: it was at version ${version} and is at ${now?.version}`,
      { hint: 'nothing was overwritten; look at what they did: setup-session agents plan', cause: error },
    );
  }
}

/** What no file says, so that an update takes it away where somebody has set it. */
const unsaid = { execution_identity: null };

/** The environment a file stands for, like {@link findAgent}. */
export async function findEnvironment(
  platform: Platform,
  name: string,
  locked: { id: string } | undefined,
): Promise<FoundEnvironment | undefined> {
  if (locked !== undefined) {
    const what = `environment ${quote(name)} (${quote(locked.id)} in agents.lock.json)`;
    const environment = await found(platform.environments.retrieve(locked.id, { label: name }), what);
    if (!isLive(environment)) throw archived(what);
    return environment;
  }
  const named: FoundEnvironment[] = [];
  for await (const environment of platform.environments.list()) {
    if (!isLive(environment)) continue;
    if (environment.metadata[nameKey] === name) named.push(environment);
    else requireSaid(environment, name, 'environment');
  }
  return onlyOne(named, `environments are marked as ${quote(name)}`);
}

/** Throws `drift` for what may carry our mark, because the platform does not say: a second one beside it would be worse than none. */
export function requireSaid(
  { id, name, saysMetadata }: { id: string; name: string; saysMetadata: boolean },
  meant: string,
  what: string,
): void {
  if (saysMetadata || name !== meant) return;
  throw new AppError('drift', `the platform does not say whether the ${what} ${quote(id)} is ${quote(meant)}`, {
    hint: 'nothing was created; check ANTHROPIC_BASE_URL, and what stands between you and the platform',
  });
}

function archived(what: string): AppError {
  return new AppError('drift', `the ${what} was archived on the platform`, {
    hint: 'remove its entry from config/agents.lock.json to have a new one created',
  });
}

/** What the lock keeps of an agent that is as its file says. */
export function locked(agent: FoundAgent): LockedAgent {
  const { id, version, model } = requireVersion(agent);
  const effort = effortOf(model);
  return { id, version, ...(effort !== undefined && { effort }) };
}

/** Of what was retired it is not said how to have another one made. */
async function found<Thing>(asking: Promise<Thing>, what: string, retired = false): Promise<Thing> {
  const thing = await unlessMissing('given', asking);
  if (thing !== undefined) return thing;
  throw new AppError('drift', `${what} does not exist in this workspace`, {
    hint: `check that the key is of the right workspace${retired ? '' : '; if it is, remove the entry from config/agents.lock.json'}`,
  });
}

/** The only one of some things. Throws `drift` when there are several: nothing is chosen. */
export function onlyOne<Thing extends { id: string }>(things: readonly Thing[], what: string): Thing | undefined {
  if (things.length <= 1) return things[0];
  throw new AppError('drift', `${things.length} ${what}: ${things.map(({ id }) => quote(id)).join(', ')}`, {
    hint: 'archive those that are not wanted; nothing was chosen',
  });
}
