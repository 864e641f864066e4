/** Texts that were kept in files, put into a database under the digests that their files are named by. */

import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { clock } from '../../clock/clock.ts';
import type { Database } from '../../outside/postgres.ts';
import type { Stores } from '../kept-text.ts';

/** The number of no replica: whoever held a text in a folder that was left has ended. */
const nobody = 0;

/** Puts all of them there, once more where some are there already. Gives how many. Throws `file_system`, `database_unavailable`. */
export async function importTexts(database: Database, stores: Stores): Promise<number> {
  let count = 0;
  for (const [kind, texts] of Object.entries(stores) as [keyof Stores, Stores[keyof Stores]][]) {
    for (const each of await texts.all()) {
      const text = await each.read();
      if (text === undefined) continue;
      count += 1;
      await database.query(
        `insert into console.texts (kind, key, text) values ($1::text, $2::text, $3::bytea)
         on conflict (kind, key) do update set text = excluded.text`,
        [kind, digestIn(each.where), Buffer.from(text, 'utf8')],
      );
    }
    // An attempt at a session whose person was not told yet is known by being held.
    for (const { where } of await texts.held()) {
      await database.query(
        `insert into console.holds (kind, key, token, replica, called, since)
         values ($1::text, $2::text, $3::uuid, $4::integer, 'a console that has ended', $5::timestamptz)
         on conflict (kind, key) do nothing`,
        [kind, digestIn(where), randomUUID(), nobody, clock.now().toISOString()],
      );
    }
  }
  return count;
}

/** Files are named by the digest of their key, and something behind it. */
function digestIn(where: string): string {
  return basename(where).slice(0, 64);
}
