/** Whether a text is likely made by a machine and not by a person who writes about it. Pure. */

/** What stands where a secret would: words for it, fillings, ends that were cut off, variables. */
const standsForValue =
  /\.{3}|…|[<>{}]|\$\w|\*{3}|([xX0#_-])\1{3}|(.)\2{5}|(?:^|[-_./+=])(?:your|my|the|here|example|sample|dummy|fake|mock|test|testing|foo|bar|baz|todo|none|null|value|placeholder|redacted|secret|password|passwd|token|key|changeme|change|replace|insert|default)(?:$|[-_./+=])|example|placeholder|changeme|redacted|dummy|replace.?me|insert.?your|your.?(?:api|key|token|secret|password)|goes.?here|abcdefgh|12345678|01234567|qwerty|deadbeef|lorem.?ipsum/i;

/** Whether a text only stands where a secret would. */
export function isPlaceholder(text: string): boolean {
  return standsForValue.test(text);
}

/** Whether what a known form of token begins is filled up: `AIzaXXXX…`. Real ones are never so even. */
export function isFilledUp(token: string): boolean {
  return /([xX*.#_]|0)\1{5}|EXAMPLE|YOUR[-_]?|\.{3}|…/.test(token) || entropyOf(token.slice(-24)) < 2;
}

/** Bits for each character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / text.length) * Math.log2(count / text.length);
  return entropy;
}

/**
 * Whether a value is likely made by a machine: letters and digits in no order, and no words, names or numbers that are
 * joined. A person's `Summer2024!` is none; it looks like a word.
 */
export function looksRandom(value: string): boolean {
  const text = value.slice(0, 200);
  if (text.length < 8 || isPlaceholder(text)) return false;
  if (!/\d/.test(text) || !/[A-Za-z]/.test(text)) return false;
  if (entropyOf(text) < Math.min(3.2, 0.78 * Math.log2(text.length))) return false;
  const parts = text.split(/[-_./:+=@!%^&,~]/);
  if (parts.filter((part) => /^(?:[a-z]+|[A-Z]+|[A-Z][a-z]+|\d{1,10})$/.test(part)).length >= 3) return false;
  return parts.reduce((sum, part) => sum + turnsIn(part), 0) >= Math.max(3, text.length / 9);
}

/** How often a run of characters changes between letters and digits, or between cases as no word does. */
function turnsIn(part: string): number {
  let turns = 0;
  for (const turn of part.matchAll(/(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]|(?<=[a-z])[A-Z](?![a-z]{2})/g)) {
    turns += turn[0] === '' ? 0 : 1;
  }
  return turns;
}
