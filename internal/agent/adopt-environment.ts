/**
 * Takes an environment of the platform over: the lock says from now on that it is what a file stands for. Where there is no
 * such file it is written; one that people have reviewed stays as it is, and what differs counts as drift, for which there
 * are two ways. Nothing on the platform is changed.
 */
import type { Configuration, Environment } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Platform } from '../platform/client.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import { quote } from '../text/quote.ts';
import { nameKey } from './definition.ts';
import {
  compareEnvironment,
  type EnvironmentState,
  environmentDigest,
  type FoundEnvironment,
  judgeEnvironment,
} from './environment.ts';
import { takeIntoText } from './environment-text.ts';
import { type AgentsLock, changeAgentsLock, type LockedEnvironment } from './lock.ts';
import { environmentFilePath, requireName, writeNewFile } from './write-file.ts';

/** What an adoption is made with. */
export interface AdoptEnvironmentRequest {
  platform: Platform;
  configuration: Configuration;
  lock: AgentsLock;
  id: string;
  name: string | undefined;
  now: Date;
}

/** What came of it. */
export interface AdoptedEnvironment {
  meant: Environment;
  path: string;
  /** What is written there; undefined where a file is there already. */
  text: string | undefined;
  entry: LockedEnvironment;
  /** How it stands to the file then. */
  state: EnvironmentState;
}

/** Writes the lock entry and the file of what {@link planEnvironmentAdoption} says, and throws what it throws. */
export async function adoptEnvironment(request: AdoptEnvironmentRequest): Promise<AdoptedEnvironment> {
  const adopted = await planEnvironmentAdoption(request);
  const { meant, entry, path, text } = adopted;
  // The lock first, so that nothing makes a second one meanwhile (P8).
  const change = { environments: { [meant.name]: entry } };
  await changeAgentsLock(request.configuration, request.lock, change, request.platform.recorder);
  if (text !== undefined) await writeNewFile(path, text);
  return adopted;
}

/** An adoption that nothing was written of. Throws `unknown_environment`, `usage`, `config_exists`, or `config_invalid` with all that no file can say. */
export async function planEnvironmentAdoption(request: AdoptEnvironmentRequest): Promise<AdoptedEnvironment> {
  const { platform, configuration, lock, id } = request;
  const found = await readEnvironment(platform, id);
  const name = request.name ?? found.metadata[nameKey] ?? found.name;
  requireName(name, 'environment');
  requireFree(name, id, lock);
  const path = environmentFilePath(configuration.folder, name);
  const reviewed = configuration.environments.get(name);
  const { meant, text } =
    reviewed === undefined ? expressed(found, name, request) : { meant: reviewed, text: undefined };
  const same = compareEnvironment(meant, found).length === 0;
  // Without a digest nobody can tell whose the difference is, so that it is shown and decided before anything is put in force.
  const entry = { id, ...(same && { sha256: environmentDigest(meant) }) };
  return { meant, path, text, entry, state: judgeEnvironment(meant, found, entry) };
}

async function readEnvironment(platform: Platform, id: string): Promise<FoundEnvironment> {
  const unknown = () =>
    new AppError('unknown_environment', `there is no environment ${quote(id)} in this workspace that is not archived`);
  // The SDK would send what is no id elsewhere.
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw unknown();
  const found = await unlessMissing('given', platform.environments.retrieve(id));
  if (found === undefined || !isLive(found)) throw unknown();
  return found;
}

function requireFree(name: string, id: string, { environments }: AgentsLock): void {
  const owner = Object.entries(environments).find(([, known]) => known.id === id)?.[0];
  const other = environments[name];
  if (owner !== undefined && owner !== name) {
    throw new AppError('config_exists', `the environment ${quote(id)} is ${quote(owner)} in agents.lock.json already`);
  }
  if (other !== undefined && other.id !== id) {
    throw new AppError(
      'config_exists',
      `${quote(name)} is another environment in agents.lock.json: ${quote(other.id)}`,
      {
        hint: 'choose another name: --name <name>',
      },
    );
  }
}

/** The file of an environment that has none. */
function expressed(
  found: FoundEnvironment,
  name: string,
  { id, now }: AdoptEnvironmentRequest,
): { meant: Environment; text: string } {
  const start = [
    '# yaml-language-server: $schema=../schema/environment.schema.json',
    `# Adopted on ${now.toISOString().slice(0, 10)} from ${id}.`,
    'networking: limited',
    'allowed_hosts: []',
    'allow_mcp_servers: false',
    'allow_package_managers: false',
    '',
  ].join('\n');
  const nothing = takeIntoText(start, name, []).environment;
  if (nothing === undefined) throw new Error('an environment without a network is one');
  const { text, environment, problems } = takeIntoText(start, name, compareEnvironment(nothing, found));
  if (environment !== undefined) return { meant: environment, text };
  throw new AppError('config_invalid', ['no file can say what is on the platform:', ...problems].join('\n'), {
    hint: `nothing was written; write config/environments/${name}.yaml as it should be and adopt it again: apply --overwrite then puts the file in force`,
  });
}
