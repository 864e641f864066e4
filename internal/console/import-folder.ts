/** A console that kept everything in its folder, moved into a database that is new. */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import type { Database } from '../outside/postgres.ts';
import { holdsRecord, importRecord } from '../record/postgres-log.ts';
import { fileStores } from '../stores/files/kept-files.ts';
import { importTexts } from '../stores/postgres/import-texts.ts';
import { quote } from '../text/quote.ts';

/**
 * Moves what is in the folder of a console that has ended; it stays there as it was. The record comes last, and whole or not at
 * all: until it is there, all of this can be done again. Throws `usage` where there is nothing to move or the database has a
 * record already, and `record_altered` for a record with a fault.
 */
export async function importFolder(database: Database, folder: string): Promise<void> {
  if (await holdsRecord(database)) {
    throw new AppError('usage', `the database ${quote(database.where)} has a record already: nothing was moved there`, {
      hint: 'leave --import out, or name a database that is new',
    });
  }
  const state = join(folder, 'state');
  const texts = await importTexts(database, fileStores({ cache: join(folder, 'cache'), state }));
  const head = await importRecord(database, join(state, 'record'));
  if (head === undefined && texts === 0) {
    throw new AppError('usage', `nothing of a console is kept in ${quote(folder)}`);
  }
}
