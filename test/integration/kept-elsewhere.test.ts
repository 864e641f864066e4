/** The commands know no files of what they keep: with other stores the same happens, and this machine stays as it was. */
import { readdir } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import { keychainInMemory } from '../support/keychain-in-memory.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { storesInMemory } from '../support/stores-in-memory.ts';

const world = sandboxPerTest();
let place: ReturnType<typeof storesInMemory>;
let keychain: ReturnType<typeof keychainInMemory>;
beforeEach(() => {
  place = storesInMemory();
  keychain = keychainInMemory();
});

/** Each run at a machine of its own, as replicas are. */
const elsewhere = async () => ({
  folder: await world.machine(),
  environment: { MAI_KEYCHAIN: '' },
  kept: { stores: async () => place.open(), secrets: async () => keychainSecrets(keychain) },
});
/** The record is no state: it is of the machine that asks for a change, wherever the rest is kept. */
const filesAt = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
    (each) => each.isFile() && !each.parentPath.endsWith('/state/record'),
  );

test('a person connects, and starts a session, and every later run knows of it: none wrote a file', async () => {
  const first = await elsewhere();
  expect((await world.connect(['notion'], first)).exit).toBe(0);
  await world.apply();
  const second = await elsewhere();
  world.sandbox.platform.control.log.reset();
  // Kept is who signed in, so that no browser is needed, and which vault is theirs, so that no list is read.
  const session = await world.setupJson(['--agent', 'support'], { ...second, person: undefined });
  expect(world.asked().filter((request) => request === 'GET /v1/vaults')).toEqual([]);
  const third = await elsewhere();
  const verified = await world.setupJson(['verify', String(session['session_id'])], { ...third, person: undefined });
  expect(verified['sessions']).toMatchObject([{ state: 'as started', compared_with: 'record of this machine' }]);
  for (const { folder } of [first, second, third]) expect(await filesAt(folder)).toEqual([]);
  const stores = place.open();
  const kept = await Promise.all([stores.vaults, stores.sessions, stores.signIns].map((kind) => kind.all()));
  expect(kept.map(({ length }) => length)).toEqual([1, 1, 1]);
  // Nothing is left of what ended well.
  expect([await stores.journals.all(), await stores.journals.held(), await stores.sessions.held()]).toEqual([
    [],
    [],
    [],
  ]);
});
