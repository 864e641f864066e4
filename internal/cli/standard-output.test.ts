import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { machineClock } from '../clock/clock.ts';

const module = fileURLToPath(new URL('standard-output.ts', import.meta.url));

test('a reader that is slow gets every piece once, in its order, and nobody is warned', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `${index} ${'x'.repeat(200)}\n`);
  const script = `
    import { standardOutput } from ${JSON.stringify(module)};
    for (let index = 0; index < 3000; index += 1) {
      standardOutput.write(index + ' ' + 'x'.repeat(200) + '\\n');
      // As between two pages of a history: what waits may go on meanwhile.
      if (index % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (piece) => (stderr += String(piece)));
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const piece of child.stdout) {
    stdout += String(piece);
    await machineClock.pause(2);
  }
  expect([await ended, stderr]).toEqual([0, '']);
  expect(stdout === lines.join('')).toBe(true);
});
