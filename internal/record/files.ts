/** The files that a record is in, and those beside it. */
import { join } from 'node:path';
import { listFolder, readText, writeText } from '../outside/files.ts';

/** The names of those with lines, the first one first. */
export async function recordFiles(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => /^record-\d{6}\.jsonl$/.test(name)).sort();
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
