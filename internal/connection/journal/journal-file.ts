/** Where journals are kept: one file per platform, person and service, in the folder for state (0600 in 0700). */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { normalisedServerUrl } from '../../config/addresses.ts';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import { listFolder, readText, removeFile, writeText } from '../../outside/files.ts';
import { takeLock } from '../../outside/lock.ts';
import { quote } from '../../text/quote.ts';
import { connectionsOf } from '../credentials.ts';
import { type Journal, parseJournal, printJournal } from './journal.ts';

/** The journals of this machine. */
export interface Journals {
  /** What the last run left, for words only. Undefined where there is nothing, and where it cannot be read. */
  read(principal: Principal, service: Service): Promise<Journal | undefined>;
  /**
   * Takes the journal of one service: no other run on this machine connects or disconnects it meanwhile. Throws
   * `already_running`, and `file_system` where it could not be written.
   */
  open(principal: Principal, service: Service): Promise<OpenJournal>;
}

/** A journal that belongs to this run. */
export interface OpenJournal {
  /** What the last run left. */
  left: Journal | undefined;
  /** Replaces what is written, before the step that it announces. Throws `file_system`. */
  write(journal: Journal): Promise<void>;
  /** Nothing is left to tell. */
  clear(): Promise<void>;
  /** Lets other runs go on; what was written stays. */
  close(): Promise<void>;
}

/** What journals need of a run. */
export interface JournalPlace {
  stateFolder: string;
  platformAddress: string;
  signal: AbortSignal;
  warn(text: string): void;
}

/** How long a run that is about to end is waited for. */
const waitMs = 3_000;

/** The journals in a state folder. */
export function journalsIn({ stateFolder, platformAddress, signal, warn }: JournalPlace): Journals {
  const folder = join(stateFolder, 'connecting');
  const nameOf = ({ kind, issuer, subject }: Principal, { mcp_server_url: url }: Service) =>
    createHash('sha256')
      .update(JSON.stringify([platformAddress, kind, issuer, subject, normalisedServerUrl(url)]))
      .digest('hex');
  const readFile = async (path: string, service: Service) => {
    const text = await readText(path);
    if (text === undefined) return undefined;
    const journal = parseJournal(text);
    if (journal === undefined || connectionsOf([journal], service).length === 0) {
      warn(`what the last run for ${service.name} wrote down cannot be read and is not used: ${quote(path)}`);
      return undefined;
    }
    return journal;
  };
  return {
    read: (principal, service) => readFile(join(folder, `${nameOf(principal, service)}.json`), service),
    async open(principal, service) {
      const name = nameOf(principal, service);
      const path = join(folder, `${name}.json`);
      const lock = await takeLock({ path: join(folder, `${name}.lock`), signal, waitMs });
      if (!('release' in lock)) {
        throw new AppError(
          'already_running',
          `another run on this machine is connecting or disconnecting ${quote(service.name)}: process ${lock.pid}, since ${lock.since}`,
        );
      }
      try {
        let written = await readText(path);
        const left = await readFile(path, service);
        await removeUnfinished(folder, name);
        return {
          left,
          async write(journal) {
            written = printJournal(journal);
            await writeText(path, written, 'private');
          },
          async clear() {
            // By now it may be that of another run.
            if ((await readText(path)) === written) await removeFile(path);
          },
          close: () => lock.release(),
        };
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  };
}

/** What runs left that were killed while they wrote. */
async function removeUnfinished(folder: string, journal: string): Promise<void> {
  for (const { name } of (await listFolder(folder)) ?? []) {
    if (name.startsWith(`${journal}.`) && name.endsWith('.tmp')) await removeFile(join(folder, name));
  }
}
