/**
 * Brings the agent and the environment of the platform in line with their files: look, plan, and only then ask for a
 * change, under the platform's version check. What somebody changed outside is never overwritten without being told to.
 */
import type { Environment } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import {
  type AgentDefinition,
  type AnsweredAgent,
  compareAgent,
  type Difference,
  describeDifferences,
  nameKey,
} from './definition.ts';
import type { LockedAgent } from './lock.ts';

/** An agent as the platform answers it. */
export type FoundAgent = AnsweredAgent & {
  id: string;
  version: number;
  archived_at: string | null;
  metadata: Readonly<Record<string, string>>;
};

/** What has to be asked of the platform for an agent; `none` when it is as its file says. */
export type AgentPlan =
  | { act: 'none'; id: string; version: number }
  | { act: 'create' }
  | { act: 'update'; id: string; version: number; differences: readonly Difference[] };

/** The agent a file stands for: by the lock's id, else by its metadata. Throws `drift` when several claim the name. */
export async function findAgent(
  platform: Platform,
  name: string,
  locked: LockedAgent | undefined,
): Promise<FoundAgent | undefined> {
  if (locked !== undefined) {
    return await found(
      () => platform.read(`read agent ${name}`, (client) => client.beta.agents.retrieve(locked.id)),
      `agent ${quote(name)} (${quote(locked.id)} in agents.lock.json)`,
    );
  }
  const named: FoundAgent[] = [];
  for await (const agent of platform.readPages('list agents', (client) => client.beta.agents.list({ limit: 100 }))) {
    if (agent.archived_at === null && agent.metadata[nameKey] === name) named.push(agent);
  }
  return onlyOne(named, `agents are marked as ${quote(name)}`);
}

/**
 * What to do about an agent. A difference counts as a change of its file only when nobody has made another version
 * since the lock was written; otherwise it is drift. Throws `drift` unless `overwrite`.
 */
export function planAgent(
  meant: AgentDefinition,
  agent: FoundAgent | undefined,
  locked: LockedAgent | undefined,
  overwrite: boolean,
): AgentPlan {
  if (agent === undefined) return { act: 'create' };
  const { id, version } = agent;
  if (agent.archived_at !== null) throw archived(`agent ${quote(meant.name)} (${quote(id)})`);
  const differences = compareAgent(meant, agent);
  if (differences.length === 0) return { act: 'none', id, version };
  if (version === locked?.version || overwrite) return { act: 'update', id, version, differences };
  throw new AppError(
    'drift',
    `the agent ${quote(meant.name)} was changed outside its file:\n${describeDifferences(differences)}`,
    {
      hint: 'bring the change into its file, or run again with --overwrite-drift to put the file in force',
    },
  );
}

/** Carries a plan out; a lost answer is settled by looking, never by asking twice (P8). Returns the version in force. */
export async function applyAgent(platform: Platform, meant: AgentDefinition, plan: AgentPlan): Promise<LockedAgent> {
  if (plan.act === 'none') return { id: plan.id, version: plan.version };
  const settle = async (error: unknown): Promise<LockedAgent> => {
    const doubtful = error instanceof PlatformError && (error.outcome === 'unknown' || error.status === 409);
    if (!doubtful) throw error;
    const now = await findAgent(platform, meant.name, plan.act === 'update' ? plan : undefined);
    if (now === undefined || compareAgent(meant, now).length > 0) throw error;
    return { id: now.id, version: now.version };
  };
  const target = { act: `agent.${plan.act}`, target: meant.name };
  if (plan.act === 'create') {
    return await platform.change(target, (client) => client.beta.agents.create(meant)).then(locked, settle);
  }
  return await platform
    .change(target, (client) => client.beta.agents.update(plan.id, { ...meant, version: plan.version }))
    .then(locked, settle);
}

/** An environment as the platform answers it. */
export interface FoundEnvironment {
  id: string;
  name: string;
  archived_at: string | null;
  description: string | null;
  config: object;
  metadata: Readonly<Record<string, string>>;
}

/** The environment a file stands for, like {@link findAgent}. */
export async function findEnvironment(
  platform: Platform,
  name: string,
  locked: { id: string } | undefined,
): Promise<FoundEnvironment | undefined> {
  if (locked !== undefined) {
    const what = `environment ${quote(name)} (${quote(locked.id)} in agents.lock.json)`;
    const environment = await found(
      () => platform.read(`read environment ${name}`, (client) => client.beta.environments.retrieve(locked.id)),
      what,
    );
    if (environment.archived_at !== null) throw archived(what);
    return environment;
  }
  const named: FoundEnvironment[] = [];
  for await (const environment of platform.readPages('list environments', (client) =>
    client.beta.environments.list(),
  )) {
    if (environment.archived_at === null && environment.metadata[nameKey] === name) named.push(environment);
  }
  return onlyOne(named, `environments are marked as ${quote(name)}`);
}

/** Whether the environment's network is the one of its file. */
export function isAsConfigured(meant: Environment, environment: FoundEnvironment): boolean {
  const { networking, type } = environment.config as { type?: unknown; networking?: Record<string, unknown> };
  if (type !== 'cloud' || environment.archived_at !== null) return false;
  const hosts = networking?.['allowed_hosts'];
  return (
    networking?.['type'] === 'limited' &&
    networking['allow_mcp_servers'] === meant.allow_mcp_servers &&
    networking['allow_package_managers'] === meant.allow_package_managers &&
    Array.isArray(hosts) &&
    JSON.stringify([...hosts].sort()) === JSON.stringify([...meant.allowed_hosts].sort())
  );
}

/** Creates the environment or puts its file in force. Environments have no versions; later sessions see the change. */
export async function applyEnvironment(
  platform: Platform,
  meant: Environment,
  environment: FoundEnvironment | undefined,
): Promise<{ id: string }> {
  const config = {
    type: 'cloud' as const,
    networking: {
      type: 'limited' as const,
      allowed_hosts: [...meant.allowed_hosts],
      allow_mcp_servers: meant.allow_mcp_servers,
      allow_package_managers: meant.allow_package_managers,
    },
  };
  if (environment !== undefined && isAsConfigured(meant, environment)) return { id: environment.id };
  if (environment !== undefined) {
    const { id } = environment;
    await platform.change({ act: 'environment.update', target: meant.name }, (client) =>
      client.beta.environments.update(id, { config }),
    );
    return { id };
  }
  try {
    const created = await platform.change({ act: 'environment.create', target: meant.name }, (client) =>
      client.beta.environments.create({
        name: meant.name,
        config,
        ...(meant.description === undefined ? {} : { description: meant.description }),
        metadata: { [nameKey]: meant.name },
      }),
    );
    return { id: created.id };
  } catch (error) {
    if (!(error instanceof PlatformError) || error.outcome !== 'unknown') throw error;
    const now = await findEnvironment(platform, meant.name, undefined);
    if (now === undefined || !isAsConfigured(meant, now)) throw error;
    return { id: now.id };
  }
}

function archived(what: string): AppError {
  return new AppError('drift', `the ${what} was archived on the platform`, {
    hint: 'remove its entry from config/agents.lock.json to have a new one created',
  });
}

function locked({ id, version }: LockedAgent): LockedAgent {
  return { id, version };
}

async function found<Thing>(ask: () => Promise<Thing>, what: string): Promise<Thing> {
  try {
    return await ask();
  } catch (error) {
    // The platform calls an id malformed that it does not recognise.
    if (!(error instanceof PlatformError) || (error.status !== 404 && error.status !== 400)) throw error;
    throw new AppError('drift', `${what} does not exist in this workspace`, {
      hint: 'check that the key is of the right workspace; if it is, remove the entry from config/agents.lock.json',
      cause: error,
    });
  }
}

function onlyOne<Thing extends { id: string }>(things: readonly Thing[], what: string): Thing | undefined {
  if (things.length <= 1) return things[0];
  throw new AppError('drift', `${things.length} ${what}: ${things.map(({ id }) => quote(id)).join(', ')}`, {
    hint: 'archive those that are not wanted; nothing was chosen',
  });
}
