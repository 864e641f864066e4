/**
 * Every fault at every moment of a turn, walked: the message is there once, the agent calls as often as without a fault, one
 * session is left, and what is printed is printed once.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { readAgentsLock } from '../../internal/agent/lock.ts';
import { inTimeOf, machineClock } from '../../internal/clock/clock.ts';
import { loadConfiguration } from '../../internal/config/load.ts';
import { agentNamed } from '../../internal/config/lookup.ts';
import type { Platform } from '../../internal/platform/client.ts';
import { Secret } from '../../internal/secret/secret.ts';
import { answerCall } from '../../internal/session/answer.ts';
import { readCall } from '../../internal/session/call.ts';
import { runFirstTurn } from '../../internal/session/first-turn.ts';
import { prepareSession, type RenewConnections } from '../../internal/session/prepare.ts';
import { endTwins, type StartedSession, startSession } from '../../internal/session/start.ts';
import { runTurn, type TurnResult } from '../../internal/session/turn.ts';
import { judgeTurn } from '../../internal/session/turn-outcome.ts';
import { readPins } from '../../internal/tool-review/pin.ts';
import { type Fault, pageFaults, type StreamFault } from '../sandbox/faults.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { runCommand } from '../support/command.ts';
import { fastClock } from '../support/fast-clock.ts';
import { openPlatform } from '../support/open-platform.ts';

const message = 'call notion notion-create-pages {"pages":[{"title":"x"}]}';
const fast = fastClock(40);

let sandbox: Sandbox;
let client: Anthropic;
let start: (platform: Platform, warn: (text: string) => void, name?: string) => () => Promise<StartedSession>;
let openHere: (patienceMs: number) => Promise<Platform>;
/** How long an answer may take: in the time of this machine, which may be busy. Where something stalls that is waited for. */
const patienceMs = { usual: 10_000, stalling: 1_000 };

beforeAll(async () => {
  sandbox = await startSandbox();
  const { baseUrl, apiKey } = sandbox.platform;
  client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  const folder = join(sandbox.folder, 'machine');
  const setting = { environment: sandbox.environment, person: 'ada' as const, folder };
  const run = async (executable: Parameters<typeof runCommand>[0], ...argv: string[]) => {
    const { exit, stderr } = await runCommand(executable, argv, setting);
    expect([exit, stderr]).toEqual([0, expect.any(String)]);
  };
  await writeFile(
    join(sandbox.configFolder, 'agents', 'support.yaml'),
    'model: claude-sonnet-5-5\nservices:\n  notion: { write: on }\nenvironment: default\nallowed: { groups: [support] }\n',
  );
  await writeFile(
    join(sandbox.configFolder, 'agents', 'asking.yaml'),
    'model: claude-sonnet-5-5\nservices:\n  notion: { write: ask }\nenvironment: default\nallowed: { groups: [support] }\n',
  );
  await run(serviceConnection, 'notion');
  await run(setupSession, 'agents', 'apply');
  openHere = (patience) =>
    openPlatform({
      baseUrl,
      apiKey: new Secret(apiKey),
      authToken: undefined,
      signal: new AbortController().signal,
      onWait: () => {},
      patience: { readMs: patience, changeMs: patience },
    });
  const configuration = await loadConfiguration(sandbox.configFolder);
  const [lock, toolPins] = [await readAgentsLock(configuration), await readPins(configuration)];
  const principal = {
    kind: 'sso' as const,
    issuer: sandbox.identityProvider.issuer,
    subject: sandbox.people.ada.subject,
    groups: ['support'],
    label: 'ada',
    verifiedEmail: sandbox.people.ada.email,
  };
  const records = {
    keep: async () => ({ settle: async () => {} }),
    read: async () => undefined,
    unsettled: async () => [],
  };
  const memory = { recall: async () => undefined, remember: async () => {} } as never;
  start =
    (platform, warn, name = 'support') =>
    async () => {
      const prepared = await prepareSession({
        renew: async (...[, connections]: Parameters<RenewConnections>) => connections,
        platform,
        configuration,
        agent: agentNamed(configuration, name),
        principal,
        memory,
        // What it says of tools that nobody pinned is not about a turn.
        warn: () => {},
        ownership: undefined,
        lock,
        pins: new Map(),
        toolPins,
        without: [],
      } as never);
      return await startSession(prepared, {
        platform,
        principal,
        title: undefined,
        records,
        ownership: undefined,
        warn,
        signal: new AbortController().signal,
      } as never);
    };
}, 60_000);
afterAll(() => sandbox.close());
afterEach(() => sandbox.platform.control.reset());

/** What came of one turn, counted on the other side. */
interface Counted {
  messages: number;
  calls: number;
  sessions: number;
  printed: string;
  notes: string[];
  warnings: string[];
  turn: TurnResult;
  asked: string[];
}

async function talk({ clock = fast, stalls = false } = {}): Promise<Counted> {
  const { control } = sandbox.platform;
  const [before, calls] = [control.peek.sessions().length, callCount()];
  let printed = '';
  const [notes, warnings]: string[][] = [[], []];
  const platform = await openHere(stalls ? patienceMs.stalling : patienceMs.usual);
  const warn = (text: string) => void warnings?.push(text);
  const { turn } = await inTimeOf(clock, () =>
    runFirstTurn({
      platform,
      message,
      timeoutMs: 300_000,
      signal: new AbortController().signal,
      told: { text: (text) => (printed += text), note: (text) => void notes?.push(text), warn },
      start: start(platform, warn),
      beside: (session) => endTwins(session, { platform, warn }),
    }),
  );
  control.faults.clear();
  const asked = control.log.entries.map(({ method, path }) => `${method} ${path.replace(/sesn_\w+/, ':session')}`);
  const made = control.peek.sessions().slice(before);
  const messages = await Promise.all(
    made.map(async ({ id }) => (await client.beta.sessions.events.list(id, { types: ['user.message'] })).data.length),
  );
  return {
    messages: messages.reduce((sum, count) => sum + count, 0),
    calls: callCount() - calls,
    sessions: made.filter(({ archived_at }) => archived_at === null).length,
    printed,
    notes: notes ?? [],
    warnings: warnings ?? [],
    turn,
    asked,
  };
}

const callCount = () => sandbox.services.notion.calls.filter(({ tool }) => tool === 'notion-create-pages').length;

function expectWhole({ messages, calls, sessions, printed, notes, turn }: Counted): void {
  expect({ messages, calls, sessions }).toEqual({ messages: 1, calls: 1, sessions: 1 });
  expect([judgeTurn(turn), turn.unknown]).toEqual(['done', false]);
  expect(printed).toMatch(/^notion notion-create-pages: [^\n]*$/);
  expect(printed).toBe(turn.answer);
  expect(notes).toEqual(['the agent calls "notion" "notion-create-pages"']);
}

const [create, send, stream, history] = [
  'POST /v1/sessions',
  'POST /v1/sessions/:session/events',
  'GET /v1/sessions/:session/events/stream',
  'GET /v1/sessions/:session/events',
];

const requestFaults: [string, Fault][] = [
  ['is lost', { kind: 'drop-before-commit' }],
  ['has its answer lost', { kind: 'drop-after-commit' }],
  ['stalls before anything is done', { kind: 'stall', commits: false }],
  ['stalls after it was done', { kind: 'stall', commits: true }],
  ['is answered with 429', { kind: 'status', status: 429, headers: { 'retry-after': '0' } }],
  ['is answered with 529', { kind: 'status', status: 529 }],
  ['is answered with 502', { kind: 'status', status: 502, body: '<html>' }],
];

test('without a fault: one message, one call, one session, and nothing asked twice', async () => {
  sandbox.platform.control.log.reset();
  // At the pace of this machine: a look at what takes longer than usual is no fault.
  const counted = await talk({ clock: machineClock });
  expectWhole(counted);
  expect(counted.warnings).toEqual([]);
  const events = await client.beta.sessions.events.list(counted.turn.sessionId);
  expect(events.data).toHaveLength(eventsOfTurn);
  expect(counted.asked.filter((line) => line.includes('/events'))).toEqual([stream, send]);
});

describe.each([
  ['the create', create],
  ['the message', send],
  ['the stream', stream],
])('%s', (_what, on) => {
  test.each(requestFaults)('%s', async (_how, fault) => {
    const active = sandbox.platform.control.faults.add({ on, fault });
    expectWhole(await talk({ stalls: fault.kind === 'stall' }));
    expect(active.hits).toBe(1);
  });
});

test('a create that was lost, and that no list shows, is asked for again; of the two sessions one is left', async () => {
  const { control } = sandbox.platform;
  const before = control.peek.sessions().length;
  control.log.reset();
  control.faults.add({ on: create, fault: { kind: 'drop-after-commit' } });
  const creates = () => control.log.count(create);
  control.tamper('GET /v1/sessions', (page) => (creates() < 2 ? { data: [], next_page: null } : page));
  const platform = await openHere(patienceMs.usual);
  const warnings: string[] = [];
  const { id } = await start(platform, (text) => void warnings.push(text))();
  const made = control.peek.sessions().slice(before);
  expect([creates(), made.length]).toEqual([2, 2]);
  expect(made.filter(({ archived_at }) => archived_at === null).map((session) => session.id)).toEqual([id]);
  expect(warnings).toEqual([expect.stringContaining('a second session of one request')]);
});

describe('something between repeats', () => {
  test.each([
    ['the create', create],
    ['the stream', stream],
  ])('%s: one session is left', async (_what, on) => {
    sandbox.platform.control.faults.add({ on, fault: { kind: 'repeat' } });
    expectWhole(await talk());
  });

  test('the message: it is there twice, which is said; what is printed is printed once', async () => {
    sandbox.platform.control.faults.add({ on: send, fault: { kind: 'repeat' } });
    const { messages, sessions, warnings, turn } = await talk();
    expect({ messages, sessions, copies: turn.copies }).toEqual({ messages: 2, sessions: 1, copies: 2 });
    expect(warnings).toEqual([expect.stringContaining('the message is in the session 2 times')]);
  });
});

/** The events of a turn with one call, as the platform sends them. */
const eventsOfTurn = 11;
const streamFaults: StreamFault[] = ['reset', 'half', 'end', 'error', 'stall', 'garbage', 'untyped', 'replay'];

describe.each(streamFaults)('a stream: %s', (how) => {
  test.each(Array.from({ length: eventsOfTurn }, (_, after) => after))('after %i events', async (after) => {
    sandbox.platform.control.faults.add({ on: stream, fault: { kind: 'stream', after, how } });
    expectWhole(await talk());
  });
});

describe('the history that is read after a break', () => {
  test.each(requestFaults)('%s', async (_how, fault) => {
    const { faults } = sandbox.platform.control;
    faults.add({ on: stream, fault: { kind: 'stream', after: 2, how: 'reset' } });
    const active = faults.add({ on: history, fault });
    expectWhole(await talk({ stalls: fault.kind === 'stall' }));
    expect(active.hits).toBe(1);
  });

  test.each(pageFaults)('has %s pages', async (how) => {
    const { faults } = sandbox.platform.control;
    faults.add({ on: stream, fault: { kind: 'stream', after: eventsOfTurn - 1, how: 'reset' } });
    const active = faults.add({ on: history, fault: { kind: 'pages', how }, times: Infinity });
    expectWhole(await talk());
    expect(active.hits).toBeGreaterThan(1);
  });
});

test('a stream that breaks after each event, every time: the history is enough', async () => {
  const { faults } = sandbox.platform.control;
  for (const how of ['reset', 'end', 'error', 'stall'] as const) {
    faults.add({ on: stream, fault: { kind: 'stream', after: 1, how }, times: 3 });
  }
  expectWhole(await talk());
});

test('no stream at all: the history is enough', async () => {
  sandbox.platform.control.faults.add({ on: stream, fault: { kind: 'status', status: 502 }, times: Infinity });
  expectWhole(await talk());
});

/** Goes on with a session: sends to it, or follows its last turn. What is counted is counted from here on. */
async function goOn(sessionId: string, text: string | undefined, { stalls = false, befall = () => {} } = {}) {
  const calls = callCount();
  const before = await eventsIn(sessionId, 'user.message');
  let printed = '';
  const [notes, warnings]: string[][] = [[], []];
  const platform = await openHere(stalls ? patienceMs.stalling : patienceMs.usual);
  const warn = (said: string) => void warnings?.push(said);
  befall();
  const turn = await inTimeOf(fast, () =>
    runTurn({
      platform,
      sessionId,
      ...(text === undefined ? {} : { message: text }),
      timeoutMs: 300_000,
      signal: new AbortController().signal,
      told: { text: (piece) => (printed += piece), note: (said) => void notes?.push(said), warn },
    }),
  );
  const messages = (await eventsIn(sessionId, 'user.message')) - before;
  return { turn, messages, calls: callCount() - calls, printed, notes, warnings };
}

async function eventsIn(sessionId: string, type: 'user.message' | 'user.tool_confirmation'): Promise<number> {
  let count = 0;
  for await (const _ of client.beta.sessions.events.list(sessionId, { types: [type] })) count += 1;
  return count;
}

/** A session with a turn behind it that says the same as the next one. */
async function startedOnce(name: 'support' | 'asking') {
  const platform = await openHere(patienceMs.usual);
  const { id } = await start(platform, () => {}, name)();
  const { turn } = await goOn(id, message);
  return { id, turn };
}

describe('send, to a session that was told the same before', () => {
  let id: string;
  let sessions: number;
  beforeAll(async () => {
    ({ id } = await startedOnce('support'));
    sessions = sandbox.platform.control.peek.sessions().length;
  });

  function expectOnce({ turn, messages, calls, printed, notes, warnings }: Awaited<ReturnType<typeof goOn>>): void {
    expect({ messages, calls, end: judgeTurn(turn), unknown: turn.unknown }).toEqual({
      messages: 1,
      calls: 1,
      end: 'done',
      unknown: false,
    });
    expect(printed).toMatch(/^notion notion-create-pages: [^\n]*$/);
    expect([printed, notes, warnings]).toEqual([turn.answer, ['the agent calls "notion" "notion-create-pages"'], []]);
    expect(sandbox.platform.control.peek.sessions()).toHaveLength(sessions);
  }

  test.each(
    [
      ['the look before', history],
      ['the stream', stream],
      ['the message', send],
    ].flatMap(([what, on]) => requestFaults.map(([how, fault]) => [what, how, on, fault] as const)),
  )('%s %s', async (_what, how, on = '', fault) => {
    const { faults } = sandbox.platform.control;
    const active: { hits: number }[] = [];
    const befall = () => void active.push(faults.add({ on, fault }));
    const sent = await goOn(id, message, { stalls: fault.kind === 'stall', befall });
    expect(active[0]?.hits).toBe(1);
    const missing = on === send && sent.messages === 0;
    // What the platform refused or never saw is not sent again by this run: the next one may.
    if (missing) expect([sent.calls, sent.printed, sent.turn.end.kind]).toEqual([0, '', 'unseen']);
    expect([how, missing]).toEqual([how, on === send && neverArrives(fault)]);
    expectOnce(missing ? await goOn(id, message) : sent);
  });

  test('a stream that is repeated prints nothing twice, and a message that is repeated is told', async () => {
    const { faults } = sandbox.platform.control;
    faults.add({ on: stream, fault: { kind: 'repeat' } });
    expectOnce(await goOn(id, message));
    faults.add({ on: send, fault: { kind: 'repeat' } });
    const { messages, turn, warnings } = await goOn(id, message);
    expect([messages, turn.copies, warnings]).toEqual([
      2,
      2,
      [expect.stringContaining('the message is in the session')],
    ]);
  });

  test.each(streamFaults)('a stream: %s, after each event', async (how) => {
    for (let after = 0; after < eventsOfTurn; after += 1) {
      sandbox.platform.control.faults.add({ on: stream, fault: { kind: 'stream', after, how } });
      expectOnce(await goOn(id, message));
      sandbox.platform.control.faults.clear();
    }
  });
});

/** A request that did not get as far as to be carried out, and of which nobody said so. */
function neverArrives(fault: Fault): boolean {
  return (
    fault.kind === 'drop-before-commit' ||
    (fault.kind === 'stall' && !fault.commits) ||
    (fault.kind === 'status' && fault.status >= 500)
  );
}

describe('an answer', () => {
  /** Says yes as often as a person does: again where it is said that it is not known. */
  async function sayYes(sessionId: string, callId: string, stalls: boolean): Promise<number> {
    const platform = await openHere(stalls ? patienceMs.stalling : patienceMs.usual);
    const signal = new AbortController().signal;
    for (let runs = 1; ; runs += 1) {
      const found = await readCall(platform, sessionId, callId);
      if (found?.kind === 'answered') return runs;
      const said = await inTimeOf(fast, () =>
        answerCall({ platform, sessionId, callId, answer: { kind: 'yes' }, signal }),
      ).catch((error: unknown) => {
        if (runs === 2) throw error;
        return undefined;
      });
      if (said !== undefined) return runs;
    }
  }

  async function expectAnswered(on: string, fault: Fault, runs: number): Promise<void> {
    const { faults } = sandbox.platform.control;
    const { id, turn } = await startedOnce('asking');
    const [ask] = turn.asks;
    const calls = callCount();
    if (on === history) faults.add({ on: send, fault: { kind: 'drop-after-commit' } });
    // The call is looked at once before it is answered.
    const active = faults.add({ on, fault, after: on === history ? 1 : 0 });
    expect(await sayYes(id, ask?.eventId ?? '', fault.kind === 'stall')).toBe(runs);
    expect(active.hits).toBe(1);
    faults.clear();
    const followed = await goOn(id, undefined);
    expect([judgeTurn(followed.turn), callCount() - calls]).toEqual(['done', 1]);
    expect(followed.printed.match(/notion notion-create-pages: /g)).toHaveLength(1);
    expect(await eventsIn(id, 'user.tool_confirmation')).toBe(1);
  }

  test.each(requestFaults)('%s: one call is made, once', async (_how, fault) => {
    await expectAnswered(send, fault, neverArrives(fault) ? 2 : 1);
  });

  test.each(requestFaults)('is lost, and the look for it %s', async (_how, fault) => {
    await expectAnswered(history, fault, 1);
  });

  test('is repeated on its way: one call is made', async () => {
    await expectAnswered(send, { kind: 'repeat' }, 1);
  });
});
