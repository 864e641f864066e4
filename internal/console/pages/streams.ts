/** The streams that are open: so many of all, and of one person. One serves all tabs of a browser. */
import { TooOften } from '../limits.ts';

/** How many there may be at once. Half of the connections that a console takes: those who hold one are not everybody. */
const usual = { all: 2_000, ofOne: 20 };

/** Counts them. Whoever enters gets the way out; it is gone once. Throws {@link TooOften} where there is no room. */
export function openStreams({ all, ofOne }: typeof usual = usual): (person: string) => () => void {
  const open = new Map<string, number>();
  let count = 0;
  return (person) => {
    const own = open.get(person) ?? 0;
    if (count >= all || own >= ofOne) throw new TooOften(30);
    count += 1;
    open.set(person, own + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      count -= 1;
      const now = (open.get(person) ?? 1) - 1;
      if (now === 0) open.delete(person);
      else open.set(person, now);
    };
  };
}
