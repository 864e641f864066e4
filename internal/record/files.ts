/** The files that a record is in, and those beside it. */
import { join } from 'node:path';
import { unkeptMark } from '../outside/append-only.ts';
import { listFolder, readText, writeText } from '../outside/files.ts';

/** The names of those with lines, the first one first. */
export async function recordFiles(folder: string): Promise<string[]> {
  return (await filesIn(folder)).all;
}

/** The same, and those of them of which the disk once did not keep everything, until somebody writes to them again. */
export async function filesIn(folder: string): Promise<{ all: string[]; unkept: string[] }> {
  const names = await namesIn(folder);
  const all = names.filter((name) => /^record-\d{6}\.jsonl$/.test(name)).sort();
  return { all, unkept: all.filter((name) => names.includes(name + unkeptMark)) };
}

/** A small text beside the lines. */
export interface Cursor {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

/** How far a sink has come. */
export function cursorIn(folder: string, name: string): Cursor {
  const path = join(folder, `export-${name}.json`);
  return { read: () => readText(path), write: (text) => writeText(path, text, 'private') };
}

/** The names of the sinks that came somewhere. */
export async function cursorsIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).flatMap((name) => /^export-(.+)\.json$/.exec(name)?.[1] ?? []);
}

async function namesIn(folder: string): Promise<string[]> {
  return ((await listFolder(folder)) ?? []).map(({ name }) => name);
}
