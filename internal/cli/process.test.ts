import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

test('a run that waits for what never comes does not end as one that went well', async () => {
  const script = `import { runOnProcess } from './internal/cli/process.ts';
    void runOnProcess({ name: 'waiting', build: () => new Promise(() => {}) });`;
  const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const words = ['--import', 'tsx', '--input-type=module', '--eval', script];
    execFile(process.execPath, words, { cwd: `${import.meta.dirname}/../..` }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  expect(ended).toEqual({ code: 70, stderr: 'waiting: error: ended before its work did: this is a bug\n' });
});
