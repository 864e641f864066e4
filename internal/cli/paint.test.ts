import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { wantsColor } from './paint.ts';

const terminal = Object.assign(new PassThrough(), { isTTY: true });
const pipe = new PassThrough();

test.each([
  ['a terminal', terminal, {}, true, true],
  ['a pipe', pipe, {}, true, false],
  ['a terminal with --no-color', terminal, {}, false, false],
  ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, true, false],
  ['a terminal in CI', terminal, { CI: 'true' }, true, false],
  ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, true, true],
  ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, true, false],
  ['FORCE_COLOR with --no-color', pipe, { FORCE_COLOR: '1' }, false, false],
])('%s', (_name, output, environment, flag, colored) => {
  expect(wantsColor(output, environment, flag)).toBe(colored);
});
