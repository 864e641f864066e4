/**
 * Makes one agent or environment, also where two first runs begin at once: look, ask, and look again (P8). Whatever
 * becomes of the request, the list decides: the oldest stays, and what a run made beside it is archived.
 */

import { clock } from '../clock/clock.ts';
import type { Environment } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { isLive } from '../platform/live.ts';
import { takeFirst } from '../platform/pages.ts';
import { quote } from '../text/quote.ts';
import {
  type AgentDefinition,
  compareAgent,
  type Difference,
  describeDifferences,
  type FoundAgent,
  nameKey,
} from './definition.ts';
import { compareEnvironment, type FoundEnvironment } from './environment.ts';

interface Made {
  id: string;
  created_at: string;
}

interface Making<Thing extends Made> {
  /** In words, such as `agent "support"`. */
  what: string;
  create(): Promise<Thing>;
  /** Everything that carries the mark and is not archived. */
  marked(): Promise<Thing[]>;
  /** Where it is not what the file says; none means that this or another run made it from the same file. */
  differences(thing: Thing): readonly Difference[];
  /** Whether nothing was begun with it, so that it can go. */
  isUnused(thing: Thing, own: boolean): Promise<boolean>;
  /** Archives it if it is by its id still what was listed. */
  archive(thing: Thing): Promise<void>;
  /** The name is taken and nothing carries the mark. */
  taken?(cause: PlatformError): Promise<AppError>;
}

/** The agent of a file, made once. Throws a `PlatformError`, or `drift` where another run made another one of that name. */
export async function createAgent(platform: Platform, meant: AgentDefinition): Promise<FoundAgent> {
  return await makeOne<FoundAgent>({
    what: `agent ${quote(meant.name)}`,
    create: () => platform.agents.create(meant),
    marked: () => markedAgents(platform, meant.name),
    differences: (agent) => twinDifferences(meant, agent),
    isUnused: ({ id }) => isUnusedAgent(platform, id),
    archive: (agent) => archiveTwin(platform, agent),
  });
}

/** The environment of a file, made once. Throws as {@link createAgent}, and `drift` where the name is a stranger's. */
export async function createEnvironment(platform: Platform, meant: Environment): Promise<FoundEnvironment> {
  const { name, description } = meant;
  return await makeOne<FoundEnvironment>({
    what: `environment ${quote(name)}`,
    create: () =>
      platform.environments.create({
        name,
        config: { type: 'cloud', networking: networkOf(meant) },
        ...(description !== undefined && { description }),
        metadata: { [nameKey]: name },
      }),
    marked: async () => {
      const found: FoundEnvironment[] = [];
      for await (const each of platform.environments.list())
        if (isLive(each) && each.metadata[nameKey] === name) found.push(each);
      return found;
    },
    differences: (environment) => compareEnvironment(meant, environment),
    // Sessions cannot be asked for by their environment: only what this run made itself is surely unused.
    isUnused: async (_environment, own) => own,
    archive: async ({ id }) => {
      const now = await platform.environments.retrieve(id);
      if (!isLive(now) || now.metadata[nameKey] !== name) return;
      await platform.environments.archive(id);
    },
    taken: async (cause) => nameTaken(await strangerNamed(platform, name), name, cause),
  });
}

/** The network that a file asks for, in the platform's words. */
export function networkOf({ allowed_hosts, allow_mcp_servers, allow_package_managers }: Environment) {
  return { type: 'limited' as const, allowed_hosts: [...allowed_hosts], allow_mcp_servers, allow_package_managers };
}

/** The oldest first. Of two made in the same instant the smaller id counts as older, as everybody sees it. */
export function byAge<Thing extends Made>(things: readonly Thing[]): Thing[] {
  const age = ({ created_at }: Made) => Date.parse(created_at);
  return things.toSorted((one, other) => age(one) - age(other) || (one.id < other.id ? -1 : 1));
}

/** Whether an agent is exactly what a file says and was never anything else, as two runs at once would leave it. */
export function isTwin(meant: AgentDefinition, agent: FoundAgent): boolean {
  return twinDifferences(meant, agent).length === 0;
}

function twinDifferences(meant: AgentDefinition, agent: FoundAgent): Difference[] {
  const { version } = agent;
  const changed = version === 1 ? [] : [{ what: 'version', meant: '1', found: `${version}` }];
  return [...compareAgent(meant, agent), ...changed];
}

/** Archives a twin that nothing was begun with; one that is in use is left, and is named by the next plan. */
export async function removeTwin(platform: Platform, twin: FoundAgent): Promise<void> {
  if (await isUnusedAgent(platform, twin.id)) await archiveTwin(platform, twin);
}

async function makeOne<Thing extends Made>(making: Making<Thing>): Promise<Thing> {
  let own: string | undefined;
  let lost: PlatformError | undefined;
  try {
    ({ id: own } = await making.create());
  } catch (error) {
    if (!(error instanceof PlatformError) || (error.outcome !== 'unknown' && error.status !== 409)) throw error;
    lost = error;
  }
  const [oldest, ...younger] = byAge(await lookFor(making, own));
  if (oldest === undefined) throw lost === undefined ? notListed(making.what) : ((await making.taken?.(lost)) ?? lost);
  for (const thing of younger) {
    const mine = thing.id === own;
    if ((mine || making.differences(thing).length === 0) && (await making.isUnused(thing, mine)))
      await making.archive(thing);
  }
  const differences = making.differences(oldest);
  if (differences.length === 0) return oldest;
  const named = `the ${making.what} (${quote(oldest.id)})`;
  throw oldest.id === own
    ? new AppError(
        'drift',
        `${named} was made, and is not what was asked for: somebody changed it at once, or the platform took it otherwise\n${describeDifferences(differences)}`,
        { hint: 'nothing was pinned to it; look again: setup-session agents plan' },
      )
    : new AppError('drift', `another run made ${named} at the same moment, from another file`, {
        hint: 'bring the files together, then look again: setup-session agents plan',
      });
}

/** The pauses before each further look for what was created: lists lag. */
const looksMs = [250, 500, 1000, 2000];

async function lookFor<Thing extends Made>({ marked }: Making<Thing>, own: string | undefined): Promise<Thing[]> {
  let found = await marked();
  for (const pauseMs of own === undefined ? [] : looksMs) {
    if (found.some(({ id }) => id === own)) break;
    await clock.pause(pauseMs);
    found = await marked();
  }
  return found;
}

async function markedAgents(platform: Platform, name: string): Promise<FoundAgent[]> {
  const found: FoundAgent[] = [];
  for await (const agent of platform.agents.list()) {
    if (isLive(agent) && agent.metadata[nameKey] === name) found.push(requireVersion(agent));
  }
  return found;
}

/** Nothing can be pinned to an agent whose version was not said. Throws `platform_refused`. */
export function requireVersion(agent: FoundAgent): FoundAgent {
  if (agent.version > 0) return agent;
  throw new AppError('platform_refused', `the platform does not say the version of the agent ${quote(agent.id)}`, {
    hint: 'nothing was changed; check ANTHROPIC_BASE_URL, and what stands between you and the platform',
  });
}

async function isUnusedAgent(platform: Platform, id: string): Promise<boolean> {
  const sessions = platform.sessions.list({ agent_id: id, include_archived: true, limit: 1 });
  return (await takeFirst(1, sessions)).length === 0;
}

/**
 * A list is not believed so far: the twin is read by its id before, and left, for the next plan to name, where it is not
 * what was listed. A lost answer, or another run that was quicker, is settled by the same look.
 */
async function archiveTwin(platform: Platform, { id, version, metadata }: FoundAgent): Promise<void> {
  let failure: PlatformError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const now = await platform.agents.retrieve(id);
    if (!isLive(now)) return;
    if (failure !== undefined && (attempt > 2 || failure.outcome === 'refused')) throw failure;
    if (now.version !== version || now.metadata[nameKey] !== metadata[nameKey]) return;
    try {
      await platform.agents.archive(id);
      return;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      failure = error;
    }
  }
}

/** The environment that has the name of a file and not its mark. */
async function strangerNamed(platform: Platform, name: string): Promise<string | undefined> {
  for await (const each of platform.environments.list()) {
    if (isLive(each) && each.name === name) return each.id;
  }
  return undefined;
}

function nameTaken(id: string | undefined, name: string, cause: PlatformError): AppError {
  if (cause.status !== 409 || id === undefined) return cause;
  return new AppError(
    'drift',
    `the name ${quote(name)} is taken by another environment of the workspace: ${quote(id)}`,
    {
      hint: `if it is what the file means, take it over: setup-session environments adopt ${/^[\w-]+$/.test(id) ? id : '<environment id>'} --name ${name}; else give the file another name`,
      cause,
    },
  );
}

function notListed(what: string): AppError {
  return new AppError('drift', `the platform does not list the ${what} that it just created`, {
    hint: 'run the same command again: it looks first',
  });
}
