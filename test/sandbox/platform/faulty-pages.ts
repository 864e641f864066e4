import type { PageFault } from '../faults.ts';

/** How many items a page has at most: few things make several pages. */
const size = 2;
/** What is put before a cursor of the platform, and says that its page comes another time. */
const again = 'again_';

/** What a list answers, as far as its pages are concerned. */
export interface ListAnswer {
  data: unknown[];
  next_page: string | null;
}

/** A page of a list that goes wrong. Keeps nothing: where a list is, its cursor says. `ask` answers without the fault. */
export async function faultyPage(
  how: PageFault,
  search: URLSearchParams,
  ask: (search: URLSearchParams) => Promise<ListAnswer>,
): Promise<ListAnswer> {
  const cursor = search.get('page') ?? '';
  const page = (from: string, limit = size) => {
    const query = new URLSearchParams(search);
    query.delete('page');
    if (from !== '') query.set('page', from);
    query.set('limit', String(limit));
    return ask(query);
  };
  switch (how) {
    case 'overlapping': {
      const answer = await page(cursor);
      return answer.next_page === null ? answer : { ...answer, next_page: (await page(cursor, size - 1)).next_page };
    }
    case 'repeated':
      if (cursor.startsWith(again)) return await page(cursor.slice(again.length));
      return { ...(await page(cursor)), next_page: `${again}${cursor}` };
    case 'hollow':
      if (cursor.startsWith(again)) return await page(cursor.slice(again.length));
      return { ...(await page(cursor)), data: [], next_page: `${again}${cursor}` };
    case 'reversed': {
      const all = [];
      for (let next: string | null = ''; next !== null; ) {
        const answer: ListAnswer = await page(next, 100);
        all.push(...answer.data);
        next = answer.next_page;
      }
      const from = Number(cursor.slice(again.length));
      const more = from + size < all.length;
      return {
        ...(await page('')),
        data: all.reverse().slice(from, from + size),
        next_page: more ? `${again}${from + size}` : null,
      };
    }
    case 'circling': {
      const answer = await page(cursor.startsWith(again) ? '' : cursor);
      return { ...answer, next_page: answer.next_page ?? again };
    }
    case 'endless': {
      const round = cursor.startsWith(again) ? Number(cursor.slice(again.length)) : 0;
      const answer = await page(cursor.startsWith(again) ? '' : cursor);
      return {
        ...answer,
        next_page: round === 0 && answer.next_page !== null ? answer.next_page : `${again}${round + 1}`,
      };
    }
  }
}
