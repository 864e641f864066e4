/** Where the checkpoints of a record are kept beside it: a file for each, and the key that they can be checked with. */
import { join } from 'node:path';
import { createText, listFolder, modifiedAt, readText } from '../outside/files.ts';
import type { Checkpoints } from './record-log.ts';

const keyFile = 'checkpoint.vkey';

/** Those of the record in a folder. */
export function checkpointsIn(folder: string): Checkpoints {
  const names = async () =>
    ((await listFolder(folder)) ?? []).map(({ name }) => name).filter((name) => /^checkpoint-\d{12}\.note$/.test(name));
  return {
    async all() {
      const found = await Promise.all(
        (await names()).map(async (name) => ({ from: name, note: (await readText(join(folder, name))) ?? '' })),
      );
      return found;
    },
    async last() {
      const name = (await names()).at(-1);
      const at = name === undefined ? undefined : await modifiedAt(join(folder, name));
      return at === undefined ? undefined : { count: Number(name?.slice(11, 23)), at };
    },
    async keep(count, note) {
      const name = `checkpoint-${String(count).padStart(12, '0')}.note`;
      // The same line once more says the same: the first note of it stays.
      await createText(join(folder, name), note, 'private');
      return join(folder, name);
    },
    key: async () => (await readText(join(folder, keyFile)))?.trim(),
    async keepKey(verifierKey) {
      if (await createText(join(folder, keyFile), `${verifierKey}\n`, 'private')) return true;
      return (await readText(join(folder, keyFile)))?.trim() === verifierKey;
    },
  };
}
