/**
 * The history of a session in the order in which it happened, whatever became of the pages of its list on the way. The
 * platform sorts it by the time of processing, and that is all that is believed of it.
 */
import { readEvent, type SessionEvent } from './event.ts';

/**
 * Hands over the events of a list, the earliest first. Of one that breaks off that is what came until then, unless its order
 * shows that what is missing was before that. What is no event is left out.
 */
export async function readInOrder(
  pages: AsyncIterable<readonly unknown[]>,
  take: (event: SessionEvent) => unknown,
): Promise<void> {
  const events: SessionEvent[] = [];
  try {
    for await (const page of pages) events.push(...eventsOf(page));
  } catch (error) {
    if (inOrder(events) === events) for (const event of events) take(event);
    throw error;
  }
  // Given up one by one: what the reader makes of a long history would have to fit beside it.
  const left = inOrder(events).reverse();
  for (let event = left.pop(); event !== undefined; event = left.pop()) take(event);
}

/** The latest events of a list that was asked for with the latest first, at most so many; the earliest of them first. */
export async function readLatest(most: number, pages: AsyncIterable<readonly unknown[]>): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const page of pages) {
    events.push(...eventsOf(page));
    const [first] = events;
    // One that begins with the earliest has to be read to its end.
    if (events.length >= most && first !== undefined && timeOf(first) >= timeOf(events.at(-1) ?? first)) break;
  }
  // Turned round before it is judged: events of one instant have no order but that of the list.
  return inOrder(events.reverse()).slice(-most);
}

function eventsOf(page: readonly unknown[]): SessionEvent[] {
  return page.map(readEvent).filter((event) => typeof event === 'object');
}

/** Events of one instant stay as the list has them, and one that came backwards is turned round first. */
function inOrder(events: SessionEvent[]): SessionEvent[] {
  let [falls, rises] = [0, 0];
  let before = Number.NEGATIVE_INFINITY;
  for (const [index, event] of events.entries()) {
    const time = timeOf(event);
    if (time < before) falls += 1;
    if (time > before && index > 0) rises += 1;
    before = time;
  }
  if (falls === 0) return events;
  const timed = events.map((event) => ({ event, time: timeOf(event) }));
  if (falls > rises) timed.reverse();
  return timed
    .sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0))
    .map(({ event }) => event);
}

/** What waits in the queue happens after all that has happened. */
function timeOf({ at }: SessionEvent): number {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time;
}
