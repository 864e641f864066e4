/**
 * Characters that a reviewer does not see and a model does: they hide words, or show words in another order than they
 * are read. What scripts and emoji need is let through where they need it and nowhere else.
 */
import type { Hit, SearchedFile } from './searched-file.ts';

/** Everything that could be hidden; the context decides. */
const suspicious = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** What most texts have none of at all. */
const unusual = /[^\t\n\r -~]/;

/** Format characters that are drawn: the number and verse signs that stand before or around what follows. */
const drawn = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}\u{13430}-\u{1343f}]/u;

/** Scripts whose letters are joined or kept apart by U+200C and U+200D. */
const joiningScripts =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Nko}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u;

/** The three flags that are written with tag characters: England, Scotland, Wales. */
const tagFlags =
  /\u{1f3f4}\u{e0067}\u{e0062}(?:\u{e0065}\u{e006e}\u{e0067}|\u{e0073}\u{e0063}\u{e0074}|\u{e0077}\u{e006c}\u{e0073})\u{e007f}/gu;

const names: Readonly<Record<number, string>> = {
  0: 'NUL',
  8: 'backspace',
  27: 'escape',
  173: 'soft hyphen',
  8203: 'zero width space',
  8204: 'zero width non-joiner',
  8205: 'zero width joiner',
  8206: 'left-to-right mark',
  8207: 'right-to-left mark',
  8232: 'line separator',
  8233: 'paragraph separator',
  8234: 'left-to-right embedding',
  8235: 'right-to-left embedding',
  8236: 'end of direction',
  8237: 'left-to-right override',
  8238: 'right-to-left override',
  8288: 'word joiner',
  8294: 'left-to-right isolate',
  8295: 'right-to-left isolate',
  8296: 'first strong isolate',
  8297: 'end of isolate',
  12644: 'Hangul filler',
  65279: 'byte order mark',
};

/** One hit for each line and hidden character in it; the characters of a smuggled message count as one. */
export function hiddenCharacters({ text, encoding }: SearchedFile): Hit[] {
  if (encoding === 'none' || !unusual.test(text)) return [];
  const flags = new Set([...text.matchAll(tagFlags)].flatMap(({ index }) => offsetsOf(index)));
  const hits: Hit[] = [];
  const found = new Map<string, { offset: number; count: number }>();
  const close = () => {
    for (const [name, { offset, count }] of found) {
      hits.push({ offset, what: `holds ${name}${count === 1 ? '' : `, ${count} times in the line`}` });
    }
    found.clear();
  };
  let lineEnd = -1;
  for (const { 0: character, index } of text.matchAll(suspicious)) {
    const code = character.codePointAt(0) ?? 0;
    if (code === 9 || code === 10 || code === 13) continue;
    // In one of the old encodings, which is not known, these bytes are letters and quotes.
    if (encoding === 'bytes' && code > 0x7f) continue;
    if (flags.has(index) || isNeeded(text, index, character, code)) continue;
    if (index > lineEnd) {
      close();
      const next = text.indexOf('\n', index);
      lineEnd = next === -1 ? text.length : next;
    }
    const name = nameOf(code);
    const before = found.get(name);
    if (before === undefined) found.set(name, { offset: index, count: 1 });
    else before.count += 1;
  }
  close();
  return hits;
}

/** Where the six tag characters of a flag lie: after its black flag, two code units each. */
function offsetsOf(flag: number): number[] {
  return [2, 4, 6, 8, 10, 12].map((offset) => flag + offset);
}

function isNeeded(text: string, index: number, character: string, code: number): boolean {
  if (drawn.test(character)) return true;
  const before = characterBefore(text, index);
  const after = characterAt(text, index + character.length);
  if (code === 0x200d || code === 0x200c) {
    const joinsEmoji = /\ufe0f|[\p{Extended_Pictographic}\p{Emoji_Modifier}]/u.test(before) && isEmoji(after);
    const atWordEnd = after === '' || /[\s\p{P}]/u.test(after);
    return (
      (code === 0x200d && joinsEmoji) || (joiningScripts.test(before) && (joiningScripts.test(after) || atWordEnd))
    );
  }
  if (code === 0xfe0e || code === 0xfe0f) return isEmoji(before) || (/[\d#*]/.test(before) && after === '\u20e3');
  if (code >= 0xfe00 && code <= 0xfe0d) return /[\p{Script=Han}\p{Sm}\p{Script=Myanmar}]/u.test(before);
  if (code >= 0xe0100 && code <= 0xe01ef) return /\p{Script=Han}/u.test(before);
  return code >= 0x180b && code <= 0x180f && /\p{Script=Mongolian}/u.test(before);
}

function isEmoji(character: string): boolean {
  return /\p{Extended_Pictographic}/u.test(character);
}

function characterBefore(text: string, index: number): string {
  if (index === 0) return '';
  const low = text.charCodeAt(index - 1);
  const isPair = low >= 0xdc00 && low <= 0xdfff && index > 1;
  return text.slice(index - (isPair ? 2 : 1), index);
}

function characterAt(text: string, index: number): string {
  const code = text.codePointAt(index);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function nameOf(code: number): string {
  if (code >= 0xe0000 && code <= 0xe007f) return 'tag characters (U+E0000 to U+E007F), which spell a hidden text';
  if ((code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xe0100 && code <= 0xe01ef)) {
    return 'variation selectors that select nothing, which can carry hidden bytes';
  }
  const point = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = names[code];
  return name === undefined ? point : `${point} (${name})`;
}
