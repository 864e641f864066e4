/**
 * The front matter of SKILL.md: YAML between a first line `---` and the next line `---`. The rules are those of the
 * platform (name and description) and of the open Agent Skills specification (the optional keys). An unknown key is an
 * error, because most often it is a misspelled known one. So is what other readers of YAML could take for something
 * else: anchors, aliases, tags, and unquoted values that only some versions of YAML read as text. What the specification
 * does not have and every reader takes all the same is a warning: lists of tools, other values than text in metadata,
 * CR line ends.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parse,
  parseDocument,
  visit,
} from 'yaml';
import { nearest, nearestHint } from '../../text/nearest.ts';
import { quote, visible } from '../../text/quote.ts';
import { limits } from './limits.ts';
import { nameProblem } from './name.ts';
import { plainKeys } from './plain-keys.ts';
import { type Finding, placeOf } from './utf8.ts';

/** What the front matter says, once it has passed every check. */
export interface FrontMatter {
  name: string;
  description: string;
  /** What is unusual, and taken all the same. */
  warnings: readonly Finding[];
}

/** What is wrong with a value, and the fix. */
type Fault = [what: string, fix: string];

const knownKeys = ['name', 'description', 'license', 'compatibility', 'metadata', 'allowed-tools'];

/** Keys that Claude Code reads in a SKILL.md and the open format does not have. */
const keysOfClaudeCode = [
  'agent',
  'argument-hint',
  'context',
  'disable-model-invocation',
  'effort',
  'hooks',
  'model',
  'paths',
  'user-invocable',
];

/** Reads the text of a SKILL.md that lies in a folder of the given name. Either front matter or findings come back. */
export function readFrontMatter(text: string, folderName: string): FrontMatter | Finding[] {
  const carriageReturn = text.indexOf('\r');
  const warnings: Finding[] = [];
  if (carriageReturn !== -1) {
    // Two machines with different line endings upload each other's skills in turns.
    warnings.push({
      ...placeOf(text, carriageReturn),
      what: 'it has CR line endings',
      fix: 'save it with LF; in git, `* text=auto eol=lf` in .gitattributes keeps it so',
    });
  }
  const block = cutFrontMatter(carriageReturn === -1 ? text : text.replaceAll(/\r\n?/g, '\n'));
  if (typeof block !== 'string') return [block];
  const plain = plainKeys(block);
  if (plain !== undefined && isFaultless(plain, folderName)) {
    return { name: plain.get('name') ?? '', description: plain.get('description') ?? '', warnings };
  }

  const lineCounter = new LineCounter();
  const document = parseDocument(block, { lineCounter, prettyErrors: false });
  const findings: Finding[] = [];
  const note =
    (found: Finding[]) =>
    (offset: number, [what, fix]: Fault) => {
      const { line, col } = lineCounter.linePos(offset);
      found.push({ line, column: col, what, fix });
    };
  const [find, warn] = [note(findings), note(warnings)];
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    find(pos[0], [
      `this is not valid YAML: ${visible(message.toLowerCase().replace(/; please use .*/, ''))}`,
      yamlFixes[code] ?? 'correct the line',
    ]);
  }
  if (findings.length > 0) return findings;
  const { contents } = document;
  if (!isMap<Node, Node | null>(contents)) {
    return [{ line: 1, column: 1, what: 'the front matter holds no keys', fix: 'give name and description' }];
  }
  findUnusual(document, find);
  if (findings.length > 0) return findings;

  const texts = new Map<string, string>();
  for (const { key, value } of contents.items) {
    const word = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    if (word === undefined || !knownKeys.includes(word)) {
      find(offsetOf(key), unknownKeyFault(word ?? (isScalar(key) ? String(key.value) : 'a nested key')));
      continue;
    }
    const at = offsetOf(value, offsetOf(key));
    if (word === 'metadata') metadataFaults(value, offsetOf(key), find, warn);
    const unusual = word === 'allowed-tools' ? unusualTools(value) : undefined;
    if (unusual !== undefined) warn(at, unusual);
    const fault = word === 'metadata' || isListOfTexts(word, value) ? undefined : valueFault(word, value, folderName);
    if (fault !== undefined) find(at, fault);
    // A faulty value counts as given: one complaint per mistake.
    texts.set(word, isScalar(value) && typeof value.value === 'string' ? value.value : '');
  }
  for (const key of ['name', 'description']) {
    if (!texts.has(key)) {
      const fix =
        key === 'name' ? `add \`name: ${visible(folderName)}\`` : 'say what the skill does and when to use it';
      findings.push({ line: 1, column: 1, what: `${key} is missing`, fix });
    }
  }
  if (findings.length > 0) return findings;
  return { name: texts.get('name') ?? '', description: texts.get('description') ?? '', warnings };
}

/**
 * The text of a SKILL.md with another name in its front matter and everything else as it is: what a renamed skill is
 * compared with. Undefined where there is no name that could be replaced without writing the line anew.
 */
export function withName(text: string, name: string): string | undefined {
  if (text.includes('\r')) return undefined;
  const block = cutFrontMatter(text);
  if (typeof block !== 'string') return undefined;
  const document = parseDocument(block, { prettyErrors: false });
  if (document.errors.length > 0 || !isMap<Node, Node | null>(document.contents)) return undefined;
  const value = document.contents.items.find(({ key }) => isScalar(key) && key.value === 'name')?.value;
  if (!isScalar(value) || typeof value.value !== 'string' || value.value === '' || value.range == null)
    return undefined;
  const [start, end] = value.range;
  // In quotes the name begins after the first of them; a name written with escapes or over lines is not there as it is.
  const quotes = value.type === 'PLAIN' ? 0 : 1;
  if (text.slice(start + quotes, end - quotes) !== value.value) return undefined;
  return text.slice(0, start + quotes) + name + text.slice(end - quotes);
}

/** The front matter with its first line, so that positions in it are positions in the file. */
function cutFrontMatter(text: string): string | Finding {
  const at = { line: 1, column: 1 };
  if (text.startsWith('\ufeff')) {
    return { ...at, what: 'it begins with a byte order mark', fix: 'save it as UTF-8 without one' };
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) return { ...placeOf(text, nul), what: 'it holds a NUL character', fix: 'remove it' };
  if (/^---[ \t]+(?:\n|$)/.test(text)) {
    return { line: 1, column: 4, what: 'the line `---` ends in blanks', fix: 'remove them' };
  }
  if (!text.startsWith('---\n')) {
    return {
      ...at,
      what: 'there is no front matter',
      fix: 'begin with a line `---`, then name, description and `---`',
    };
  }
  const end = /^---$/m.exec(text.slice(4));
  if (end === null) return { ...at, what: 'the front matter does not end', fix: 'close it with a line `---`' };
  return text.slice(0, 4 + end.index);
}

/** What YAML allows and skills do not need: it reads as one thing here and as another, or not at all, elsewhere. */
function findUnusual(document: Document, find: (offset: number, fault: Fault) => void): void {
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) find(offsetOf(node), [`*${visible(node.source)} is an alias`, 'write the value itself there']);
      else if (node.anchor !== undefined) {
        find(offsetOf(node), [
          `&${visible(node.anchor)} is an anchor`,
          'remove it; a text that begins with & goes into quotes',
        ]);
      } else if (node.tag !== undefined) {
        find(offsetOf(node), [
          `the value has the tag ${visible(node.tag)}`,
          'remove it; a text that begins with ! goes into quotes',
        ]);
      }
    },
  });
}

/** What is wrong with the value of a known key other than metadata. */
function valueFault(key: string, value: Node | null, folderName: string): Fault | undefined {
  const content = isScalar(value) ? value.value : undefined;
  if (key === 'allowed-tools' && !isScalar(value)) return ['allowed-tools is not a text', oneLineOfTools];
  if (content === null || content === '') return [`${key} is empty`, 'write something there'];
  const fault = textFault(key, value);
  if (fault !== undefined || typeof content !== 'string') return fault;
  return contentFault(key, content, folderName);
}

/** What is wrong with the text of a known key other than metadata. */
function contentFault(key: string, content: string, folderName: string): Fault | undefined {
  if (content.trim() === '') return [`${key} is empty`, 'write something there'];
  switch (key) {
    case 'name':
      return nameFault(content, folderName);
    case 'description':
      return proseFault(key, content, limits.descriptionCharacters);
    case 'compatibility':
      return proseFault(key, content, limits.compatibilityCharacters);
    default:
      return undefined;
  }
}

/** Whether plain keys and values are front matter; what is wrong with others, and where, is left to the YAML parser. */
function isFaultless(plain: ReadonlyMap<string, string>, folderName: string): boolean {
  const known = [...plain].every(
    ([key, content]) =>
      key !== 'metadata' &&
      knownKeys.includes(key) &&
      contentFault(key, content, folderName) === undefined &&
      !(key === 'allowed-tools' && hasComma(content)),
  );
  return known && plain.has('name') && plain.has('description');
}

/** Whether every reader of YAML takes a value for text. */
function textFault(key: string, value: Node | null): Fault | undefined {
  if (!isScalar(value) || typeof value.value !== 'string') {
    return [`${key} is not a text`, 'write text; put a number or a yes into quotes'];
  }
  // YAML 1.1, which many tools read, knows dates, numbers to base 60 and more words for true.
  const old: unknown = value.type === 'PLAIN' ? parseAsOld(value.value) : value.value;
  if (typeof old === 'string') return undefined;
  return [`${key} is a ${old instanceof Date ? 'date' : typeof old} to some readers of YAML`, 'put it into quotes'];
}

function parseAsOld(plain: string): unknown {
  // Everything that is no text begins like a number or is a short word, so most values need no second look.
  return /^(?:[-+.\d][^#]{0,40}|[a-z~]{1,5})$/i.test(plain)
    ? parse(plain, { schema: 'yaml-1.1', logLevel: 'silent' })
    : plain;
}

function nameFault(name: string, folderName: string): Fault | undefined {
  const wrong = nameProblem(name);
  if (wrong !== undefined) return [wrong, 'use something like `support-triage`'];
  if (name !== folderName) {
    return [`the name ${quote(name)} is not the folder's, ${quote(folderName)}`, 'rename one of them'];
  }
  return undefined;
}

function proseFault(key: string, content: string, longest: number): Fault | undefined {
  if (content.length > longest) {
    return [`${key} has ${content.length} characters, at most ${longest} are allowed`, 'shorten it'];
  }
  if (/<[/!?]?[A-Za-z_][^<>]*>/.test(content)) return [`${key} holds an XML tag`, 'write it without angle brackets'];
  if (/[^\P{Cc}\n\t]/u.test(content)) return [`${key} holds a control character`, 'remove it'];
  return undefined;
}

const oneLineOfTools = 'write the tools in one line with spaces between them, such as `Read Grep`';

function unusualTools(value: Node | null): Fault | undefined {
  if (isListOfTexts('allowed-tools', value)) return ['allowed-tools is a list', oneLineOfTools];
  const text = isScalar(value) && typeof value.value === 'string' ? value.value : '';
  return hasComma(text) ? ['allowed-tools holds a comma', oneLineOfTools] : undefined;
}

function isListOfTexts(key: string, value: Node | null): boolean {
  if (key !== 'allowed-tools' || !isSeq<Node>(value) || value.items.length === 0) return false;
  return value.items.every((item) => textFault(key, item) === undefined);
}

/** In parentheses a comma belongs to what the tool may do. */
function hasComma(tools: string): boolean {
  return tools.replace(/\([^()]*\)/g, '').includes(',');
}

type Find = (offset: number, fault: Fault) => void;

/** Metadata is a map; the format has texts in it, and readers take whatever else there is. */
function metadataFaults(metadata: Node | null, keyOffset: number, find: Find, warn: Find): void {
  if (!isMap<Node, Node | null>(metadata)) {
    find(offsetOf(metadata, keyOffset), ['metadata is not a mapping', 'write `key: value` lines below it']);
    return;
  }
  for (const { key, value } of metadata.items as Pair<Node, Node | null>[]) {
    const name = isScalar(key) ? String(key.value) : 'a nested key';
    const keyFault = textFault('the key', key);
    if (keyFault !== undefined) warn(offsetOf(key), keyFault);
    const fault = textFault(`metadata.${visible(name)}`, value);
    if (fault !== undefined) warn(offsetOf(value, offsetOf(key)), fault);
  }
}

function unknownKeyFault(key: string): Fault {
  if (keysOfClaudeCode.includes(key)) {
    const fix = 'move it below `metadata:`, or take it out: only Claude Code reads it';
    return [`the key ${quote(key)} is Claude Code's own`, fix];
  }
  const isOwn = /^[\w-]+$/.test(key) && nearest(key, knownKeys).length === 0;
  const fix = isOwn ? 'move it below `metadata:`' : nearestHint(key, knownKeys);
  return [`the key ${quote(key)} is not known`, fix];
}

function offsetOf(node: Node | null, otherwise = 0): number {
  return node?.range?.[0] ?? otherwise;
}

/** What to do about a mistake in YAML, by the code of the library. */
const yamlFixes: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'a text that holds a colon and a space goes into quotes',
  DUPLICATE_KEY: 'remove one of the two',
  MULTILINE_IMPLICIT_KEY: 'write `key: value`, or indent the line to go on with the one above',
  TAB_AS_INDENT: 'indent with spaces',
  MULTIPLE_DOCS: 'remove the line above it',
  BAD_ALIAS: 'a text that begins with * or & goes into quotes',
  BAD_SCALAR_START: 'put the value into quotes',
  MISSING_CHAR: 'close what was opened, or write `key: value`',
  TAG_RESOLVE_FAILED: 'a text that begins with ! goes into quotes',
};
