import { z } from 'zod';
import { invalidRequest } from './api-error.ts';
import type { Collection, Order } from './collection.ts';
import { queryCount } from './schema.ts';

/** Query parameters of every list. */
export function pageQuery(defaultLimit: number, maximum: number) {
  return { limit: queryCount(1, maximum).default(defaultLimit), page: z.string().optional() };
}

/** A created_at filter: exclusive and inclusive bounds, in milliseconds. */
interface TimeRange {
  gt?: number | undefined;
  gte?: number | undefined;
  lt?: number | undefined;
  lte?: number | undefined;
}

function withinRange(range: TimeRange, time: number): boolean {
  const { gt = Number.NEGATIVE_INFINITY, gte = Number.NEGATIVE_INFINITY, lt = Infinity, lte = Infinity } = range;
  return time > gt && time >= gte && time < lt && time <= lte;
}

/** Which page of which list is wanted, and how its items are chosen and shown. */
export interface PageRequest<T, V> {
  /** Names the list; a cursor works on no other. */
  list: string;
  query: { limit: number; page?: string | undefined };
  order: Order;
  where: (item: T) => boolean;
  view: (item: T) => V;
  /** Documented for sessions and events: a cursor whose position falls out of the range is refused. */
  range?: { bounds: TimeRange; timeOf: (item: T) => number };
}

/** A page as the SDK reads it. */
export interface Page<V> {
  data: V[];
  next_page: string | null;
}

interface Cursor {
  list: string;
  order: Order;
  position: number;
  backwards: boolean;
  time: number | undefined;
}

/** Reads one page of a collection that was asked for over the API. */
export function readPage<T extends { readonly id: string }, V>(
  items: Collection<T>,
  request: PageRequest<T, V>,
): Page<V> {
  return readBothWays(items, request).forward;
}

/** Documented for sessions alone: like {@link readPage}, with the cursor of the page before. */
export function readPageWithPrevious<T extends { readonly id: string }, V>(
  items: Collection<T>,
  request: PageRequest<T, V>,
): Page<V> & { prev_page: string | null } {
  const { forward, previous } = readBothWays(items, request);
  return { ...forward, prev_page: previous };
}

function readBothWays<T extends { readonly id: string }, V>(items: Collection<T>, request: PageRequest<T, V>) {
  const { list, query, order, range } = request;
  const cursor = query.page === undefined ? undefined : decodeCursor(query.page, request);
  const inRange = (item: T) => range === undefined || withinRange(range.bounds, range.timeOf(item));
  const stretch = items.stretch({
    order,
    limit: query.limit,
    where: (item) => request.where(item) && inRange(item),
    ...(cursor === undefined ? {} : { from: cursor.position, backwards: cursor.backwards }),
  });
  const cursorAt = (position: number | undefined, item: T | undefined, backwards: boolean): string | null =>
    position === undefined || item === undefined
      ? null
      : encodeCursor({ list, order, position, backwards, time: range?.timeOf(item) });
  return {
    forward: {
      data: stretch.items.map(request.view),
      next_page: stretch.moreAfter ? cursorAt(stretch.last, stretch.items.at(-1), false) : null,
    },
    previous: stretch.moreBefore ? cursorAt(stretch.first, stretch.items.at(0), true) : null,
  };
}

function encodeCursor({ list, order, position, backwards, time }: Cursor): string {
  return `page_${Buffer.from(JSON.stringify([list, order, position, backwards, time])).toString('base64url')}`;
}

const cursorContent = z.tuple([z.string(), z.enum(['asc', 'desc']), z.int(), z.boolean(), z.number().nullish()]);

/** choices.cursorBinding; documented: another order than the cursor was made with is refused. */
function decodeCursor<T, V>(text: string, { list, order, range }: PageRequest<T, V>): Cursor {
  const content = cursorContent.safeParse(jsonOrUndefined(Buffer.from(text.slice(5), 'base64url').toString()));
  if (!text.startsWith('page_') || !content.success || content.data[0] !== list) {
    throw invalidRequest('page: not a cursor of this list');
  }
  const [, cursorOrder, position, backwards, time] = content.data;
  if (cursorOrder !== order) throw invalidRequest('page: the cursor was made with another order');
  if (range !== undefined && time != null && !withinRange(range.bounds, time)) {
    throw invalidRequest('page: the created_at filter excludes the position of the cursor');
  }
  return { list, order, position, backwards, time: time ?? undefined };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
