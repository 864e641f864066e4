import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { standingClock } from '../../test/sandbox/clock.ts';
import type { StreamFault } from '../../test/sandbox/faults.ts';
import { sdkClient } from '../../test/sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import type { PlayTurn } from '../../test/sandbox/platform/turn.ts';
import { openPlatform } from '../../test/support/open-platform.ts';
import { type Clock, inTimeOf, machineClock } from '../clock/clock.ts';
import { Secret } from '../secret/secret.ts';
import { runTurn } from './turn.ts';

let sandbox: PlatformSandbox | undefined;
afterEach(() => sandbox?.close());

const longestStepMs = 6000;

/** Time that goes on to the next instant for which somebody waits, whenever the sockets have been given a moment. */
function controlledClock(moved: (now: number) => void): Clock & { run(until: () => boolean): Promise<void> } {
  const sleepers = new Set<{ at: number; wake: () => void }>();
  let now = 0;
  return {
    ...machineClock,
    now: () => new Date(now),
    monotonic: () => now,
    pause: (milliseconds, signal) =>
      new Promise((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { at: now + milliseconds, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
        if (signal?.aborted) sleeper.wake();
      }),
    async run(until) {
      while (!until()) {
        await machineClock.pause(4);
        const [next] = [...sleepers].sort((a, b) => a.at - b.at);
        if (next === undefined) continue;
        // No jump to the time-out while a request is under way.
        now = Math.max(now, Math.min(next.at, now + longestStepMs));
        moved(now);
        if (next.at <= now) next.wake();
      }
    },
  };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapMiB = () => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

/** Those after which a stream brings nothing any more. */
const breaks: StreamFault[] = ['reset', 'end', 'error', 'half', 'stall'];

test('an hour with a break every minute: one answer, nothing twice, memory flat', async () => {
  const began = Date.parse('2026-11-29T09:00:00Z');
  const time = standingClock(began);
  const clock = controlledClock((now) => time.set(began + now));
  const never = new AbortController().signal;
  // One text in the memory of the sandbox, and 60 MB on the wire.
  const large = 'x'.repeat(100_000);
  const heap: number[] = [];
  const playTurn: PlayTurn = async (turn) => {
    for (let minute = 0; minute < 60; minute += 1) {
      for (let call = 0; call < 10; call += 1) {
        const name = `call-${minute}-${call}`;
        const use = { type: 'agent.tool_use' as const, name, input: {}, evaluated_permission: 'allow' as const };
        const { id } = turn.emit(use);
        turn.emit({ type: 'agent.tool_result', tool_use_id: id, content: [{ type: 'text', text: large }] });
        await clock.pause(6000, never);
      }
      turn.emit({ type: 'agent.message', content: [{ type: 'text', text: `minute ${minute}` }] });
      if (minute === 5 || minute === 59) heap.push(heapMiB());
    }
    return { type: 'end_turn' };
  };
  sandbox = await startPlatform({ clock: time, playTurn });
  const { baseUrl, apiKey, control } = sandbox;
  for (let index = 0; index < 200; index += 1) {
    const how = breaks[index % breaks.length] ?? 'reset';
    const on = 'GET /v1/sessions/:session/events/stream';
    control.faults.add({ on, fault: { kind: 'stream', after: 12, how } });
  }
  const client = sdkClient({ baseUrl, apiKey });
  const agent = await client.beta.agents.create({ name: 'patient', model: 'claude-sonnet-5-5' });
  const environment = await client.beta.environments.create({ name: 'patient' });
  const { id: sessionId } = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  const platform = await openPlatform({
    baseUrl,
    apiKey: new Secret(apiKey),
    authToken: undefined,
    signal: never,
    onWait: () => {},
  });
  let printed = '';
  const notes: string[] = [];
  let ended = false;
  const turn = inTimeOf(clock, () =>
    runTurn({
      platform,
      sessionId,
      message: 'take your time',
      fresh: true,
      timeoutMs: 2 * 60 * 60_000,
      signal: never,
      told: {
        text: (text) => (printed += text),
        note: (text) => void notes.push(text),
        warn: (text) => notes.push(text),
      },
    }),
  ).finally(() => {
    ended = true;
  });
  await clock.run(() => ended);
  const result = await turn;
  expect(result).toMatchObject({ end: { kind: 'idle', reason: { type: 'end_turn' } }, unknown: false, copies: 1 });
  expect(clock.monotonic()).toBeGreaterThanOrEqual(60 * 60_000);
  expect(result.answer).toBe(Array.from({ length: 60 }, (_, minute) => `minute ${minute}`).join('\n'));
  expect(printed).toBe(result.answer);
  expect([notes.length, new Set(notes).size, result.allowed]).toEqual([600, 600, 600]);
  expect(control.log.count('GET /v1/sessions/:session/events/stream')).toBeGreaterThan(60);
  expect(control.log.count('POST /v1/sessions/:session/events')).toBe(1);
  const [early = 0, late = 0] = heap;
  expect(late - early).toBeLessThan(8);
}, 120_000);
