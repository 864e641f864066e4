/** One request as the sandbox's log has it. */
interface Timed {
  at: string;
  milliseconds: number;
}

/**
 * How many requests had to wait for another one: the longest chain of requests in which each begins after the one
 * before it has ended. Requests that run side by side count once.
 */
export function sequentialRoundTrips(requests: readonly Timed[]): number {
  const spans = requests
    .map(({ at, milliseconds }) => ({ start: Date.parse(at), end: Date.parse(at) + milliseconds }))
    .sort((a, b) => a.end - b.end);
  let trips = 0;
  let free = Number.NEGATIVE_INFINITY;
  for (const { start, end } of spans) {
    if (start < free) continue;
    trips += 1;
    // The log's clock has whole milliseconds: what begins in the one in which another ends began after it.
    free = Math.floor(end);
  }
  return trips;
}
