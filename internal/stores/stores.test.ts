import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '../../test/support/store-contract.ts';
import { storesInMemory } from '../../test/support/stores-in-memory.ts';
import { fileStores } from './files/kept-files.ts';

const { signal } = new AbortController();

storeContract('in memory', async () => {
  const place = storesInMemory();
  return {
    open: place.open,
    async dieHolding(kind, key) {
      const { die, ...stores } = place.open();
      const holding = stores[kind].at(key).hold({ waitMs: 0, signal });
      die();
      await holding;
    },
  };
});

storeContract(
  'in files',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stores-'));
    const open = () => fileStores({ cache: join(folder, 'cache'), state: join(folder, 'state') });
    return {
      open,
      async dieHolding(kind, key) {
        const text = open()[kind].at(key);
        await text.hold({ waitMs: 0, signal });
        // As a process leaves it that was killed.
        const path = text.where.replace(/\.[a-z.]*$|$/, '.lock');
        const dead = spawn(process.execPath, ['-e', '']);
        await once(dead, 'close');
        await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), pid: dead.pid }));
      },
      expose: ({ where }) => chmod(where, 0o666),
      close: () => rm(folder, { recursive: true }),
    };
  },
  { exposable: true },
);
