/** Who started a session, as the record says it: known once its line is there, and read on where it is not. */
import { AppError } from '../errors/app-error.ts';
import type { Actor } from '../platform/actor.ts';
import type { Line } from '../record/line.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { RecordReading } from '../record/verify.ts';
import type { Workspace } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { isOf } from './explained.ts';

/** The starts of the sessions of one workspace. */
export class SessionStarts {
  readonly #reading: RecordReading;
  readonly #where: string;
  readonly #workspace: Workspace;
  /** Starts of which nothing says yet how they ended, by their id. */
  readonly #open = new Map<string, Actor>();
  readonly #startedBy = new Map<string, Actor>();
  /** One reads at a time: a line that is taken twice is none. */
  #last: Promise<void> = Promise.resolve();

  private constructor(reading: RecordReading, where: string, workspace: Workspace) {
    this.#reading = reading;
    this.#where = where;
    this.#workspace = workspace;
  }

  /** Reads nothing yet. */
  static async of(record: Pick<RecordLog, 'reading' | 'where'>, workspace: Workspace): Promise<SessionStarts> {
    return new SessionStarts(await record.reading(), record.where, workspace);
  }

  /** Whoever started it; undefined where no act in this record did. Throws `record_altered` and `file_system`. */
  async startedBy(session: string): Promise<Actor | undefined> {
    if (!this.#startedBy.has(session)) {
      const reading = this.#last.then(() => this.#readOn());
      this.#last = reading.catch(() => {});
      await reading;
    }
    if (this.#reading.isAltered) {
      throw new AppError('record_altered', `the record in ${quote(this.#where)} is not as it was written`, {
        hint: 'see what is wrong with it: setup-session audit verify',
      });
    }
    return this.#startedBy.get(session);
  }

  async #readOn(): Promise<void> {
    for await (const entries of this.#reading.more()) for (const { line } of entries) this.#take(line);
  }

  #take({ entry }: Line): void {
    if (entry.kind === 'intent' && entry.act === 'session.create' && isOf(this.#workspace, entry)) {
      this.#open.set(entry.id, entry.actor);
    } else if (entry.kind === 'outcome') {
      const by = this.#open.get(entry.id);
      this.#open.delete(entry.id);
      if (by !== undefined && entry.made !== undefined) this.#startedBy.set(entry.made, by);
    }
  }
}
