import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration } from './load.ts';

const x = 'A'.repeat(43);
const key = (kid: string, more = '') => `    - { kty: OKP, crv: Ed25519, kid: ${kid}, x: ${x}${more} }\n`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(ownership: string, platform = 'platform: { workspace_id: wrkspc_1 }\n') {
  await writeFile(join(folder, 'interface.yaml'), `identity: { mode: os }\n${platform}${ownership}`);
  return await loadConfiguration(folder);
}

test('keys and a signer are read', async () => {
  const text = `ownership:\n  keys:\n${key('a')}${key('b', ', retired: true')}  signer: { command: [sign, --now], kid: a }\n`;
  const { interface: settings } = await load(text);
  expect(settings.ownership?.keys.map(({ kid, retired }) => [kid, retired])).toEqual([
    ['a', false],
    ['b', true],
  ]);
  expect(settings.ownership?.signer?.command).toEqual(['sign', '--now']);
});

test.each([
  ['a private key', `ownership:\n  keys:\n${key('a', ', d: AAAA')}`, /keys\[0\]\.d: unknown key/],
  ['a key of another kind', `ownership:\n  keys:\n${key('a').replace('Ed25519', 'P-256')}`, /expected "Ed25519"/],
  ['a key that is too short', `ownership:\n  keys:\n${key('a').replace(x, 'AAAA')}`, /expected 32 bytes/],
  ['no key', 'ownership: { keys: [] }\n', /ownership\.keys/],
  ['two keys of one name', `ownership:\n  keys:\n${key('a')}${key('a')}`, /"a" is the name of another key too/],
  ['retired keys only', `ownership:\n  keys:\n${key('a', ', retired: true')}`, /every key is retired/],
  [
    'a signer with a retired key',
    `ownership:\n  keys:\n${key('a', ', retired: true')}${key('b')}  signer: { command: [sign], kid: a }\n`,
    /signer\.kid: got "a", expected the kid of a key above that is not retired/,
  ],
])('%s is refused', async (_what, text, message) => {
  await expect(load(text)).rejects.toThrow(message);
});

test('without a workspace there is nothing to sign for', async () => {
  await expect(load(`ownership:\n  keys:\n${key('a')}`, '')).rejects.toThrow(/needs platform\.workspace_id/);
});
