/** Descriptors are inherited, so each test starts a program that was given one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

const module = fileURLToPath(new URL('./file-descriptor.ts', import.meta.url));
const source = `
import { readSecretFrom } from ${JSON.stringify(module)};
const [descriptor, times, interrupted] = process.argv.slice(2);
const interruption = new AbortController();
if (interrupted !== undefined) setTimeout(() => interruption.abort(), 200);
process.stdin?.isTTY;
const reading = () => readSecretFrom(Number(descriptor), interruption.signal, 1000).catch((error) => error);
let outcome = await reading();
if (times === '2') outcome = await reading();
console.log(JSON.stringify(outcome instanceof Error ? { code: outcome.code } : { secret: outcome.reveal() }));`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descriptor-'));
  await build({
    stdin: { contents: source, resolveDir: folder, loader: 'ts' },
    outfile: join(folder, 'program.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
  });
});
afterAll(() => rm(folder, { recursive: true }));

/** What becomes of reading a descriptor; `feed` is given the other end of a pipe, and without it the run is interrupted. */
async function read(
  descriptor: number,
  third: 'pipe' | 'ignore' | number,
  feed?: (end: NodeJS.WritableStream) => void,
  times = 1,
) {
  const words = [join(folder, 'program.mjs'), String(descriptor), String(times)];
  if (feed === undefined && third === 'pipe') words.push('interrupted');
  const child = spawn(process.execPath, words, {
    stdio: [descriptor === 0 ? third : 'ignore', 'pipe', 'inherit', third],
  });
  const end = child.stdio[descriptor === 0 ? 0 : 3] as NodeJS.WritableStream | null;
  if (end !== null) {
    end.on('error', () => {});
    feed?.(end);
  }
  if (child.stdout === null) throw new Error('the program has no output');
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(said) as { secret?: string; code?: string };
}

test('stdin holds it too, from a pipe or a file, and once', async () => {
  const [piped, twice] = [
    await read(0, 'pipe', (end) => end.end('the secret\r\n')),
    await read(0, 'pipe', (end) => end.end('the secret'), 2),
  ];
  expect([piped, twice]).toEqual([{ secret: 'the secret' }, { code: 'usage' }]);
  expect([await read(0, 'ignore'), await read(0, 'pipe')]).toEqual([{ code: 'usage' }, { code: 'interrupted' }]);
  await writeFile(join(folder, 'secret'), 'the secret\n');
  const file = await open(join(folder, 'secret'));
  onTestFinished(() => file.close());
  expect(await read(0, file.fd)).toEqual({ secret: 'the secret' });
});

describe.concurrent('a pipe [b21]', () => {
  test.each<[string, string]>([
    ['the secret\n', 'the secret'],
    ['the secret\r\n', 'the secret'],
    ['the secret', 'the secret'],
    [' the\nsecret \n\n', ' the\nsecret \n'],
  ])('that gives %j holds %j', async (given, secret) => {
    expect(await read(3, 'pipe', (end) => end.end(given))).toEqual({ secret });
  });

  test.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['far too much', 'x'.repeat(100_000)],
  ])('that gives %s holds none', async (_case, given) => {
    expect(await read(3, 'pipe', (end) => end.end(given))).toEqual({ code: 'usage' });
  });

  test('that never ends is given up in time [P3]', async () => {
    expect(await read(3, 'pipe', (end) => end.write('half of the sec'))).toEqual({ code: 'timed_out' });
  });

  test('that never gives anything is given up when the run is interrupted', async () => {
    expect(await read(3, 'pipe')).toEqual({ code: 'interrupted' });
  });
});

test('a file holds it as well', async () => {
  await writeFile(join(folder, 'secret'), 'the secret\n');
  const file = await open(join(folder, 'secret'));
  onTestFinished(() => file.close());
  expect(await read(3, file.fd)).toEqual({ secret: 'the secret' });
});

test.each([
  ['a descriptor that is not open', 999_999],
  ['nothing', 3],
])('%s is a mistake on the command line', async (_case, descriptor) => {
  expect(await read(descriptor, 'ignore')).toEqual({ code: 'usage' });
});
