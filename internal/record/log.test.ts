import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordContract } from '../../test/support/record-contract.ts';
import { recordIn } from './log.ts';

recordContract('a record in files', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
  await mkdir(folder, { mode: 0o700 });
  return {
    open: () => recordIn({ folder }),
    close: () => rm(join(folder, '..'), { recursive: true, force: true }),
  };
});
