/** The longest Retry-After that is waited for; a longer one is reported instead. */
const longestWaitSeconds = 120;

/** The seconds that an answer with 429 asks to wait; undefined where it would take too long, or says no number. */
export function retryAfter(headers: Headers | undefined): number | undefined {
  const seconds = Number(headers?.get('retry-after') ?? '1');
  return seconds >= 0 && seconds <= longestWaitSeconds ? seconds : undefined;
}
