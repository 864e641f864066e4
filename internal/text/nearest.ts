import { distance } from 'fastest-levenshtein';
import { quote } from './quote.ts';

/**
 * A hint naming the known words nearest to a mistyped one, or all of them when none is near. Words that can stand there
 * too are named only where they are near.
 */
export function nearestHint(word: string, known: readonly string[], others: readonly string[] = []): string {
  const near = nearest(word, [...known, ...others]);
  if (near.length > 0) return `did you mean ${near.slice(0, 3).map(quote).join(' or ')}?`;
  return known.length > 0 ? `known are: ${known.map(quote).join(', ')}` : 'none are configured';
}

/** The candidates that a mistyped word may have been meant to be, the nearest first. */
export function nearest(word: string, candidates: readonly string[]): string[] {
  return candidates
    .map((candidate) => ({
      candidate,
      edits: distance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits)
    .map(({ candidate }) => candidate);
}
