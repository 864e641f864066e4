/** What the verbs of the platform are made of. Only the files of this room see it: a feature says what it wants, not how it is asked. */

import type { Act } from './acts.ts';
import type { Grounds } from './change.ts';
import type { EventStream } from './event-stream.ts';
import type { Reading } from './reading.ts';
import type { Client } from './sdk.ts';

/** How a change is told and carried out. */
export interface How {
  /** The id, unless said. */
  label?: string;
  /** Carried out to its answer although the run was interrupted: half of it would leave less than there was. */
  uninterrupted?: boolean;
  /** What it rests on, beside what lets the actor change things at all. */
  grounds?: Grounds;
}

/** Reads an answer; throws `UnreadableAnswer` for something else. */
export type Read<Thing> = (answer: unknown, reading: Reading) => Thing;

/** Which page is asked for; `limit` where pages of the usual size were more than an answer may have. */
export interface PageQuery {
  page?: string;
  limit?: number;
}

/** A request whose body is read here. */
export interface Raw {
  asResponse(): PromiseLike<Response>;
}

/** One request each. All throw `PlatformError`, or `interrupted` on a signal. */
export interface Door {
  /** Asks for one thing. Repeated up to twice when the network or the platform stumbles; a 429 is waited for. */
  read<Thing>(what: string, read: Read<Thing>, ask: Ask, how?: Pick<How, 'uninterrupted'>): Promise<Thing>;
  /**
   * The items of each page of a list, every item once (`eachOnce`), never more than one page in memory. A page that is more
   * than an answer may have is asked for again with fewer items, down to one.
   */
  pages<Item>(
    what: string,
    read: Read<Item>,
    ask: (client: Client, page: PageQuery) => Raw,
  ): AsyncGenerator<Item[], void, undefined>;
  /** Opens a stream of events, once: whoever follows it opens the next one, and reads what was missed in between. */
  listen(what: string, ask: (client: Client, closed: AbortSignal) => Raw): Promise<EventStream>;
  /**
   * Asks for one change, exactly once: only what the platform answers before it acts is sent again, a 429, and once a 401 to
   * a token that can be exchanged anew. `id` is undefined for what is made.
   */
  change<Thing>(act: Act, id: string | undefined, how: How, read: Read<Thing>, ask: Ask): Promise<Thing>;
}

export type Ask = (client: Client) => PromiseLike<unknown>;

/** One by one. Long lists are handed over by the page: each item by itself costs more than reading it. */
export async function* eachOf<Item>(pages: AsyncIterable<readonly Item[]>): AsyncGenerator<Item, void, undefined> {
  for await (const page of pages) yield* page;
}

/** Reads an answer that says nothing that counts. */
export function nothing(): void {}
