import { Chalk } from 'chalk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Locate } from '../demo/executables.ts';
import { tell } from '../demo/tell.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

let built: BuiltCopy;
beforeAll(async () => {
  built = await copyOfBuild();
}, 60_000);
afterAll(() => built.remove());

async function told(locate: Locate): Promise<{ asTold: boolean; text: string }> {
  let text = '';
  const write = (piece: string): void => {
    text += piece;
  };
  return { asTold: await tell({ locate, paint: new Chalk({ level: 0 }), write }), text };
}

test('the demo tells fifteen lines, each in one line of a terminal', { timeout: 180_000 }, async () => {
  const { asTold, text } = await told(built.locate);
  expect(asTold, text).toBe(true);
  const lines = text.split('\n');
  expect(lines.filter((line) => line.includes('✓')).length).toBe(15);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120);
});

test('the demo stops at the line that is not as told, and shows why', { timeout: 60_000 }, async () => {
  const lazy: Locate = (name) =>
    name === 'setup-session' ? [process.execPath, '--eval', 'console.error("did nothing")', '--'] : built.locate(name);
  const { asTold, text } = await told(lazy);
  expect(asTold).toBe(false);
  expect(text.split('\n').slice(-6)).toEqual([
    '  ✗ An operator runs setup-session agents apply        is not as told',
    "      expected: { exit: 0, agents: [ 'editor, version 1', 'support, version 1' ], networks: [ 'limited' ] }",
    '      seen:     { exit: 0, agents: [], networks: [] }',
    '      $ setup-session agents apply',
    '      did nothing',
    '',
  ]);
});
