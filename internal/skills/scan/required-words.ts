/**
 * Which words a text has to hold for a pattern to match it, read from the pattern itself, so that no rule has to name them
 * and none can name them wrongly. Whatever the reading below does not know asks for nothing: then the pattern is searched
 * for in every text, which is slower and never misses anything.
 */

/** What stands between words, each of which counts as a blank: blanks, ends of lines and marks of emphasis and quotes. */
export const gap = /^[\s*_"'\x60>]$/;

/** A character as words and texts are compared: in lower case, and every gap a blank. */
export function folded(character: string): string {
  return gap.test(character) ? ' ' : character.toLowerCase();
}

/** A word, folded, that has to be there, or several needs that all have to be met, or of which one has to be. */
export type Need = string | { all: readonly Need[] } | { any: readonly Need[] };

/** What a part of a pattern matches: exactly one of these texts, or else what meets a need. */
interface Part {
  exactly?: readonly string[];
  need: Need;
  /** Whether it begins and ends with a gap, whatever is between. */
  isGap?: boolean;
}

/** What every text meets. */
const none: Need = { all: [] };
const anything: Part = { need: none };
const nothing: Part = { exactly: [''], need: none };

/** Words that nearly every text holds. */
const everywhere = /^(?:to|in|at|of|the|an?|and|or|as|is|it|on|if|for|with|this|that|your|all|any|not|no|do)$/;

/** More texts than these are not kept apart. */
const mostTexts = 48;

/** What a text has to hold for the pattern to match it, in whatever case. */
export function requiredWords(pattern: RegExp): Need {
  return needOf(new PatternReader(pattern.source).alternatives());
}

function needOf({ exactly, need }: Part): Need {
  if (exactly === undefined) return need;
  if (exactly.some((word) => isEverywhere(word.trim()))) return none;
  const words = [...new Set(exactly)];
  return words.length === 1 ? (words[0] ?? none) : { any: words };
}

/** Of single characters nearly every text holds all but a few. */
function isEverywhere(word: string): boolean {
  return everywhere.test(word) || (word.length < 2 && !/^[~@%^\\]$/.test(word));
}

function isNone(need: Need): boolean {
  return typeof need !== 'string' && 'all' in need && need.all.length === 0;
}

class PatternReader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end of the group or of the pattern. */
  alternatives(): Part {
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    const [only] = parts;
    if (only !== undefined && parts.length === 1) return only;
    const texts = parts.flatMap(({ exactly }) => exactly ?? []);
    if (parts.every(({ exactly }) => exactly !== undefined) && texts.length <= mostTexts) {
      return { exactly: texts, need: none };
    }
    const needs = parts.map(needOf);
    return needs.some(isNone) ? anything : { need: { any: needs } };
  }

  #sequence(): Part {
    const needs: Need[] = [];
    let texts: readonly string[] = [''];
    let whole = true;
    const end = () => {
      const need = needOf({ exactly: texts, need: none });
      if (!isNone(need)) needs.push(need);
      texts = [''];
      whole = false;
    };
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) {
      const { exactly, need, isGap } = this.#quantified();
      if (isGap === true) {
        texts = texts.map((text) => `${text} `);
        end();
        texts = [' '];
        continue;
      }
      if (exactly !== undefined && texts.length * exactly.length <= mostTexts) {
        texts = texts.flatMap((text) => exactly.map((more) => text + more));
        continue;
      }
      end();
      if (exactly !== undefined) texts = exactly;
      else if (!isNone(need)) needs.push(need);
    }
    if (whole) return { exactly: texts, need: none };
    end();
    return { need: { all: needs } };
  }

  #quantified(): Part {
    const from = this.#at;
    const part = this.#atom();
    const isGap = isGapAtom(this.#source.slice(from, this.#at));
    const quantifier = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (quantifier === null) return isGap ? gapPart : part;
    this.#at += quantifier[0].length;
    const [sign, least] = quantifier;
    if (sign.startsWith('?') && part.exactly !== undefined) return { exactly: [...part.exactly, ''], need: none };
    if (sign.startsWith('*') || sign.startsWith('?') || least === '0') return anything;
    return isGap ? gapPart : { need: needOf(part) };
  }

  #atom(): Part {
    const character = this.#source[this.#at] ?? '';
    if (character === '(') return this.#group();
    if (character === '[') return this.#set();
    this.#at += 1;
    if (character === '^' || character === '$') return nothing;
    if (character === '.') return anything;
    return character === '\\' ? this.#escaped() : literal(character);
  }

  #group(): Part {
    const [opening = '('] = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(this.#source.slice(this.#at, this.#at + 40)) ?? [];
    this.#at += opening.length;
    const inside = this.alternatives();
    this.#take(')');
    if (!/[=!]$/.test(opening)) return inside;
    // What stands around a match is no part of it, but a text has to hold it, unless it must not be there.
    const need = opening.endsWith('=') ? needOf(inside) : none;
    return isNone(need) ? nothing : { need };
  }

  #set(): Part {
    const [whole = '['] = /^\[(?:[^\]\\]|\\.)*\]/.exec(this.#source.slice(this.#at)) ?? [];
    this.#at += whole.length;
    const characters = whole.slice(1, -1);
    const isShort = /^[ -~]{1,4}$/.test(characters) && !/[\\^]|.-./.test(characters);
    return isShort ? { exactly: [...new Set([...characters].map(folded))], need: none } : anything;
  }

  #escaped(): Part {
    const character = this.#source[this.#at] ?? '';
    this.#at += 1;
    if (character === 'b' || character === 'B') return nothing;
    if (character === 'n') return literal('\n');
    if (!/[A-Za-z0-9]/.test(character)) return literal(character);
    const more = /^(?:x[\da-f]{2}|u\{[\da-f]+\}|u[\da-f]{4}|[pP]\{[^}]*\}|k<\w+>|\d+|c.|.)/i.exec(
      this.#source.slice(this.#at - 1, this.#at + 40),
    );
    this.#at += (more?.[0].length ?? 1) - 1;
    const code = /^x([\da-f]{2})$/i.exec(more?.[0] ?? '')?.[1];
    return code === undefined ? anything : literal(String.fromCharCode(Number.parseInt(code, 16)));
  }

  #sees(character: string): boolean {
    return this.#source[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at += 1;
    return true;
  }
}

const gapPart: Part = { need: none, isGap: true };

/** Whether a part of a pattern matches one gap and nothing else. */
function isGapAtom(source: string): boolean {
  if (source === '\\s') return true;
  const [, inside] = /^\[(\\s.*|[ *_"'>]+)\]$/.exec(source) ?? [];
  return inside !== undefined && /^(?:\\s|\\x60|\\t|[ *_"'>])+$/.test(inside);
}

/** Beyond ASCII the same letter has more than one case; such a character asks for nothing. */
function literal(character: string): Part {
  return character > '~' ? anything : { exactly: [folded(character)], need: none };
}
