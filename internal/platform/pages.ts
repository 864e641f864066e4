/**
 * What a list of the platform is worth. Things come and go between two pages, and gateways repeat: nothing counts twice,
 * and no list goes on for ever. The one door is `Door.list`.
 */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { idIn } from './reading.ts';

/** One page of a list, as it arrived. */
export interface Page {
  data: unknown;
  next_page: unknown;
}

/** More than any workspace has: a hundred thousand things of a hundred on a page. */
const mostRequests = 1000;

/**
 * Every item of a list once, as many at a time as were on a page: what comes again under an id is passed over, whatever it says then. An id is all that tells
 * two items apart, so an item without one ends the list, as do something else than a list (null, too), a cursor that was followed
 * before, and more than 1000 requests. Throws what `refused` makes of the reason.
 */
export async function* eachOnce(
  ask: (cursor: { page?: string }) => Promise<Page>,
  refused: (why: string) => Error,
): AsyncGenerator<unknown[], void, undefined> {
  const ids = new Set<string>();
  const cursors = new Set<unknown>();
  let page = await ask({});
  for (let requests = 1; ; requests += 1) {
    if (!Array.isArray(page.data)) throw refused('answered with something else than a list');
    const fresh: unknown[] = [];
    for (const item of page.data as unknown[]) {
      const id = idIn(item);
      if (id === undefined) {
        yield fresh;
        throw refused('listed something without an id');
      }
      if (ids.has(id)) continue;
      ids.add(id);
      fresh.push(item);
    }
    yield fresh;
    const cursor = page.next_page;
    if (cursor === undefined || cursor === null || cursor === '') return;
    if (typeof cursor !== 'string') throw refused('answered with something else than a list');
    if (cursors.has(cursor)) throw refused('goes round in circles: it named one page of the list twice');
    cursors.add(cursor);
    if (requests === mostRequests) throw refused(`had not ended the list after ${mostRequests} requests`);
    page = await ask({ page: cursor });
  }
}

/** The first items of a list, at most so many; pages beyond them are not asked for. */
export async function takeFirst<Item>(most: number, items: AsyncIterable<Item>): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === most) break;
  }
  return taken;
}

/** What was to be ended is by its id something else than a list said, or has become something else since. */
export function notAsListed(what: string, id: string): AppError {
  return new AppError('drift', `the ${what} ${quote(id)} is not what it was when it was listed`, {
    hint: 'nothing was done to it; run the same command again: it looks at what is there before it asks for anything',
  });
}
