/**
 * What changed in a skill, for a person who has to decide about it. Both sides are text from outside: nothing in a diff
 * moves a cursor, is left unseen, or is a command to the runner of a CI job (P9). Two hostile versions cost no more than
 * two honest ones: only as much is compared as can be shown.
 */
import { structuredPatch } from 'diff';
import { sha256 } from '../text/canonical.ts';
import { revealed } from '../text/revealed.ts';
import { withoutCommands } from '../text/runner-commands.ts';
import { comparePaths } from './hash.ts';

/** The files of a skill by their paths below its folder. */
export type Content = ReadonlyMap<string, Uint8Array>;

/** How much of a diff is shown: lines, UTF-8 bytes, and characters of one line. */
const mostLines = 400;
const mostBytes = 64 * 1024;
const mostCharacters = 1000;

/**
 * Beyond this many lines that went or came, a file counts as written anew. Above {@link mostLines}, so that at most one
 * file of a skill costs that much time.
 */
const mostEdits = 1000;

/** A larger file is told by its size and its hash, as one that is no text. */
const largestText = 1_000_000;

/**
 * The unified diff of a skill from one content to another, in the order of the paths, with three lines of context.
 * Empty where nothing changed. A file that is no UTF-8 text, or larger than a megabyte, is told by size and hash. At most
 * 400 lines or 64 KiB, and then how much was left out.
 */
export function contentDiff(name: string, before: Content, after: Content): string {
  const shown: string[] = [];
  let bytes = 0;
  let left = 0;
  const leftFiles: string[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort(comparePaths)) {
    const [was, is] = [before.get(path), after.get(path)];
    if (was !== undefined && is !== undefined && Buffer.compare(was, is) === 0) continue;
    if (left > 0) {
      leftFiles.push(path);
      continue;
    }
    for (const line of linesOf(`${name}/${path}`, was, is)) {
      const text = left > 0 || shown.length >= mostLines ? undefined : harmless(line);
      bytes += text === undefined ? 0 : Buffer.byteLength(text) + 1;
      if (text === undefined || bytes > mostBytes) left += 1;
      else shown.push(text);
    }
  }
  if (left > 0) shown.push(leftOut(left, leftFiles.length));
  return shown.map((line) => `${line}\n`).join('');
}

function leftOut(lines: number, files: number): string {
  const others = files === 0 ? '' : ` and ${files === 1 ? 'one more changed file' : `${files} more changed files`}`;
  return `… left out: ${lines === 1 ? 'one line' : `${lines} lines`}${others}`;
}

/** The lines of one changed file, not yet harmless. */
function linesOf(path: string, was: Uint8Array | undefined, is: Uint8Array | undefined): string[] {
  const heading = [
    `--- ${was === undefined ? '/dev/null' : `platform/${path}`}`,
    `+++ ${is === undefined ? '/dev/null' : `folder/${path}`}`,
  ];
  const [old, now] = [textOf(was), textOf(is)];
  if (old === undefined || now === undefined) {
    const summaries = [was && `-${summary(was)}`, is && `+${summary(is)}`];
    return [...heading, ...summaries.filter((line) => line !== undefined)];
  }
  return [...heading, ...hunksOf(old, now)];
}

function hunksOf(old: string, now: string): string[] {
  const patch = structuredPatch('', '', old, now, '', '', { context: 3, maxEditLength: mostEdits });
  if (patch === undefined) return rewritten(old, now);
  return patch.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines,
  ]);
}

/** A diff as well: all that was there went, and all that is there came. */
function rewritten(old: string, now: string): string[] {
  const [went, came] = [old, now].map((text) => text.replace(/\n$/, '').split('\n')) as [string[], string[]];
  return [
    `@@ -1,${went.length} +1,${came.length} @@`,
    ...went.map((line) => `-${line}`),
    ...came.map((line) => `+${line}`),
  ];
}

/** Empty for a file that is not there; undefined for one that is no text, or too large. */
function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return '';
  if (bytes.length > largestText || bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function summary(bytes: Uint8Array): string {
  return `(${bytes.length} bytes that are not shown, sha256 ${sha256(bytes).slice(0, 16)}…)`;
}

/** One line that can be shown anywhere. A tab is what it looks like. */
function harmless(line: string): string {
  const text = line.split('\t').map(revealed).join('\t');
  const cut = text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
  return withoutCommands(cut);
}
