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
import { runFirstTurn } from '../../internal/session/first-turn.ts';
import { prepareSession } from '../../internal/session/prepare.ts';
import { endTwins, type StartedSession, startSession } from '../../internal/session/start.ts';
import type { TurnResult } from '../../internal/session/turn.ts';
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
let start: (platform: Platform, warn: (text: string) => void) => () => Promise<StartedSession>;
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
  const agent = agentNamed(configuration, 'support');
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
  start = (platform, warn) => async () => {
    const prepared = await prepareSession({
      platform,
      configuration,
      agent,
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
