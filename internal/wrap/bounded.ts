/** Lines that somebody else makes us say: so many a minute, and then how many more there were. They fill no disk. */
import { clock } from '../clock/clock.ts';

/** Says a line. */
export type Say = (what: string, line?: Readonly<Record<string, string | number>>) => void;

/** Lines of one kind, or of one program. */
export interface Bounded {
  say: Say;
  /** Says how many were left out, once their minute is over. */
  sweep(): void;
}

const mostLines = 60;
const minuteMs = 60_000;

/** `more` is what is said of those that were left out. */
export function bounded(say: Say, more: string): Bounded {
  let at = clock.monotonic();
  let count = 0;
  const sweep = () => {
    const now = clock.monotonic();
    if (now - at < minuteMs) return;
    if (count > mostLines) say(more, { lines: count - mostLines });
    at = now;
    count = 0;
  };
  return {
    sweep,
    say(what, line) {
      sweep();
      count += 1;
      if (count <= mostLines) say(what, line);
    },
  };
}
