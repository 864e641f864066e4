/** Takes an agent of the platform over into a file: the lock first, so that nothing makes a second one meanwhile (P8). */
import { agentText } from '../config/agent-text.ts';
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { type FoundAgent, nameKey, type SkillPins } from './definition.ts';
import { locked } from './ensure.ts';
import { type Expressed, expressAgent } from './express.ts';
import { type AgentsLock, changeAgentsLock } from './lock.ts';
import { agentFilePath, requireNewName, withAgent, writeAgentFile } from './write-file.ts';

/** What an adoption is made with. */
export interface AdoptRequest {
  platform: Platform;
  configuration: Configuration;
  lock: AgentsLock;
  pins: SkillPins;
  id: string;
  name: string | undefined;
  environment: string | undefined;
  groups: readonly string[];
  now: Date;
}

/** What came of it. */
export interface Adopted {
  name: string;
  path: string;
  lock: AgentsLock;
  configuration: Configuration;
  expressed: Expressed;
}

/** Writes the file and the lock entry of what {@link planAdoption} says, and throws what it throws. */
export async function adoptAgent(request: AdoptRequest): Promise<Adopted> {
  const { text, ...adopted } = await planAdoption(request);
  const { folder } = request.configuration;
  const entry = adopted.lock.agents[adopted.name];
  const change = { agents: entry === undefined ? {} : { [adopted.name]: entry } };
  const lock = await changeAgentsLock(request.configuration, request.lock, change, request.platform.recorder);
  await writeAgentFile(folder, adopted.name, text);
  return { ...adopted, lock };
}

/** An adoption that nothing was written of. Throws `unknown_agent`, `config_exists`, `drift`, or `config_invalid` with all that no file can say. */
export async function planAdoption(request: AdoptRequest): Promise<Adopted & { text: string }> {
  const { platform, configuration, pins, id, groups, now } = request;
  const found = await readAgent(platform, id);
  const name = request.name ?? found.metadata[nameKey] ?? found.name;
  requireNewName(name, configuration);
  requireFree(name, found, request.lock);
  const expressed = expressAgent(found, configuration, pins);
  if (expressed.problems.length > 0) {
    const lines = expressed.problems.map((problem) => `  ${problem}`);
    throw new AppError('config_invalid', [`no file can say what the agent ${quote(id)} is:`, ...lines].join('\n'), {
      hint: 'change that on the platform and adopt it again, or make a new agent: setup-session agents create; nothing was written',
    });
  }
  const text = agentText(
    {
      ...expressed.content,
      environment: environmentOf(request),
      allowed: { groups, principals: [] },
    },
    [
      `Adopted on ${now.toISOString().slice(0, 10)} from ${id} version ${found.version}. What it allowed there:`,
      ...expressed.allows.map((line) => `  ${line}`),
      ...expressed.warnings.map((line) => `Left out or not as there: ${line}`),
    ],
  );
  const planned = withAgent(configuration, name, text);
  const lock = { ...request.lock, agents: { ...request.lock.agents, [name]: locked(found) } };
  const path = agentFilePath(configuration.folder, name);
  return { name, path, lock, configuration: planned, expressed, text };
}

async function readAgent(platform: Platform, id: string): Promise<FoundAgent> {
  const unknown = () =>
    new AppError('unknown_agent', `there is no agent ${quote(id)} in this workspace that is not archived`, {
      hint: 'see which there are: setup-session agents list',
    });
  // The SDK would send what is no id elsewhere.
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw unknown();
  const agent = await unlessMissing('given', platform.agents.retrieve(id));
  if (agent === undefined || !isLive(agent)) throw unknown();
  return agent;
}

function requireFree(name: string, { id }: FoundAgent, { agents }: AgentsLock): void {
  const owner = Object.entries(agents).find(([, known]) => known.id === id)?.[0];
  const other = agents[name];
  if (owner !== undefined && owner !== name) {
    throw new AppError('config_exists', `the agent ${quote(id)} is ${quote(owner)} in agents.lock.json already`);
  }
  if (other !== undefined && other.id !== id) {
    throw new AppError('config_exists', `${quote(name)} is another agent in agents.lock.json: ${quote(other.id)}`, {
      hint: 'choose another name: --name <name>',
    });
  }
}

function environmentOf({ environment, configuration: { environments } }: AdoptRequest): string {
  const [only] = environments.keys();
  return environment ?? (environments.size === 1 && only !== undefined ? only : 'default');
}
