import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directories } from './directories.ts';

test('everything is below a folder that was named, on every system', () => {
  expect(directories('/kept')).toEqual({
    cache: join('/kept', 'cache'),
    config: join('/kept', 'config'),
    state: join('/kept', 'state'),
  });
});

test.each(['kept', './kept', '../kept', '~/kept'])(
  '%j, which is another folder wherever one stands, is none',
  (home) => {
    expect(() => directories(home)).toThrow(
      expect.objectContaining({ code: 'usage', message: `MAI_HOME is not an absolute path: "${home}"` }),
    );
  },
);
