/** `config/agents.lock.json`: which agent and environment of the platform a file stands for. Reviewed like code. */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { readText, writeText } from '../outside/files.ts';
import { quote } from '../text/quote.ts';

/** An agent's id and the version that was last made from its file. */
export interface LockedAgent {
  id: string;
  version: number;
  /** It was archived by `agents retire`: no other one is made in its place while this stands here. */
  retired?: true;
}

/** An environment's id, and the digest of what was last put in force: environments have no versions. */
export interface LockedEnvironment {
  id: string;
  sha256?: string;
}

/** The lock's content. */
export interface AgentsLock {
  agents: Record<string, LockedAgent>;
  environments: Record<string, LockedEnvironment>;
}

const lockVersion = 1;

/** Reads the lock of a configuration folder; an absent one is empty. Throws `config_invalid`. */
export async function readAgentsLock(configFolder: string): Promise<AgentsLock> {
  const path = lockPath(configFolder);
  const text = await readText(path);
  if (text === undefined) return { agents: {}, environments: {} };
  const invalid = (why: string) =>
    new AppError('config_invalid', `${quote(path)}: ${why}`, {
      hint: 'restore it from version control, or delete it: agents are then found again by their metadata',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('not JSON');
  }
  if (!isRecord(value) || value['lock_version'] !== lockVersion) throw invalid(`not a lock of version ${lockVersion}`);
  const { agents, environments } = value;
  if (!isRecord(agents) || !Object.values(agents).every(isLockedAgent))
    throw invalid('"agents" does not hold ids and versions');
  if (!isRecord(environments) || !Object.values(environments).every(isLockedEnvironment))
    throw invalid('"environments" does not hold ids');
  return { agents: withoutPrototype(agents), environments: withoutPrototype(environments) } as AgentsLock;
}

/** Writes the lock as a whole, keys sorted, so that a change in it is one line of a review. */
export async function writeAgentsLock(configFolder: string, lock: AgentsLock): Promise<void> {
  const sorted = <Value>(record: Record<string, Value>) =>
    Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
  const content = { lock_version: lockVersion, agents: sorted(lock.agents), environments: sorted(lock.environments) };
  await writeText(lockPath(configFolder), `${JSON.stringify(content, undefined, 2)}\n`, 'shared');
}

function lockPath(configFolder: string): string {
  return join(configFolder, 'agents.lock.json');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasId(value: unknown): boolean {
  return isRecord(value) && typeof value['id'] === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(value['id']);
}

function isLockedAgent(value: unknown): boolean {
  if (!hasId(value) || !isRecord(value)) return false;
  const { version, retired } = value;
  return Number.isInteger(version) && Number(version) >= 1 && (retired === undefined || retired === true);
}

function isLockedEnvironment(value: unknown): boolean {
  if (!hasId(value) || !isRecord(value)) return false;
  const { sha256 } = value;
  return sha256 === undefined || (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256));
}

/** Agents are looked up by names from files; `constructor` must find nothing. */
function withoutPrototype(record: Record<string, unknown>): Record<string, unknown> {
  return Object.assign(Object.create(null), record);
}
