/**
 * What the words around a place say about it: whether it is denied, quoted, or spoken of. A rule that is right about the
 * words alone is wrong about "never send the keys to a server", and about a skill that lists attacks to look out for.
 */
import type { SearchedFile } from './searched-file.ts';

/** How far back a sentence or a list is read. */
const longestSentence = 400;
const longestList = 2000;

const prose = /(?:\.(?:md|mdx|markdown|txt|rst|adoc)|(?:^|\/)[^./]+)$/i;

/** What turns a sentence round, and what only looks as if it did. */
const denial =
  /\b(?:not|never|cannot|avoid|avoids|without|refuse to|neither|nor|instead of|rather than|no need to|prevents?|forbid(?:s|den)?|prohibit(?:s|ed)?|must ?not|stop)\b|n['’]t\b|(?:^|\s)(?:no|❌|🚫)\s/i;
const notDenied =
  /\b(?:(?:do|does|did|should|must|can) ?(?:not|n['’]t)|not|never|n['’]t) (?:hesitate|forget|fail|only|just|worry|be afraid)\b|\b(?:if|when|unless|while|since|because|although|where)\b[^,.]{0,120}?,|\bwhy not\b|\bif not\b/gi;

/** Words with which people speak about what others might say. */
const spokenOf =
  /\b(?:attack\w{0,3}|inject(?:ion|ions|ed|ing)?|jailbreak\w{0,3}|malicious|adversar\w{2,5}|payloads?|phish\w{0,3}|suspicious|red flags?|such as|e\.g|for example|for instance|phrases?|patterns?|detect\w{0,3}|flags?|flagged|attempt\w{0,3}|examples? of|try(?:ing)? to|tries to|(?:asks?|tells?|telling|asking|instructs?) (?:you|the agent|the model|it|claude) to|claims?|contain(?:s|ing)?|look for|looking for|signs? of|untrusted|treat\b.{0,40}\bas data|reject\w{0,3}|refus\w{1,4}|threats?|exploit\w{0,4}|vulnerab\w{3,6}|dangerous|unsafe|insecure|anti-?patterns?)\b/i;
const aboutAttacks =
  /\b(?:attack\w{0,3}|inject\w{0,3}|jailbreak\w{0,3}|malicious|adversar\w{2,5}|threats?|red.?team\w{0,3}|phish\w{0,3}|unsafe|abuse|anti-?patterns?|exploit\w{0,4}|vulnerab\w{3,6}|dangerous|suspicious|owasp)\b/i;

/** Whether a sentence of prose denies what stands at an offset: "never …", "instead of …", a list of what not to do. */
export function isDenied(file: SearchedFile, offset: number): boolean {
  if (!isProse(file, offset)) return false;
  return denies(sentenceBefore(file.text, offset)) || denies(introductionOf(file.text, offset));
}

/** Whether what stands there is somebody's words or a pattern to look for, and no instruction. */
export function isSpokenOf(file: SearchedFile, offset: number): boolean {
  const { text } = file;
  const before = lineBefore(text, offset);
  if (isQuoted(before, text, offset) || /^\s*\|/.test(before)) return true;
  if (spokenOf.test(sentenceBefore(text, offset)) || aboutAttacks.test(introductionOf(text, offset))) return true;
  return (isInFence(file, offset) || isListItem(before)) && aboutAttacks.test(headingsAbove(file, offset));
}

/** The sentence up to an offset, without marks of lists and emphasis. */
export function sentenceBefore(text: string, offset: number): string {
  const before = text.slice(Math.max(0, offset - longestSentence), offset);
  const ends = [
    ...before.matchAll(/[.!?](?=\s)|\n\s*\n|\n\s*(?:[-*+]|\d{1,3}[.)]|#{1,6}|\|)\s|\n```|```\n|\n-{3,}\n/g),
  ];
  const last = ends.at(-1);
  const from = last === undefined ? 0 : last.index + last[0].length;
  return before
    .slice(from)
    .replace(/^(?:\s|[-*+>#|]|\d{1,3}[.)]\s|\[[ x]\])+/, '')
    .replace(/[*_`"'“”]/g, '');
}

/** Where prose ends and code begins, nothing is denied: `if not …` is no prohibition. */
function isProse(file: SearchedFile, offset: number): boolean {
  return prose.test(file.path) && !isInFence(file, offset);
}

/** Where the fences of code and the headings of a text are, in order. */
interface Layout {
  fences: readonly number[];
  headings: readonly { level: number; line: string }[];
  headingsAt: readonly number[];
}

/** Found once for a file, however much is found in it. */
const layouts = new WeakMap<SearchedFile, Layout>();

function layoutOf(file: SearchedFile): Layout {
  const known = layouts.get(file);
  if (known !== undefined) return known;
  const headings = [...file.text.matchAll(/^(#{1,6})\s[^\n]{0,200}/gm)];
  const layout = {
    fences: [...file.text.matchAll(/^[ \t>]{0,12}(?:```|~~~)/gm)].map(({ index }) => index),
    headings: headings.map(([line, marks = '']) => ({ level: marks.length, line })),
    headingsAt: headings.map(({ index }) => index),
  };
  layouts.set(file, layout);
  return layout;
}

/** How many of some offsets in order are before another one. */
function countBefore(offsets: readonly number[], offset: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isInFence(file: SearchedFile, offset: number): boolean {
  return (countBefore(layoutOf(file).fences, offset) & 1) === 1;
}

function denies(sentence: string): boolean {
  const [lastPart = ''] = sentence.split(/\b(?:but|however)\b|[;—]/i).reverse();
  return denial.test(lastPart.replace(notDenied, ' '));
}

/** What a list is introduced with: the last line above that is no item of it, where it ends in a colon or is a heading. */
function introductionOf(text: string, offset: number): string {
  const lines = text.slice(Math.max(0, offset - longestList), offset).split('\n');
  if (!isListItem(lines.pop() ?? '')) return '';
  const above = lines.reverse().find((line) => line.trim() !== '' && !isListItem(line) && !/^\s{2,}/.test(line)) ?? '';
  return /:\W{0,4}$/.test(above.trim()) || /^#{1,6}\s/.test(above) ? above.replace(/[*_`]/g, '') : '';
}

function isListItem(line: string): boolean {
  return /^\s*(?:>\s*)*(?:[-*+]|\d{1,3}[.)]|\|)\s/.test(line);
}

/** The heading above an offset, and those that it belongs to. */
function headingsAbove(file: SearchedFile, offset: number): string {
  const { headings, headingsAt } = layoutOf(file);
  const above = countBefore(headingsAt, offset);
  let lowest = 7;
  const found: string[] = [];
  for (const { level, line } of headings.slice(Math.max(0, above - 200), above).reverse()) {
    if (level >= lowest) continue;
    lowest = level;
    found.push(line);
  }
  return found.join('\n');
}

function lineBefore(text: string, offset: number): string {
  return text.slice(Math.max(text.lastIndexOf('\n', offset - 1) + 1, offset - longestSentence), offset);
}

/** Between quotes or backticks that close again, or in a pattern. */
function isQuoted(before: string, text: string, offset: number): boolean {
  const end = text.indexOf('\n', offset);
  const behind = text.slice(offset, Math.min(end === -1 ? text.length : end, offset + longestSentence));
  const opens = (mark: string) => before.split(mark).length % 2 === 0 && behind.includes(mark);
  if (opens('"') || opens('`') || opens('«')) return true;
  if (before.lastIndexOf('“') > before.lastIndexOf('”') && behind.includes('”')) return true;
  if (/(?:^|[\s([{=,:])['‘][^'’]*$/.test(before) && /['’](?:[\s)\]},;:.]|$)/.test(behind)) return true;
  return /\\[sbw]|\(\?[:i]|\.\*/.test(before + behind);
}
