/** How a turn is followed, and how one ends that nobody can follow to its end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OfficialClient, sdkClient } from '../../test/sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../../test/sandbox/platform/start.ts';
import { fastClock } from '../../test/support/fast-clock.ts';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { openPlatform } from '../../test/support/open-platform.ts';
import { type Clock, inTimeOf, machineClock } from '../clock/clock.ts';
import { Secret } from '../secret/secret.ts';
import { turnTypes } from './event.ts';
import { runFirstTurn } from './first-turn.ts';
import { runTurn } from './turn.ts';
import { judgeTurn } from './turn-outcome.ts';

let sandbox: PlatformSandbox;
let client: OfficialClient;
let sessionId: string;
/** Lets the agent go on. */
let goOn: () => void;

beforeEach(async () => {
  const waits = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  sandbox = await startPlatform({
    async playTurn({ emit }) {
      emit({ type: 'agent.tool_use', name: 'read', input: {}, evaluated_permission: 'allow' });
      emit({ type: 'agent.message', content: [{ type: 'text', text: 'I begin.' }] });
      await waits;
      return { type: 'end_turn' };
    },
  });
  client = sdkClient(sandbox);
  const agent = await client.beta.agents.create({ name: 'slow', model: 'claude-sonnet-5-5' });
  const environment = await client.beta.environments.create({ name: 'slow' });
  ({ id: sessionId } = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id }));
});
afterEach(async () => {
  goOn();
  await sandbox.close();
});

const signal = new AbortController().signal;

function open(baseUrl = sandbox.baseUrl) {
  const apiKey = new Secret(sandbox.apiKey);
  return openPlatform({ baseUrl, apiKey, authToken: undefined, signal, onWait: () => {} });
}

/** A turn in a time of its own. */
async function talk({ told = (_text: string) => {}, baseUrl = sandbox.baseUrl, clock = fastClock(200) } = {}) {
  const platform = await open(baseUrl);
  return await inTimeOf(clock, () =>
    runTurn({
      platform,
      sessionId,
      message: 'hello',
      timeoutMs: 600_000,
      signal,
      told: { text: told, note: () => {}, warn: () => {} },
    }),
  );
}

const stream = 'GET /v1/sessions/:session/events/stream';

/** Time in which nothing is ever overdue. */
const nothingIsOverdue: Clock = {
  ...machineClock,
  monotonic: () => 0,
  pause: async (milliseconds, ended) => {
    if (milliseconds > 100) await new Promise((resolve) => ended?.addEventListener('abort', resolve, { once: true }));
    else await machineClock.pause(50);
  },
};

test('a message that stays in the queue of a session that stands idle was dropped, and was sent once', async () => {
  const events = [{ type: 'user.message' as const, content: [{ type: 'text' as const, text: 'somebody else' }] }];
  await client.beta.sessions.events.send(sessionId, { events });
  // What runs there never ends, and the platform says that nothing does.
  sandbox.control.tamper('GET /v1/sessions/:session', (session) => ({ ...(session as object), status: 'idle' }));
  sandbox.control.log.reset();
  const turn = await talk();
  expect(turn).toMatchObject({ end: { kind: 'dropped' }, answer: '', unknown: false });
  expect(judgeTurn(turn)).toMatchObject({
    code: 'session_failed',
    message: expect.stringContaining('did not begin with it'),
    hint: expect.stringContaining(`setup-session attach ${sessionId}`),
  });
  expect(sandbox.control.log.count('POST /v1/sessions/:session/events')).toBe(1);
});

test('a message that waits while the session runs is not dropped, however long that takes', async () => {
  const events = [{ type: 'user.message' as const, content: [{ type: 'text' as const, text: 'somebody else' }] }];
  await client.beta.sessions.events.send(sessionId, { events });
  setTimeout(() => goOn(), 1_500);
  expect(await talk()).toMatchObject({ end: { kind: 'idle' }, answer: 'I begin.' });
});

test('where the key is refused in the middle, what came until then is told, with both ways on', async () => {
  sandbox.control.faults.add({ on: stream, fault: { kind: 'stream', after: 5, how: 'reset' } });
  const revoke = () =>
    sandbox.control.faults.add({ on: '* /v1/**', fault: { kind: 'status', status: 401 }, times: Infinity });
  const turn = await talk({ told: revoke });
  expect(turn).toMatchObject({ end: { kind: 'unwatched' }, answer: 'I begin.', allowed: 1, unknown: true });
  expect(judgeTurn(turn)).toMatchObject({
    code: 'platform_refused',
    message: expect.stringMatching(/answered 401.*has the message and goes on without this command/),
    hint: expect.stringMatching(/check ANTHROPIC_API_KEY; .*setup-session attach/),
  });
});

test('a session that is gone when the line is back was deleted: what came until then is told', async () => {
  sandbox.control.faults.add({ on: stream, fault: { kind: 'stream', after: 5, how: 'reset' } });
  const remove = () => {
    sandbox.control.faults.add({ on: '* /v1/sessions/**', fault: { kind: 'status', status: 404 }, times: Infinity });
    goOn();
  };
  const turn = await talk({ told: remove });
  expect(turn).toMatchObject({ end: { kind: 'deleted' }, answer: 'I begin.', allowed: 1, unknown: false });
  expect(judgeTurn(turn)).toMatchObject({
    code: 'session_ended',
    hint: expect.stringContaining('one tool call was made until then'),
  });
  // Nobody asked again and again until the time was up.
  expect(sandbox.control.log.count(stream)).toBe(2);
});

test('a session whose stream says that it was deleted is asked for nothing any more', async () => {
  const at = new Date().toISOString();
  const event = (id: string, type: string, more: object = {}) =>
    `event: ${type}\ndata: ${JSON.stringify({ id, type, processed_at: at, ...more })}\n\n`;
  const server = await startHostileServer((line) => {
    if (line.startsWith('POST ')) return { json: { data: [{ id: 'sevt_1', type: 'user.message' }] } };
    if (line.includes('/events/stream')) {
      return (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(event('sevt_1', 'user.message', { content: [{ type: 'text', text: 'hello' }] }));
        response.write(event('sevt_2', 'agent.message', { content: [{ type: 'text', text: 'I begin.' }] }));
        response.write(event('sevt_3', 'session.deleted'));
      };
    }
    return line.includes('/events?') ? { json: { data: [], next_page: null } } : undefined;
  });
  expect(await talk({ baseUrl: server.origin })).toMatchObject({ end: { kind: 'deleted' }, answer: 'I begin.' });
  expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST']);
});

test('after a break the history is read at once, and not when something is overdue', async () => {
  goOn();
  sandbox.control.faults.add({ on: stream, fault: { kind: 'stream', after: 3, how: 'reset' } });
  expect(await talk({ clock: nothingIsOverdue })).toMatchObject({ end: { kind: 'idle' }, answer: 'I begin.' });
});

test('a stream that says `error` is left at once, also where it stays open', async () => {
  const at = new Date().toISOString();
  const said = (id: string, type: string, more: object) => ({ id, type, processed_at: at, ...more });
  const events = [
    said('sevt_1', 'user.message', { content: [{ type: 'text', text: 'hello' }] }),
    said('sevt_2', 'agent.message', { content: [{ type: 'text', text: 'I begin.' }] }),
    said('sevt_3', 'session.status_idle', { stop_reason: { type: 'end_turn' } }),
  ];
  const frame = (type: string, value: object) => `event: ${type}\ndata: ${JSON.stringify(value)}\n\n`;
  let happened: object[] = [];
  const server = await startHostileServer((line) => {
    if (line.startsWith('POST ')) return { json: { data: [{ id: 'sevt_1', type: 'user.message' }] } };
    if (!line.includes('/events/stream')) return { json: { data: happened, next_page: null } };
    return (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events.slice(0, 2)) response.write(frame(event.type, event));
      happened = events;
      response.write(frame('error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }));
    };
  });
  expect(await talk({ baseUrl: server.origin, clock: nothingIsOverdue })).toMatchObject({
    end: { kind: 'idle' },
    answer: 'I begin.',
  });
  expect(server.lines().filter((line) => line.includes('/events/stream'))).toHaveLength(2);
});

test('a silent stream has the history asked; one that stays silent is opened anew', async () => {
  sandbox.control.faults.add({ on: stream, fault: { kind: 'stream', after: 3, how: 'stall' } });
  // The text comes with the history, and what comes after it by a stream that is alive.
  const turn = await talk({
    told: () => {
      const opened = setInterval(() => {
        if (sandbox.control.log.count(stream) < 2) return;
        clearInterval(opened);
        goOn();
      }, 10);
    },
  });
  expect(turn).toMatchObject({ end: { kind: 'idle' }, answer: 'I begin.' });
  sandbox.control.faults.add({ on: stream, fault: { kind: 'stream', after: 3, how: 'stall' } });
  sandbox.control.log.reset();
  expect(await talk()).toMatchObject({ end: { kind: 'idle' }, answer: 'I begin.' });
  expect(sandbox.control.log.count(stream)).toBe(1);
});

describe('where the history breaks off, the last turn of a session', () => {
  const history = 'GET /v1/sessions/:session/events';
  const attach = async () => {
    let printed = '';
    const told = { text: (text: string) => (printed += text), note: () => {}, warn: () => {} };
    const platform = await open();
    const { end } = await inTimeOf(fastClock(200), () =>
      runTurn({ platform, sessionId, timeoutMs: 600_000, signal, told }),
    );
    return [end.kind, printed];
  };
  /** So many pages come, each with one more event, and the next one does not, until a read gives up. */
  const breakAfter = (pages: number) => {
    sandbox.control.faults.add({ on: history, fault: { kind: 'pages', how: 'overlapping' }, times: pages });
    sandbox.control.faults.add({ on: history, fault: { kind: 'status', status: 502 }, times: 3 });
  };

  test('is not the earlier one whose end came', async () => {
    goOn();
    await talk();
    const first = await client.beta.sessions.events.list(sessionId, { types: [...turnTypes] });
    expect(first.data.at(-1)?.type).toBe('session.status_idle');
    await talk();
    breakAfter(first.data.length - 1);
    expect(await attach()).toEqual(['idle', 'I begin.I begin.']);
  });

  test('is not none', async () => {
    goOn();
    await talk();
    breakAfter(0);
    expect(await attach()).toEqual(['idle', 'I begin.']);
  });
});

test('a history of many pages is read without a warning', async () => {
  goOn();
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on('warning', warned);
  for (let count = 0; count < 3; count += 1) await talk();
  const on = 'GET /v1/sessions/:session/events';
  const pages = sandbox.control.faults.add({ on, fault: { kind: 'pages', how: 'overlapping' }, times: Infinity });
  const told = { text: () => {}, note: () => {}, warn: () => {} };
  const turn = await runTurn({ platform: await open(), sessionId, timeoutMs: 600_000, signal, told });
  process.off('warning', warned);
  expect([turn.answer, pages.hits > 12, warnings]).toEqual(['I begin.', true, []]);
});

describe('a first message whose answer is lost, and which no list shows', () => {
  const sent = 'POST /v1/sessions/:session/events';
  const isLive = ({ archived_at }: { archived_at: string | null }) => archived_at === null;

  /** Until the session is to be archived its history is empty and it stands idle, as far as anybody can see. */
  async function first() {
    const { control } = sandbox;
    control.faults.add({ on: sent, fault: { kind: 'drop-after-commit' } });
    const lags = () => control.log.count('POST /v1/sessions/:session/archive') === 0;
    control.tamper('GET /v1/sessions/:session/events', (page) => (lags() ? { data: [], next_page: null } : page));
    control.tamper('GET /v1/sessions/:session', (session) =>
      lags() ? { ...(session as object), status: 'idle' } : session,
    );
    const { agent, environment_id } = await client.beta.sessions.retrieve(sessionId);
    const platform = await open();
    const { turn } = await inTimeOf(fastClock(200), () =>
      runFirstTurn({
        platform,
        message: 'hello',
        timeoutMs: 600_000,
        signal,
        told: { text: () => void setTimeout(() => goOn(), 50), note: () => {}, warn: () => {} },
        start: () => client.beta.sessions.create({ agent: agent.id, environment_id }),
      }),
    );
    return { turn, sessions: control.peek.sessions().filter(({ id }) => id !== sessionId) };
  }

  test('is not sent again where the platform archives nothing because it runs', async () => {
    const { turn, sessions } = await first();
    expect(turn).toMatchObject({ end: { kind: 'idle' }, answer: 'I begin.' });
    expect([sessions.length, sessions.filter(isLive).length]).toEqual([1, 1]);
    expect(sandbox.control.log.count(sent)).toBe(1);
  });

  test('is not sent again where the archived session turns out to have it', async () => {
    goOn();
    const { turn, sessions } = await first();
    expect(turn).toMatchObject({ answer: 'I begin.' });
    expect([sessions.length, sandbox.control.log.count(sent)]).toEqual([1, 1]);
  });

  test('leaves no session behind where it was refused', async () => {
    sandbox.control.faults.add({ on: sent, fault: { kind: 'status', status: 400 } });
    await expect(first()).rejects.toMatchObject({ code: 'platform_refused', status: 400 });
    const made = sandbox.control.peek.sessions().filter(({ id }) => id !== sessionId);
    expect([made.length, made.filter(isLive).length]).toEqual([1, 0]);
  });
});
