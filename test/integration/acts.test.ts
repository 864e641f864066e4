/** Every act of the closed list, done once: nothing leaves the machine and no lock is written that is not in the record (P7). */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http, { type ClientRequest } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { machineClock } from '../../internal/clock/clock.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { type ActElsewhere, elsewhere, reruns } from '../../internal/platform/acts.ts';
import { type Entry, readLine } from '../../internal/record/line.ts';
import { recordIn } from '../../internal/record/log.ts';
import type { RecordLog } from '../../internal/record/record-log.ts';
import { verifyRecord } from '../../internal/record/verify.ts';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from '../support/command.ts';
import { type IdentityWorld, identityWorld } from '../support/identity-world.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { keychainInMemory, type MemoryKeychain } from '../support/keychain-in-memory.ts';
import { runHeaders } from '../support/local-agents.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skillText } from '../support/skill-project.ts';
import { startWrapped } from '../support/wrapped.ts';

const world = sandboxPerTest();
let machine: string;
let keychain: MemoryKeychain;
/** What left the machine and changes something: which request, and the acts that the record had open then. */
let sent: { what: string; open: string[] }[];
/** What is left of the record's disk, in lines. */
let room: number;
beforeEach(async () => {
  machine = await world.machine();
  keychain = keychainInMemory();
  sent = [];
  room = Number.POSITIVE_INFINITY;
});

const folder = () => join(machine, 'state', 'record');
/** The record as it stands on the disk at this moment. */
function entries(): Entry[] {
  let names: string[] = [];
  try {
    names = readdirSync(folder()).filter((name) => name.endsWith('.jsonl'));
  } catch {
    // No record yet.
  }
  const lines = names.sort().flatMap((name) => readFileSync(join(folder(), name), 'utf8').split('\n'));
  return lines.flatMap((line) => readLine(line)?.entry ?? []);
}
function openActs(): string[] {
  const all = entries();
  const ended = new Set(all.flatMap((entry) => (entry.kind === 'outcome' ? [entry.id] : [])));
  return all.flatMap((entry) => (entry.kind === 'intent' && !ended.has(entry.id) ? [entry.act] : []));
}

const { request } = http;
beforeAll(() => {
  http.request = ((url: URL, options: http.RequestOptions, answered: never): ClientRequest => {
    const method = options?.method ?? 'GET';
    if (method !== 'GET') sent.push({ what: `${method} ${url.origin}${url.pathname}`, open: openActs() });
    return request(url, options, answered);
  }) as typeof http.request;
  syncBuiltinESMExports();
});
afterAll(() => {
  http.request = request;
  syncBuiltinESMExports();
});

/** The acts that have to be open for a request; none where it changes nothing. */
function actsFor(what: string): string[] {
  const { pathname, origin } = new URL(what.slice(what.indexOf(' ') + 1));
  const isPlatform = origin === new URL(world.sandbox.platform.baseUrl).origin;
  if (isPlatform) return Object.keys(reruns);
  if (pathname.endsWith('/token')) return ['grant.obtain', 'grant.renew', 'sign_in.obtain', 'sign_in.renew'];
  if (pathname.endsWith('/reg') || pathname.endsWith('/register')) return ['client.register'];
  if (pathname.includes('revo')) return ['grant.revoke'];
  if (pathname.includes('device')) return ['grant.obtain', 'sign_in.obtain'];
  // A tool that only reads is called; and the person's own browser, which is in this process.
  if (pathname.endsWith('/mcp') || pathname.includes('/interaction/')) return [];
  throw new Error(`nobody knows what this changes: ${what}`);
}

/** A record whose disk is full after some lines. */
function boundedRecord(): RecordLog {
  const log = recordIn({ folder: folder() });
  return {
    ...log,
    async append(entry: Entry) {
      if (room <= 0) throw new AppError('record_unwritable', 'the record cannot be written: ENOSPC');
      room -= 1;
      return await log.append(entry);
    },
  };
}

const setting = (): Partial<CommandSetting> => {
  const log = boundedRecord();
  return { folder: machine, kept: { record: async () => log, secrets: async () => keychainSecrets(keychain) } };
};
const connect = (...argv: string[]) => world.connect(argv, setting());
const setup = (...argv: string[]) => world.setup(argv, setting());
const skills = () => join(world.sandbox.folder, 'some-skills');

/** One way to have acts, and the files that they write. */
interface Row {
  acts: ActElsewhere[];
  prepare?: () => Promise<unknown>;
  act: () => Promise<CommandOutcome>;
  /** The files that nothing may change without the record. */
  files?: () => string[];
  /** How it ends where it succeeds. */
  exit?: number;
}

/** A vault of the agent itself, as an operator would have made it. */
const agentsVault = async () => {
  await operator();
  const metadata = { mai_owner_kind: 'agent', mai_owner_issuer: 'config/agents', mai_owner_subject: 'support' };
  await world.client.beta.vaults.create({ display_name: 'Connections of agent support', metadata });
};
const operator = () =>
  world.configure('interface.yaml', (content) => {
    content.people.operators = { principals: [world.sandbox.people.ada.subject] };
  });
let kept: Awaited<ReturnType<typeof keepSignIns>>;
const signedIn = async () => {
  kept = await keepSignIns(world);
  await connect('login');
};
let around: IdentityWorld | undefined;
/** Tokens of sessions, with the keys of this test. */
const identified = async () => {
  around = await identityWorld(world, { keychain });
};
const withTokenKey = async () => {
  await identified();
  await setup('keys', 'generate');
};
const session = async () => {
  await withTokenKey();
  await connect('notion');
  await setup('agents', 'apply');
};
let started = '';
const later = (hours: number): Partial<CommandSetting> => {
  const now = () => new Date(Date.now() + hours * 3_600_000);
  return { ...setting(), clock: { ...machineClock, now } };
};
const lockIn = (name: string) => () => [join(world.sandbox.configFolder, name)];

const rows: Record<string, Row> = {
  'signing in': { acts: ['sign_in.obtain'], act: () => connect('login') },
  'a sign-in that is renewed': {
    acts: ['sign_in.renew'],
    async prepare() {
      await signedIn();
      const now = Math.floor(Date.now() / 1000);
      const past = { iat: now - 7200, exp: now - 3600 };
      await kept.forge(machine, (token) => world.sandbox.identityProvider.control.forge(token, past));
    },
    act: () => connect('whoami'),
  },
  'signing out': { acts: ['sign_in.end', 'grant.revoke'], prepare: signedIn, act: () => connect('logout') },
  connecting: { acts: ['sign_in.obtain', 'client.register', 'grant.obtain'], act: () => connect('notion') },
  'a grant that nothing takes': {
    acts: ['grant.revoke'],
    prepare: async () =>
      world.sandbox.platform.control.faults.add({
        on: 'POST /v1/vaults/:vault/credentials',
        fault: { kind: 'status', status: 400 },
        times: Number.POSITIVE_INFINITY,
      }),
    act: () => connect('notion'),
    exit: 1,
  },
  'listing tools': {
    acts: ['tools_lock.write', 'grant.obtain', 'grant.revoke'],
    act: () => setup('tools', 'refresh', 'notion'),
    files: lockIn('tools.lock.json'),
  },
  'agents apply': {
    acts: ['agents_lock.write'],
    act: () => setup('agents', 'apply'),
    files: lockIn('agents.lock.json'),
  },
  'pushing skills': {
    acts: ['skills_lock.write'],
    async prepare() {
      await mkdir(join(skills(), 'one'), { recursive: true });
      await writeFile(join(skills(), 'one', 'SKILL.md'), skillText('one', 'Hello.'));
    },
    act: () => runCommand(skillSync, [skills()], { environment: world.sandbox.environment, ...setting() }),
    files: () => [join(skills(), 'skills.lock.json')],
  },
  'a new ownership key': {
    acts: ['ownership_key.make'],
    prepare: () => writeFile(join(machine, 'key'), '', { mode: 0o600 }),
    async act() {
      const descriptor = openSync(join(machine, 'key'), 'w', 0o600);
      const outcome = await connect('ownership', 'keygen', '--kid', 'k', '--private-key-to-fd', String(descriptor));
      // Whoever writes to it closes it.
      if (outcome.exit !== 0) closeSync(descriptor);
      return outcome;
    },
    files: () => [join(machine, 'key')],
  },
  'a first checkpoint': {
    acts: ['checkpoint_key.make'],
    prepare: () => connect('login'),
    act: () => setup('audit', 'checkpoint'),
    files: () => [join(folder(), 'checkpoint.vkey')],
  },
  'a call at a wrapped server': {
    acts: ['tool.call'],
    async act() {
      await using wrapped = await startWrapped({ kept: setting().kept });
      const client = await wrapped.connect(await wrapped.sessionToken('ada'));
      await client.callTool({ name: 'count' }).catch(() => {});
      return await wrapped.stop();
    },
  },
  'access of local agents that is renewed': {
    acts: ['grant.renew'],
    async prepare() {
      await world.configure('services/notion.yaml', (content) => {
        content.local_agents = ['grant'];
      });
      // Each call has to renew it.
      const { control } = world.sandbox.services.notion;
      control.tamperTokenResponse((answer) => ({ ...answer, expires_in: 30 }));
      await connect('headers', 'notion', '--authorize');
    },
    act: () => runHeaders(world.sandbox, ['notion'], { ...setting(), folder: machine }),
  },
  'a key of session tokens': {
    acts: ['session_key.make', 'session_keys.write'],
    prepare: identified,
    act: () => setup('keys', 'generate'),
    files: lockIn('session-keys.json'),
  },
  'a key of session tokens that goes': {
    acts: ['session_key.remove', 'session_keys.write'],
    async prepare() {
      await withTokenKey();
      await setup('keys', 'rotate', '--in', '1h');
    },
    async act() {
      const { keys } = JSON.parse((await setup('keys', 'list', '--json')).stdout) as { keys: { kid: string }[] };
      return await world.setup(['keys', 'retire', keys[0]?.kid ?? ''], later(3));
    },
    files: lockIn('session-keys.json'),
  },
  'a session with tokens': {
    acts: ['session_token.issue'],
    prepare: session,
    act: () => setup('--agent', 'support'),
  },
  'tokens that are taken back': {
    acts: ['session_token.revoke'],
    async prepare() {
      await session();
      started = (await setup('--agent', 'support')).stdout.trim();
    },
    act: () => setup('token', 'revoke', started),
  },
  'off-boarding': {
    acts: ['person.offboard'],
    async prepare() {
      await operator();
      await connect('notion');
    },
    act: () =>
      connect('offboard', world.sandbox.people.ada.subject, '--yes-offboard', world.sandbox.people.ada.subject),
  },
  'letting in again': {
    acts: ['person.let_in'],
    async prepare() {
      await rows['off-boarding']?.prepare?.();
      await rows['off-boarding']?.act();
    },
    act: () =>
      connect('offboard', world.sandbox.people.ada.subject, '--undo', '--yes-undo', world.sandbox.people.ada.subject),
  },
  'off-boarding an agent that acts for itself': {
    acts: ['agent.offboard'],
    prepare: agentsVault,
    act: () => connect('offboard', 'support', '--yes-offboard', 'support'),
  },
  'letting an agent in again': {
    acts: ['agent.let_in'],
    async prepare() {
      await agentsVault();
      await connect('offboard', 'support', '--yes-offboard', 'support');
    },
    act: () => connect('offboard', 'support', '--undo', '--yes-undo', 'support'),
  },
};

test('every act that is not a request to the platform is done here [P7]', () => {
  expect([...new Set(Object.values(rows).flatMap(({ acts }) => acts))].sort()).toEqual(Object.keys(elsewhere).sort());
});

/** What stands in some files; undefined for one that is not there. */
const textsOf = (paths: readonly string[]) =>
  Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => undefined)));

/** What holds of every run, however it ends: no change without its intent, no outcome without its intent. */
async function expectRecorded(): Promise<void> {
  for (const { what, open } of sent) {
    const acts = actsFor(what);
    if (acts.length > 0) expect([what, open.some((act) => acts.includes(act)), open]).toEqual([what, true, open]);
  }
  const { findings } = await verifyRecord(folder());
  expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
}

describe.each(Object.entries(rows))('%s', (_what, { acts, prepare, act, files = () => [], exit = 0 }) => {
  test('is announced before anything is asked for, and told after [P7]', async () => {
    await prepare?.();
    const had = entries().length;
    sent = [];
    const outcome = await act();
    expect([outcome.exit, outcome.stderr]).toEqual([exit, outcome.stderr]);
    await expectRecorded();
    const made = entries().slice(had);
    const intents = made.flatMap((entry) => (entry.kind === 'intent' ? [entry] : []));
    expect(intents.map((intent) => intent.act)).toEqual(expect.arrayContaining(acts));
    const ended = made.flatMap((entry) => (entry.kind === 'outcome' ? [entry.id] : []));
    expect(ended.sort()).toEqual(intents.map(({ id }) => id).sort());
  });

  test('with a disk that is full at any line of it: exit 6 or told, and nothing more is changed [P7]', async () => {
    await prepare?.();
    const [had, texts] = [entries().length, await textsOf(files())];
    // Lines are not counted before: how many there are, the run says by ending as it does with room for all.
    for (let lines = 0; ; lines += 1) {
      room = lines;
      sent = [];
      const { exit: ended, stderr } = await act();
      await expectRecorded();
      const full = stderr.includes('ENOSPC');
      room = Number.POSITIVE_INFINITY;
      if (!full) break;
      expect([lines, ended, stderr]).toEqual([lines, stderr.includes('[record_unwritable]') ? 6 : ended, stderr]);
      if (lines > 0) break;
      // Not one line: then nothing was done at all.
      expect([ended, sent.filter(({ what }) => actsFor(what).length > 0)]).toEqual([6, []]);
      expect([entries().length, await textsOf(files())]).toEqual([had, texts]);
    }
  });
});

describe('connecting, with a disk that is full', () => {
  test.each([1, 2, 3, 4, 6, 8])('after %i lines [P7]', async (lines) => {
    room = lines;
    await connect('notion');
    await expectRecorded();
    const intents = entries().filter(({ kind }) => kind === 'intent').length;
    const changes = sent.filter(({ what }) => actsFor(what).length > 0);
    // One act may be several requests, such as a first try at a token; no more acts than were announced began.
    expect(new Set(changes.flatMap(({ open }) => open)).size).toBeLessThanOrEqual(intents);
  });
});

afterEach(async () => {
  room = Number.POSITIVE_INFINITY;
  await around?.[Symbol.asyncDispose]();
  around = undefined;
});

test('docs/audit.md has every one of them', async () => {
  const text = await readFile(new URL('../../docs/audit.md', import.meta.url), 'utf8');
  const section = text.slice(text.indexOf('## Acts'), text.indexOf('## Reading it'));
  const told = Object.fromEntries(
    [...section.matchAll(/^\| `([\w.]+)` \| (.*) \|$/gm)].map(([, act = '', what = '']) => [act, what]),
  );
  expect(told).toEqual(elsewhere);
});
