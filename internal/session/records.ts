/**
 * What was meant by each session that was started on this machine: one file per platform and attempt, in the folder for
 * state (0600 in 0700). Nobody with the workspace key alone can change it, unlike the metadata of the session.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeText } from '../outside/files.ts';
import { ownFile, readTrusted, requireOwnFolder } from '../outside/trusted-file.ts';
import { quote } from '../text/quote.ts';
import { type Facts, parseFacts } from './facts.ts';

/** The records of this machine. */
export interface SessionRecords {
  /** Keeps what is meant, before it is asked for. Throws `file_system`. */
  keep(attempt: string, facts: Facts): Promise<void>;
  /** Undefined where this machine did not start it. Throws `file_system` where somebody else could have written it. */
  read(attempt: string): Promise<Facts | undefined>;
}

/** What records need of a run. */
export interface RecordPlace {
  stateFolder: string;
  platformAddress: string;
  warn(text: string): void;
}

/** 256 tools with their names are less. */
const longestBytes = 512 * 1024;
const recordVersion = 1;

/** The records in a state folder. */
export function sessionRecordsIn({ stateFolder, platformAddress, warn }: RecordPlace): SessionRecords {
  const folder = join(stateFolder, 'sessions');
  const pathOf = (attempt: string) => {
    const name = createHash('sha256')
      .update(JSON.stringify([platformAddress, attempt]))
      .digest('hex');
    return join(folder, `${name}.json`);
  };
  const requireOwn = async () => {
    for (const each of [stateFolder, folder]) await requireOwnFolder(each);
  };
  return {
    async keep(attempt, facts) {
      await requireOwn();
      await writeText(pathOf(attempt), `${JSON.stringify({ record_version: recordVersion, facts })}\n`, 'private');
    },
    async read(attempt) {
      await requireOwn();
      const path = pathOf(attempt);
      const text = await readTrusted(path, ownFile(longestBytes));
      const facts = text === undefined ? undefined : parseRecord(text);
      if (text !== undefined && facts === undefined) {
        warn(`the record of a session cannot be read and is not used: ${quote(path)}`);
      }
      return facts;
    },
  };
}

function parseRecord(text: string): Facts | undefined {
  try {
    const { record_version: version, facts } = JSON.parse(text) as Record<string, unknown>;
    return version === recordVersion ? parseFacts(facts) : undefined;
  } catch {
    return undefined;
  }
}
