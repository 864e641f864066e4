/** Where journals are kept: one per workspace, person and service. */
import { normalisedServerUrl } from '../../config/addresses.ts';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import type { KeptText, KeptTexts, Workspace } from '../../stores/kept-text.ts';
import { quote } from '../../text/quote.ts';
import { connectionsOf } from '../credentials.ts';
import { type Journal, parseJournal, printJournal } from './journal.ts';

/** The journals of one workspace. */
export interface Journals {
  /** What the last run left, for words only. Undefined where there is nothing, and where it cannot be read. */
  read(principal: Principal, service: Service): Promise<Journal | undefined>;
  /**
   * Takes the journal of one service: no other run connects or disconnects it meanwhile. Throws
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
  journals: KeptTexts;
  workspace: Workspace;
  signal: AbortSignal;
  warn(text: string): void;
}

/** How long a run that is about to end is waited for. */
const waitMs = 3_000;

export function journalsIn({ journals, workspace, signal, warn }: JournalPlace): Journals {
  const keptFor = (person: Principal, { mcp_server_url: url }: Service) =>
    journals.at({ workspace, person, name: normalisedServerUrl(url) });
  const journalIn = (kept: KeptText, text: string | undefined, service: Service) => {
    if (text === undefined) return undefined;
    const journal = parseJournal(text);
    if (journal !== undefined && connectionsOf([journal], service).length > 0) return journal;
    warn(`what the last run for ${service.name} wrote down cannot be read and is not used: ${quote(kept.where)}`);
    return undefined;
  };
  return {
    async read(principal, service) {
      const kept = keptFor(principal, service);
      return journalIn(kept, await kept.read(), service);
    },
    async open(principal, service) {
      const kept = keptFor(principal, service);
      const hold = await kept.hold({ signal, waitMs });
      if (!('release' in hold)) {
        throw new AppError(
          'already_running',
          `another run on this machine is connecting or disconnecting ${quote(service.name)}: ${hold.called}, since ${hold.since}`,
        );
      }
      try {
        let written = await kept.read();
        return {
          left: journalIn(kept, written, service),
          async write(journal) {
            written = printJournal(journal);
            await kept.write(written);
          },
          async clear() {
            // By now it may be that of another run.
            if ((await kept.read()) === written) await kept.remove();
          },
          close: () => hold.release(),
        };
      } catch (error) {
        await hold.release();
        throw error;
      }
    },
  };
}
