import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PageFault, pageFaults } from '../../test/sandbox/faults.ts';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import { openPlatform } from '../../test/support/open-platform.ts';
import { Secret } from '../secret/secret.ts';
import { takeFirst } from './pages.ts';

let sandbox: PlatformSandbox;
beforeEach(async () => {
  sandbox = await startPlatform();
});
afterEach(() => sandbox.close());

async function* vaults() {
  const { baseUrl, apiKey } = sandbox;
  const signal = new AbortController().signal;
  const settings = { baseUrl, apiKey: new Secret(apiKey), authToken: undefined, signal, onWait: () => {} };
  const platform = await openPlatform(settings);
  for await (const { id } of platform.vaults.list()) yield id;
}

async function read(): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of vaults()) ids.push(id);
  return ids;
}

const befall = (how: PageFault) =>
  sandbox.control.faults.add({ on: 'GET /v1/vaults', fault: { kind: 'pages', how }, times: Infinity });
const requests = () => sandbox.control.log.count('GET /v1/vaults');
const refusal = (message: string) => ({ code: 'platform_refused', message: expect.stringContaining(message) });

const harmless = pageFaults.filter((how) => how !== 'circling' && how !== 'endless');

describe('a list', () => {
  test.each(harmless)('of %s pages is what it is: each thing once', async (how) => {
    const seeded = sandbox.control.seedVaults(7);
    befall(how);
    const found = await read();
    expect([found.length, found.sort()]).toEqual([7, seeded.sort()]);
    expect(requests()).toBeGreaterThan(3);
  });

  test('that goes round in circles ends at the second sight of a cursor', async () => {
    sandbox.control.seedVaults(5);
    befall('circling');
    await expect(read()).rejects.toMatchObject(refusal('list vaults: the platform goes round in circles'));
    // The first round, which names the first page at its end, and a second one up to the first cursor.
    expect(requests()).toBe(4);
  });

  test('that goes on for ever ends after 1000 requests', async () => {
    sandbox.control.seedVaults(5);
    befall('endless');
    await expect(read()).rejects.toMatchObject(refusal('had not ended the list after 1000 requests'));
    expect(requests()).toBe(1000);
  });

  test.each<[string, unknown, string]>([
    ['no list', { data: { id: 'vlt_1' } }, 'something else than a list'],
    ['a number for a cursor', { data: [], next_page: 7 }, 'something else than a list'],
    ['null', { data: [null] }, 'something without an id'],
    ['nothing but a text', { data: ['vlt_1'] }, 'something without an id'],
    ['no id', { data: [{ metadata: {} }] }, 'something without an id'],
    ['an empty id', { data: [{ id: '' }] }, 'something without an id'],
  ])('with %s in it is refused, and is no bug', async (_what, answer, message) => {
    sandbox.control.tamper('GET /v1/vaults', () => answer);
    await expect(read()).rejects.toMatchObject(refusal(message));
    expect(requests()).toBe(1);
  });

  test('of which the first ones are wanted is not read further', async () => {
    sandbox.control.seedVaults(7);
    befall('overlapping');
    expect(await takeFirst(3, vaults())).toHaveLength(3);
    expect(requests()).toBe(2);
  });
});
