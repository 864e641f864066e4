/** A person without a key: the same commands, the same results, through a console on loopback. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let running: RunningConsole;
let machine: string;

beforeEach(async () => {
  running = await startConsole(world.sandbox);
  machine = await world.machine();
});
afterEach(async () => {
  await running.stop();
});

const without = () => ({ folder: machine, environment: { ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '' } });

describe('a person without a key', () => {
  test('connects a service, starts a session and talks to it [connecting] [P1] [P3]', async () => {
    await world.apply('support');
    const connected = await world.connect(['notion', '--json'], without());
    expect([connected.exit, connected.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    const talked = await world.setup(
      ['--agent', 'support', '--message', 'call notion notion-search {"query":"x"}'],
      without(),
    );
    expect([talked.exit, talked.stdout, talked.stderr]).toEqual([
      0,
      expect.stringContaining('ada@example.test'),
      expect.anything(),
    ]);
  });
});
