/**
 * YAML text to plain values, with the place of each. Configuration is reviewed by people, so what makes a text
 * mean something else than it seems to is refused: anchors, aliases, tags, keys that are not text, keys twice.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument, type YAMLMap } from 'yaml';
import { quote, visible } from '../text/quote.ts';
import type { Finding, Path, Position } from './mistake.ts';

/** No file of a configuration comes near this; a parser that is fed more is being attacked. */
const longestText = 1024 * 1024;

/** Something wrong with the text at one place. */
export interface TextProblem extends Position {
  problem: string;
}

/** A file that could be read as YAML. */
export interface Document {
  data: unknown;
  /** Where a finding is; for what is missing, where it should have been. */
  positionOf(finding: Pick<Finding, 'path' | 'atKey'>): Position;
}

/** The document of a YAML text, or what is wrong with the text. */
export function readDocument(text: string): Document | TextProblem[] {
  const start = { line: 1, column: 1 };
  if (text.length > longestText) return [{ ...start, problem: 'is longer than 1 MiB' }];
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) return [{ ...start, problem: 'is nested too deeply' }];
    throw error;
  }
}

function parse(text: string): Document | TextProblem[] {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    // The schema named here wins over a %YAML 1.1 directive, under which `off` would be false.
    schema: 'core',
    // Looked for below, where it takes linear time.
    uniqueKeys: false,
  });
  const place = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  // What comes after the first error of syntax mostly follows from it.
  const [wrong] = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  // The parser gives its own exhaustion the place where it happened to run out.
  if (wrong !== undefined && /call stack/.test(wrong.message)) throw new RangeError(wrong.message);
  if (wrong !== undefined) return [{ ...place(wrong.pos[0]), problem: syntaxProblem(wrong.code, wrong.message) }];

  const problems: TextProblem[] = [];
  refuseSurprises(document.contents, (offset, problem) => problems.push({ ...place(offset), problem }));
  if (problems.length > 0) return problems;

  const root = document.contents;
  return {
    data: document.toJS(),
    positionOf: ({ path, atKey }) => place(offsetOf(root, path, atKey === true)),
  };
}

function syntaxProblem(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent in YAML: use spaces';
  if (code === 'MULTIPLE_DOCS') return 'holds a second document after ---: one file is one document';
  if (code === 'TAG_RESOLVE_FAILED') return 'tags are not read here: leave out the word that starts with !';
  return `is not YAML: ${visible(message.split('\n')[0] ?? '')}`;
}

function refuseSurprises(node: ParsedNode | null, report: (offset: number, problem: string) => void): void {
  if (node === null) return;
  if (isAlias(node)) {
    report(node.range[0], `aliases are not read here: write the value of *${visible(node.source)} out`);
    return;
  }
  if (node.anchor !== undefined)
    report(node.range[0], 'anchors are not read here: leave out the word that starts with &');
  if (node.tag !== undefined) report(node.range[0], 'tags are not read here: leave out the word that starts with !');
  if (isSeq(node)) for (const item of node.items) refuseSurprises(item, report);
  if (isMap(node)) refuseSurprisingKeys(node, report);
}

function refuseSurprisingKeys(map: YAMLMap.Parsed, report: (offset: number, problem: string) => void): void {
  const seen = new Set<string>();
  for (const { key, value } of map.items) {
    if (!isScalar(key)) report((key as ParsedNode).range[0], 'expected a plain word as key');
    else if (typeof key.value !== 'string')
      report(key.range[0], `expected text as key: write ${quote(key.source)}, in quotes`);
    else if (key.value === '__proto__') report(key.range[0], 'this key is not allowed');
    else if (seen.has(key.value)) report(key.range[0], `the key ${quote(key.value)} is here twice`);
    else seen.add(key.value);
    refuseSurprises(key, report);
    refuseSurprises(value, report);
  }
}

/** The offset of the value or key at a path, or of the last key on the way there that exists. */
function offsetOf(root: ParsedNode | null, path: Path, atKey: boolean): number {
  let node: ParsedNode | null | undefined = root;
  let offset = 0;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair: YAMLMap.Parsed['items'][number] | undefined = node.items.find(
        ({ key }) => isScalar(key) && key.value === step,
      );
      if (pair === undefined) return offset;
      node = pair.value;
      offset = last && !atKey && node !== null ? node.range[0] : pair.key.range[0];
    } else if (isSeq(node) && typeof step === 'number') {
      const item: ParsedNode | undefined = node.items[step];
      if (item === undefined) return offset;
      node = item;
      offset = item.range[0];
    } else {
      return offset;
    }
  }
  return offset;
}
