/**
 * What was meant by each session that was started on this machine: one file per platform and attempt, in the folder for
 * state (0600 in 0700). Nobody with the workspace key alone can change it, unlike the metadata of the session. A lock beside
 * it says that the run which asked for the session has not told its person how that ended: it runs, or was cut off.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { clock } from '../clock/clock.ts';
import { listFolder, writeText } from '../outside/files.ts';
import { takeLock } from '../outside/lock.ts';
import { ownFile, readTrusted, requireOwnFolder } from '../outside/trusted-file.ts';
import { quote } from '../text/quote.ts';
import { agentIdOf, type Facts, parseFacts } from './facts.ts';

/** The records of this machine. */
export interface SessionRecords {
  /** Keeps what is meant, before it is asked for. From then on the attempt is unsettled. Throws `file_system`. */
  keep(attempt: string, facts: Facts): Promise<Pick<UnsettledAttempt, 'settle'>>;
  /** The attempts whose runs were cut off. Those of runs that go on are left out. Throws `file_system`. */
  unsettled(): Promise<UnsettledAttempt[]>;
  /** Undefined where this machine did not start it. Throws `file_system` where somebody else could have written it. */
  read(attempt: string): Promise<Facts | undefined>;
}

/** An attempt at a session whose person does not know yet how it ended. */
export interface UnsettledAttempt {
  attempt: string;
  agentId: string;
  /** When what is meant was kept, in RFC 3339. */
  at: string;
  /** The person was told. */
  settle(): Promise<void>;
}

/** What records need of a run. */
export interface RecordPlace {
  stateFolder: string;
  platformAddress: string;
  signal: AbortSignal;
  warn(text: string): void;
}

/** 256 tools with their names are less. */
const longestBytes = 512 * 1024;
const recordVersion = 1;

/** The records in a state folder. */
export function sessionRecordsIn({ stateFolder, platformAddress, signal, warn }: RecordPlace): SessionRecords {
  const folder = join(stateFolder, 'sessions');
  const pathOf = (attempt: string) => {
    const name = createHash('sha256')
      .update(JSON.stringify([platformAddress, attempt]))
      .digest('hex');
    return join(folder, `${name}.json`);
  };
  const lockOf = (path: string) => path.replace(/json$/, 'lock');
  const readRecord = async (path: string) => {
    const text = await readTrusted(path, ownFile(longestBytes));
    const record = text === undefined ? undefined : parseRecord(text);
    if (text !== undefined && record === undefined) {
      warn(`the record of a session cannot be read and is not used: ${quote(path)}`);
    }
    return record;
  };
  /** Undefined where a run that goes on holds it. */
  const hold = async (path: string, { attempt = '', at = '', facts }: SessionRecord) => {
    const lock = await takeLock({ path: lockOf(path), signal, waitMs: 0 });
    if (!('release' in lock)) return undefined;
    return { attempt, agentId: agentIdOf(facts), at, settle: lock.release };
  };
  const requireOwn = async () => {
    for (const each of [stateFolder, folder]) await requireOwnFolder(each);
  };
  return {
    async keep(attempt, facts) {
      await requireOwn();
      const record = { record_version: recordVersion, attempt, at: clock.now().toISOString(), facts };
      const path = pathOf(attempt);
      await writeText(path, `${JSON.stringify(record)}\n`, 'private');
      return (await hold(path, record)) ?? { settle: async () => {} };
    },
    async unsettled() {
      const entries = (await listFolder(folder)) ?? [];
      const found: UnsettledAttempt[] = [];
      for (const { name } of entries.filter((entry) => entry.name.endsWith('.lock'))) {
        await requireOwn();
        const path = join(folder, name.replace(/lock$/, 'json'));
        const record = await readRecord(path);
        // Those of another platform have other names.
        if (record?.attempt === undefined || pathOf(record.attempt) !== path) continue;
        const held = await hold(path, record);
        if (held !== undefined) found.push(held);
      }
      return found;
    },
    async read(attempt) {
      await requireOwn();
      return (await readRecord(pathOf(attempt)))?.facts;
    },
  };
}

/** The first ones had neither attempt nor time. */
interface SessionRecord {
  facts: Facts;
  attempt: string | undefined;
  at: string | undefined;
}

function parseRecord(text: string): SessionRecord | undefined {
  try {
    const { record_version: version, attempt, at, facts: lines } = JSON.parse(text) as Record<string, unknown>;
    const facts = version === recordVersion ? parseFacts(lines) : undefined;
    if (facts === undefined) return undefined;
    return { facts, attempt: textOr(attempt), at: textOr(at) };
  } catch {
    return undefined;
  }
}

function textOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
