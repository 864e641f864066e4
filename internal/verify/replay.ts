/** Tokens that count once: for a server that exchanges each for something. A session calls with one token many times. */

/** Which tokens were seen. */
export interface ReplayWindow {
  /** Takes a token that is valid until then, in seconds since 1970; says whether it is the first time, and undefined where nobody can say. */
  take(id: string, until: number, now: number): boolean | undefined;
}

/** A window in memory. What is full says of a new token that nobody knows, rather than to forget an old one that is still valid. */
export function replayWindow(most = 100_000): ReplayWindow {
  const seen = new Map<string, number>();
  return {
    take(id, until, now) {
      const known = seen.get(id);
      if (known !== undefined && known > now) return false;
      if (known === undefined && seen.size >= most) {
        for (const [each, end] of seen) if (end <= now) seen.delete(each);
        if (seen.size >= most) return undefined;
      }
      seen.set(id, until);
      return true;
    },
  };
}
