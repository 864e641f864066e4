/**
 * Front matter as nearly everybody writes it: one `key: text` in each line. Every reader of YAML takes it in the same way,
 * so it need not be parsed as YAML, which takes longer than everything else about a skill.
 */

/** No blank that is not a space, nothing invisible, no half of a character. */
const ordinary = String.raw`[ -~\u00a1-\u00ac\u00ae-\u05ff\u0900-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff]`;
/** Begins with a letter, so that it is no number, date or sign of YAML, and is longer than every word for true. */
const plainText = String.raw`(?=[A-Za-z])(?!\w{1,5}$)${ordinary}*`;
const line = new RegExp(
  String.raw`^([a-z-]{1,20}): (?:(${plainText})|"((?:(?!["\\])${ordinary})*)"|'((?:(?!')${ordinary})*)')$`,
);

/**
 * The keys and texts of a block of front matter, its first line `---` included; undefined where a line is anything else
 * than a key and a text that YAML takes as it stands.
 */
export function plainKeys(block: string): Map<string, string> | undefined {
  const found = new Map<string, string>();
  for (const each of block.slice('---\n'.length, -1).split('\n')) {
    const [, key, plain, double, single] = line.exec(each) ?? [];
    const text = plain ?? double ?? single;
    if (key === undefined || text === undefined || found.has(key)) return undefined;
    // In a text without quotes these begin a nested value and a comment, and a blank at the end is none of its own.
    if (plain !== undefined && /:(?: |$)| #| $/.test(plain)) return undefined;
    found.set(key, text);
  }
  return found;
}
