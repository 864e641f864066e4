/** One attack: what is tried, what must come of it, and what did. */
export interface Attack {
  readonly attack: string;
  readonly must: string;
  /** What was seen, in the words of `must` where it held. */
  readonly happened: string;
  readonly held: boolean;
}

/** An attack whose outcome is told in one line: it held when that is exactly what must happen. */
export function judged(attack: string, must: string, happened: string): Attack {
  return { attack, must, happened, held: happened === must };
}
