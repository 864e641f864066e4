/**
 * The front matter of SKILL.md: YAML between a first line `---` and the next line `---`. The rules are those of the
 * platform (name and description) and of the open Agent Skills format (the optional keys). An unknown key is an
 * error, because most often it is a misspelled known one.
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { nearestHint } from '../text/nearest.ts';
import { quote, visible } from '../text/quote.ts';
import { nameProblem } from './name.ts';
import type { Problem } from './problem.ts';

/** What the front matter says, once it has passed every check. */
export interface FrontMatter {
  name: string;
  description: string;
}

/** A problem inside the text; the caller knows the file. */
export type Finding = Omit<Problem, 'file'>;

const longestDescription = 1024;
const longestCompatibility = 500;
const knownKeys = ['name', 'description', 'license', 'compatibility', 'metadata', 'allowed-tools'];

/** Reads the text of a SKILL.md that lies in a folder of the given name. Either front matter or findings come back. */
export function readFrontMatter(text: string, folderName: string): FrontMatter | Finding[] {
  const block = cutFrontMatter(text);
  if (typeof block !== 'string') return [block];

  const lineCounter = new LineCounter();
  const document = parseDocument(block, { lineCounter, prettyErrors: false });
  const findings: Finding[] = [];
  const find = (offset: number, what: string, fix: string) => {
    const { line, col } = lineCounter.linePos(offset);
    findings.push({ line, column: col, what, fix });
  };
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    find(pos[0], `this is not valid YAML: ${visible(message.toLowerCase())}`, yamlFix(message));
  }
  if (findings.length > 0) return findings;
  if (!isMap<Node, Node | null>(document.contents)) {
    return [{ line: 1, column: 1, what: 'the front matter holds no keys', fix: 'give name and description' }];
  }

  const texts = new Map<string, string>();
  for (const { key, value } of document.contents.items) {
    const keyOffset = key.range?.[0] ?? 0;
    const valueOffset = value?.range?.[0] ?? keyOffset;
    const word = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    if (word === undefined || !knownKeys.includes(word)) {
      const shown = word ?? (isScalar(key) ? String(key.value) : 'a nested key');
      find(keyOffset, `the key ${quote(shown)} is not known`, nearestHint(shown, knownKeys));
      continue;
    }
    const content = isScalar(value) ? value.value : undefined;
    const fault = valueFault(word, value, content, folderName);
    if (fault !== undefined) find(valueOffset, ...fault);
    // A faulty value counts as given: one complaint per mistake.
    texts.set(word, typeof content === 'string' ? content : '');
  }
  for (const key of ['name', 'description']) {
    if (!texts.has(key)) {
      const fix =
        key === 'name' ? `add \`name: ${visible(folderName)}\`` : 'say what the skill does and when to use it';
      findings.push({ line: 1, column: 1, what: `${key} is missing`, fix });
    }
  }
  if (findings.length > 0) return findings;
  return { name: texts.get('name') ?? '', description: texts.get('description') ?? '' };
}

/** The front matter with its first line, so that positions in it are positions in the file. */
function cutFrontMatter(text: string): string | Finding {
  const at = { line: 1, column: 1 };
  if (text.startsWith('\ufeff')) {
    return { ...at, what: 'it begins with a byte order mark', fix: 'save it as UTF-8 without one' };
  }
  const carriageReturn = text.indexOf('\r');
  if (carriageReturn !== -1) {
    // Two machines with different line endings would upload each other's skills in turns.
    return {
      ...placeOf(text, carriageReturn),
      what: 'it has CR line endings',
      fix: 'save it with LF; in git, `* text=auto eol=lf` in .gitattributes keeps it so',
    };
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) return { ...placeOf(text, nul), what: 'it holds a NUL character', fix: 'remove it' };
  if (!/^---[ \t]*\n/.test(text)) {
    return {
      ...at,
      what: 'there is no front matter',
      fix: 'begin with a line `---`, then name, description and `---`',
    };
  }
  const end = /^---[ \t]*$/m.exec(text.slice(4));
  if (end === null) return { ...at, what: 'the front matter does not end', fix: 'close it with a line `---`' };
  return text.slice(0, 4 + end.index);
}

/** What is wrong with the value of a known key, and the fix. */
function valueFault(
  key: string,
  value: Node | null,
  content: unknown,
  folderName: string,
): [what: string, fix: string] | undefined {
  if (key === 'metadata') {
    return isMap(value) ? undefined : ['metadata is no mapping', 'write `key: value` lines below it'];
  }
  if (key === 'allowed-tools' && isSeq(value)) return undefined;
  if (typeof content !== 'string' && content !== null) {
    return [`${key} is no text`, 'write text; put a number or a yes into quotes'];
  }
  if (content === null || content.trim() === '') return [`${key} is empty`, 'write something there'];
  switch (key) {
    case 'name':
      return nameFault(content, folderName);
    case 'description':
      return textFault(key, content, longestDescription);
    case 'compatibility':
      return textFault(key, content, longestCompatibility);
    default:
      return undefined;
  }
}

function nameFault(name: string, folderName: string): [what: string, fix: string] | undefined {
  const wrong = nameProblem(name);
  if (wrong !== undefined) return [wrong, 'use something like `support-triage`'];
  if (name !== folderName) {
    return [`the name ${quote(name)} is not the folder's, ${quote(folderName)}`, 'rename one of them'];
  }
  return undefined;
}

function textFault(key: string, content: string, longest: number): [what: string, fix: string] | undefined {
  if (content.length > longest) {
    return [`${key} has ${content.length} characters, at most ${longest} are allowed`, 'shorten it'];
  }
  if (/<[/!?]?[A-Za-z_][^<>]*>/.test(content)) return [`${key} holds an XML tag`, 'write it without angle brackets'];
  return undefined;
}

function yamlFix(message: string): string {
  return /nested mapping|implicit key/i.test(message)
    ? 'a text that holds a colon and a space goes into quotes'
    : 'correct the line';
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
