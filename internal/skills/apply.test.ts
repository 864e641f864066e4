/** What an upload that failed means for those that wait for their turn. */
import { expect, test } from 'vitest';
import { unrecorded } from '../../test/support/unrecorded.ts';
import { type Platform, PlatformError, verbsOver } from '../platform/client.ts';
import { applyChanges } from './apply.ts';
import type { Skill } from './folder/read.ts';
import type { Change } from './plan.ts';

const small = 10;
const half = 40 * 1024 * 1024;

function createOf(name: string, size: number): Change {
  const bytes = new Uint8Array(1);
  const skill: Skill = {
    name,
    description: 'd',
    folder: `skills/${name}`,
    files: [{ path: 'SKILL.md', source: 'SKILL.md', size, sha256: 'a'.repeat(64), bytes }],
    sha256: 'b'.repeat(64),
    warnings: [],
  };
  return { kind: 'create', skill };
}

/** Refuses every upload after a moment, and counts them. */
function refusing(): { platform: Platform; uploads: () => number } {
  let uploads = 0;
  const no = () => new PlatformError('platform_refused', 'no', { status: 400, cause: undefined });
  const verbs = verbsOver({
    read: () => Promise.reject(no()),
    // biome-ignore lint/correctness/useYield: nothing is listed
    async *pages() {
      throw no();
    },
    listen: () => Promise.reject(no()),
    async change() {
      uploads += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw no();
    },
  });
  const platform = { ...verbs, aheadMs: () => 0, unknownMembers: () => [], recorder: unrecorded };
  return { platform, uploads: () => uploads };
}

async function apply(changes: Change[], waits: readonly number[]) {
  const { platform, uploads } = refusing();
  const waitFor = waits.values();
  const told: number[] = [];
  const applying = applyChanges(changes, {
    platform,
    lockFile: 'nowhere/skills.lock.json',
    lock: new Map(),
    known: new Set(),
    waitFor: () => waitFor.next().value ?? 0,
    onWait: (waitMs) => told.push(waitMs),
    signal: new AbortController().signal,
    onBegin() {},
    onChanged() {},
    onSaved() {},
  });
  await expect(applying).rejects.toMatchObject({ code: 'platform_refused' });
  return { uploads: uploads(), told };
}

test('what waits for memory does not begin any more', async () => {
  expect(await apply([createOf('a', half), createOf('b', half), createOf('c', half)], [])).toMatchObject({
    uploads: 1,
  });
  expect(await apply([createOf('a', small), createOf('b', small)], [])).toMatchObject({ uploads: 2 });
});

test('what waits for the limit of the platform ends at once, and what it waits for was said', async () => {
  const began = performance.now();
  expect(await apply([createOf('a', small), createOf('b', small)], [0, 60_000])).toEqual({
    uploads: 1,
    told: [60_000],
  });
  expect(performance.now() - began).toBeLessThan(10_000);
});
