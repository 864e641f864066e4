/** Patterns searched for in a file, where it holds the words without which they cannot match. */
import { type Need, requiredWords } from './required-words.ts';
import type { SearchedFile } from './searched-file.ts';
import { WordIndex, type WordsHeld } from './word-index.ts';

/** A {@link Need} with the numbers of the words. */
type NumberedNeed = number | { all: readonly NumberedNeed[] } | { any: readonly NumberedNeed[] };

/** What the patterns of the tables need, and the number of every word in it. */
const needs = new Map<RegExp, NumberedNeed>();
const numbers = new Map<string, number>();
/** Of all words; made again where a table is loaded later. */
let index: WordIndex | undefined;
const held = new WeakMap<SearchedFile, WordsHeld>();

/** Makes a pattern of a table one that {@link matchesIn} searches for. */
export function searchable(pattern: RegExp): RegExp {
  needs.set(pattern, numbered(requiredWords(pattern)));
  index = undefined;
  return pattern;
}

/** Whether a file holds the words of a pattern of a table. Where it does not, the pattern cannot match in it. */
export function mayMatch(file: SearchedFile, pattern: RegExp): boolean {
  const need = needs.get(pattern);
  if (need === undefined) throw new Error(`the pattern ${pattern.source.slice(0, 40)} was not made searchable`);
  index ??= new WordIndex([...numbers.keys()]);
  let words = held.get(file);
  if (words?.length !== numbers.size) {
    words = index.wordsIn(file.text);
    held.set(file, words);
  }
  return isMet(need, words);
}

/** Every match of a pattern of a table in a file. */
export function matchesIn(file: SearchedFile, pattern: RegExp): RegExpExecArray[] {
  return mayMatch(file, pattern) ? [...file.text.matchAll(pattern)] : [];
}

function isMet(need: NumberedNeed, words: WordsHeld): boolean {
  if (typeof need === 'number') return words[need] === 1;
  if ('any' in need) {
    for (const each of need.any) if (isMet(each, words)) return true;
    return false;
  }
  for (const each of need.all) if (!isMet(each, words)) return false;
  return true;
}

function numbered(need: Need): NumberedNeed {
  if (typeof need !== 'string')
    return 'all' in need ? { all: need.all.map(numbered) } : { any: need.any.map(numbered) };
  const number = numbers.get(need) ?? numbers.size;
  numbers.set(need, number);
  return number;
}
