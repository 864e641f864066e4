/**
 * `config/agents.lock.json`: which agent and environment of the platform a file stands for. Reviewed like code. It is
 * changed entry by entry, read again under a lock of the file system each time, so that what runs beside each other on
 * one machine wrote meanwhile is never lost.
 */

import { join } from 'node:path';
import type { Configuration } from '../config/definitions.ts';
import { asRead } from '../config/read-together.ts';
import { lockName, nobodysLock } from '../config/workspace.ts';
import { AppError } from '../errors/app-error.ts';
import { fileSize } from '../outside/files.ts';
import type { Recorder } from '../platform/recorder.ts';
import { type ReviewedFile, reviewedFile } from '../stores/files/reviewed-file.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { type Effort, efforts } from './model.ts';

/** An agent's id and the version that was last made from its file. */
export interface LockedAgent {
  id: string;
  version: number;
  /** How hard its model works, as it was when that was put in force: no file names it. */
  effort?: Effort;
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

/** Where the lock is: in the folder of the configuration, one for each workspace that has a name. */
export type LockPlace = Pick<Configuration, 'folder' | 'workspace'>;

/** The lock of a configuration, as it was read with it or else as it is now; an absent one is empty. Throws `config_invalid`. */
export async function readAgentsLock(place: LockPlace & Pick<Configuration, 'together'>): Promise<AgentsLock> {
  return await asRead(place, lockName('agents', place.workspace), () => readAgentsLockNow(place));
}

async function readAgentsLockNow(place: LockPlace): Promise<AgentsLock> {
  const file = lockOf(place);
  if (place.workspace !== undefined) {
    const nobodys = join(place.folder, lockName('agents', undefined));
    if ((await fileSize(nobodys)) !== undefined) throw nobodysLock(nobodys, 'agents', place.workspace);
  }
  const text = await file.read();
  if (text === undefined) return { agents: withoutPrototype({}), environments: withoutPrototype({}) };
  const invalid = (why: string) =>
    new AppError('config_invalid', `${quote(file.where)}: ${why}`, {
      hint: 'restore it from version control: without it agents are found by their metadata, and that one was retired is not known',
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

/** Entries to be set, by name. */
export type LockChange = Partial<AgentsLock>;

/** How long another run is waited for: it holds the mutex of the lock file for one reading and one writing. */
const mutexWaitMs = 10_000;

/**
 * Sets entries in the lock as it is now, and returns it. An agent that was retired stays retired, and where somebody
 * wrote a later version than this run had seen, that one stays: whoever wrote it knew more. Throws `already_running`
 * where another run does not let go.
 */
export async function changeAgentsLock(
  place: LockPlace,
  seen: AgentsLock,
  change: LockChange,
  recorder: Recorder,
): Promise<AgentsLock> {
  const file = lockOf(place);
  const held = await file.hold({ signal: new AbortController().signal, waitMs: mutexWaitMs });
  if (!('release' in held)) {
    throw new AppError(
      'already_running',
      `another run writes ${quote(file.where)} (${held.called}, since ${held.since})`,
    );
  }
  try {
    const now = await readAgentsLockNow(place);
    const lock: AgentsLock = {
      agents: withoutPrototype(now.agents),
      environments: withoutPrototype({ ...now.environments, ...change.environments }),
    };
    for (const [name, entry] of Object.entries(change.agents ?? {})) {
      lock.agents[name] = newer(now.agents[name], entry, seen.agents[name]);
    }
    if (JSON.stringify(sortedLock(lock)) !== JSON.stringify(sortedLock(now)))
      await writeAgentsLock(file, lock, recorder);
    return lock;
  } finally {
    await held.release();
  }
}

function newer(now: LockedAgent | undefined, entry: LockedAgent, seen: LockedAgent | undefined): LockedAgent {
  if (now === undefined || now.id !== entry.id || entry.retired === true) return entry;
  const later = now.version > entry.version && now.version !== seen?.version;
  return now.retired === true || later ? now : entry;
}

/** Writes the lock as a whole, keys sorted, so that a change in it is one line of a review. */
async function writeAgentsLock(file: ReviewedFile, lock: AgentsLock, recorder: Recorder): Promise<void> {
  const content = { lock_version: lockVersion, ...sortedLock(lock) };
  const text = `${JSON.stringify(content, undefined, 2)}\n`;
  await recorder.act(
    { act: 'agents_lock.write', target: { kind: 'agents_lock', id: undefined, label: file.where } },
    (announced) => file.write(text, announced),
    () => ({ made: `sha256:${sha256(text)}` }),
  );
}

function sortedLock({ agents, environments }: AgentsLock): AgentsLock {
  const sorted = <Value>(record: Record<string, Value>) =>
    Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { agents: sorted(agents), environments: sorted(environments) };
}

function lockOf({ folder, workspace }: LockPlace): ReviewedFile {
  return reviewedFile(join(folder, lockName('agents', workspace)));
}

function hasId(value: unknown): boolean {
  return isRecord(value) && typeof value['id'] === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(value['id']);
}

function isLockedAgent(value: unknown): boolean {
  if (!hasId(value) || !isRecord(value)) return false;
  const { version, retired, effort } = value;
  const known = effort === undefined || efforts.some((each) => each === effort);
  return Number.isInteger(version) && Number(version) >= 1 && (retired === undefined || retired === true) && known;
}

function isLockedEnvironment(value: unknown): boolean {
  if (!hasId(value) || !isRecord(value)) return false;
  const { sha256 } = value;
  return sha256 === undefined || (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256));
}

/** Agents are looked up by names from files; `constructor` must find nothing. */
function withoutPrototype<Value>(record: Record<string, Value>): Record<string, Value> {
  return Object.assign(Object.create(null), record);
}
