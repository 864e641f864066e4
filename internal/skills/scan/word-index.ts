/**
 * Which of many words a text holds, found in one pass over it (the automaton of Aho and Corasick, as a table). Both are
 * compared folded: case does not count, and what stands between words is a blank. It spares a text the search for each
 * pattern whose words it does not hold, and that is nearly all of them.
 */

import { folded, gap } from './required-words.ts';

/** Of each word whether a text holds it: 1 at the number of the word. */
export type WordsHeld = Uint8Array;

/** Words to be looked for in many texts. */
export class WordIndex {
  readonly #classOf = new Uint8Array(128);
  readonly #classes: number;
  /** The state after a character, at state + class; a multiple of the number of classes, negative where words end. */
  readonly #next: Int32Array;
  /** The words that end in a state, at state / classes; those that are ends of others among them. */
  readonly #ends: readonly (readonly number[])[];
  readonly #words: number;

  /** The words are folded and of ASCII; a word's number is its place. */
  constructor(words: readonly string[]) {
    this.#words = words.length;
    let classes = 1;
    for (const character of new Set(words.join(''))) {
      this.#classOf[character.charCodeAt(0)] = classes;
      classes += 1;
    }
    for (let code = 0; code < 128; code += 1) {
      this.#classOf[code] = this.#classOf[folded(String.fromCharCode(code)).charCodeAt(0)] ?? 0;
    }
    this.#classes = classes;

    const most = words.reduce((sum, word) => sum + word.length, 1);
    const next = new Int32Array(most * classes);
    const ends: number[][] = [[]];
    for (const [number, word] of words.entries()) {
      let state = 0;
      for (let at = 0; at < word.length; at += 1) {
        const place = state + (this.#classOf[word.charCodeAt(at)] ?? 0);
        if (next[place] === 0) {
          next[place] = ends.length * classes;
          ends.push([]);
        }
        state = next[place] ?? 0;
      }
      ends[state / classes]?.push(number);
    }

    // Breadth first: where a state has no way on, it goes where its longest end would go.
    const fallback = new Int32Array(ends.length);
    const queue: number[] = [];
    for (let each = 1; each < classes; each += 1) if (next[each] !== 0) queue.push(next[each] ?? 0);
    for (const state of queue) {
      const back = fallback[state / classes] ?? 0;
      ends[state / classes]?.push(...(ends[back / classes] ?? []));
      for (let each = 1; each < classes; each += 1) {
        const to = next[state + each] ?? 0;
        if (to === 0) next[state + each] = next[back + each] ?? 0;
        else {
          fallback[to / classes] = next[back + each] ?? 0;
          queue.push(to);
        }
      }
    }
    this.#next = next.map((to) => (ends[to / classes]?.length === 0 ? to : -to));
    this.#ends = ends;
  }

  /** Which words a text holds. */
  wordsIn(text: string): WordsHeld {
    const held = new Uint8Array(this.#words);
    const classOf = this.#classOf;
    const next = this.#next;
    const blank = classOf[32] ?? 0;
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      const kind = code < 128 ? (classOf[code] ?? 0) : isWideGap(code) ? blank : 0;
      state = next[state + kind] ?? 0;
      if (state >= 0) continue;
      state = -state;
      for (const number of this.#ends[state / this.#classes] ?? []) held[number] = 1;
    }
    return held;
  }
}

/** Whether a character beyond ASCII is a blank to a pattern. */
function isWideGap(code: number): boolean {
  return code === 0xa0 || (code >= 0x1680 && gap.test(String.fromCharCode(code)));
}
