import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

const cwd = `${import.meta.dirname}/../..`;
/** Only what hangs is ended by it. */
const longestMs = 50_000;

/** Has a process of its own do something, and tells how that ended. */
async function ended(script: string): Promise<{ code: unknown; signal: unknown; stderr: string }> {
  return await new Promise((resolve) => {
    const words = ['--import', 'tsx', '--input-type=module', '--eval', script];
    execFile(process.execPath, words, { cwd, timeout: longestMs, killSignal: 'SIGKILL' }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, signal: error?.signal, stderr }),
    );
  });
}

test('a run that waits for what never comes does not end as one that went well', async () => {
  const script = `import { runOnProcess } from './internal/cli/process.ts';
    void runOnProcess({ name: 'waiting', build: () => new Promise(() => {}) });`;
  expect(await ended(script)).toMatchObject({
    code: 70,
    stderr: 'waiting: error: ended before its work did: this is a bug\n',
  });
});

// What the system would send is said by the process itself: SIGBREAK is there on Windows alone.
test.each([
  ['SIGINT', 130, null],
  ['SIGTERM', 130, null],
  ['SIGBREAK', 130, null],
  ['SIGHUP', null, 'SIGHUP'],
])('%s asks the run to end, and it does', async (name, code, signal) => {
  const script = `import { baseCommand } from './internal/cli/command.ts';
    import { runOnProcess } from './internal/cli/process.ts';
    await runOnProcess({ name: 'waiting', async build(run) {
      return baseCommand('waiting', 'waits').action(run(({ ports: { signal } }) => new Promise((_, reject) => {
        const going = setInterval(() => {}, 1000);
        signal.addEventListener('abort', () => {
          clearInterval(going);
          reject(signal.reason);
        });
        process.emit('${name}', '${name}');
      })));
    } });`;
  const how = await ended(script);
  expect([how.code ?? null, how.signal ?? null, how.stderr]).toEqual([
    code,
    signal,
    expect.not.stringContaining('bug'),
  ]);
});
