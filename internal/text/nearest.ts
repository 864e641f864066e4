import { distance } from 'fastest-levenshtein';
import { quote } from './quote.ts';

/**
 * A hint naming the known words nearest to a mistyped one, or all of them when none is near.
 */
export function nearestHint(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near.length > 0) return didYouMean(near);
  return known.length > 0 ? `known are: ${known.map(quote).join(', ')}` : 'none are configured';
}

/** Asks whether one of these words was meant: the first three, where there are more. */
export function didYouMean(near: readonly string[]): string {
  return `did you mean ${near.slice(0, 3).map(quote).join(' or ')}?`;
}

/**
 * The commands that a mistyped word may have been meant to be, each as the words that lead to it: those that can stand where
 * it stands, and where none of them is near, those that have to stand behind another.
 */
export function nearestCommands(word: string, commands: readonly string[]): string[] {
  const last = (words: string) => words.slice(words.lastIndexOf(' ') + 1);
  const found = (candidates: readonly string[]) =>
    nearest(word, [...new Set(candidates.map(last))]).flatMap((name) =>
      candidates.filter((candidate) => last(candidate) === name),
    );
  const here = found(commands.filter((words) => !words.includes(' ')));
  return here.length > 0 ? here : found(commands.filter((words) => words.includes(' ')));
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
