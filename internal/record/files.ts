/** The files that a record is in. */
import { listFolder } from '../outside/files.ts';

/** Their names, the first one first. */
export async function recordFiles(folder: string): Promise<string[]> {
  const entries = (await listFolder(folder)) ?? [];
  return entries
    .map(({ name }) => name)
    .filter((name) => /^record-\d{6}\.jsonl$/.test(name))
    .sort();
}
