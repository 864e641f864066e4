/** Nothing is changed that the record does not announce: who, what, to which thing, and how it ended (P7). */
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { reruns } from '../../internal/platform/acts.ts';
import { newCheckpointKey } from '../../internal/record/checkpoint.ts';
import { type Entry, inLines, readLine } from '../../internal/record/line.ts';
import { recordIn } from '../../internal/record/log.ts';
import { verifierKey } from '../../internal/record/note.ts';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { keychainInMemory } from '../support/keychain-in-memory.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

/** One machine for all runs of a test. */
let machine: string;
beforeEach(async () => {
  machine = await world.machine();
});
const setup = (argv: readonly string[]) => world.setup(argv, { folder: machine });
const connect = (argv: readonly string[]) => world.connect(argv, { folder: machine });

const folder = () => join(machine, 'state', 'record');
const file = () => join(folder(), 'record-000001.jsonl');

/** The lines of the record. */
async function lines() {
  const text = await readFile(file(), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => readLine(line)?.entry ?? { kind: 'unreadable' as const });
}

/** What was asked of the platform that changes something. */
const changes = () => world.asked().filter((line) => !line.startsWith('GET '));

const acts = [
  ['agents apply', () => setup(['agents', 'apply'])],
  ['connecting', () => connect(['notion'])],
  [
    'disconnecting',
    async () => {
      await connect(['notion']);
      return await connect(['disconnect', 'notion']);
    },
  ],
  [
    'a session',
    async () => {
      await setup(['agents', 'apply']);
      await connect(['notion']);
      return await setup(['--agent', 'support', '--message', 'hello']);
    },
  ],
] as const;

test('a sign-in is recorded with who it was and how they signed in', async () => {
  const seconds = Math.floor(Date.now() / 1000);
  const claims = { acr: 'urn:loa:2', amr: ['pwd', 'otp'], auth_time: seconds - 30.5 };
  world.sandbox.identityProvider.control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge(claims),
  }));
  expect((await connect(['login'])).exit).toBe(0);
  const entries = await lines();
  expect(entries.filter((entry) => entry.kind === 'outcome')).toEqual([
    expect.objectContaining({
      proved: expect.objectContaining({
        subject: world.sandbox.people.ada.subject,
        ...claims,
        auth_time: seconds - 31,
      }),
    }),
  ]);
});

describe.each(acts)('%s', (_what, act) => {
  test('each change is announced with who asks, and each has its end [P7]', async () => {
    const { exit, stderr } = await act();
    expect([exit, stderr]).toEqual([0, stderr]);
    const entries = await lines();
    const intents = entries.filter((entry) => entry.kind === 'intent');
    const outcomes = entries.filter((entry) => entry.kind === 'outcome');
    // Trying a stored credential asks for nothing that stays; everything else that is no GET changes something.
    expect(intents.filter(({ act }) => Object.hasOwn(reruns, act))).toHaveLength(changes().length);
    for (const intent of intents) {
      expect(intent.actor).toMatchObject(
        'account' in intent.actor ? {} : { kind: 'person', subject: world.sandbox.people.ada.subject },
      );
      expect(outcomes.filter(({ id }) => id === intent.id)).toEqual([
        expect.objectContaining({ outcome: 'success', attempts: 1 }),
      ]);
    }
    const verified = await setup(['audit', 'verify']);
    expect([verified.exit, verified.stdout]).toEqual([0, expect.stringContaining(`${entries.length} lines in `)]);
  });
});

describe('a record that cannot be written', () => {
  test.each(acts)('%s: exit 6, and the platform is asked for nothing [P7]', async (_what, act) => {
    // What is needed before is there already: only what comes next finds the record closed.
    await setup(['agents', 'apply']);
    await connect(['notion']);
    const before = changes().length;
    await rm(folder(), { recursive: true });
    await mkdir(folder(), { mode: 0o700 });
    await writeFile(file(), 'not a line of ours\n', { mode: 0o600 });
    const { exit, stderr } = await act();
    if (exit === 0) return expect(changes()).toHaveLength(before);
    expect([exit, stderr]).toEqual([6, expect.stringContaining('[record_unwritable]')]);
    expect(changes()).toHaveLength(before);
  });

  test('one that others can write to is not used [P7]', async () => {
    await setup(['agents', 'apply']);
    await chmod(folder(), 0o777);
    const before = changes().length;
    const { exit, stderr } = await connect(['notion']);
    expect([exit, stderr]).toEqual([6, expect.stringContaining('others could have changed or read it')]);
    expect(changes()).toHaveLength(before);
  });
});

test('a refused change and one whose answer was lost are told apart', async () => {
  const { faults } = world.sandbox.platform.control;
  faults.add({ on: 'POST /v1/agents', fault: { kind: 'status', status: 400 } });
  await setup(['agents', 'apply']);
  faults.clear();
  faults.add({ on: 'POST /v1/agents', fault: { kind: 'drop-after-commit' } });
  await setup(['agents', 'apply']);
  const outcomes = (await lines()).filter((entry) => entry.kind === 'outcome').map(({ outcome }) => outcome);
  expect(outcomes).toEqual(expect.arrayContaining(['failure', 'unknown', 'success']));
});

describe('setup-session audit', () => {
  test('show has who did what to what, and how it ended', async () => {
    await setup(['agents', 'apply']);
    await connect(['notion']);
    const { stdout } = await setup(['audit', 'show']);
    expect(stdout).toMatch(/vault\.create +.*ada@example\.test +- +- +success/);
    const shown = JSON.parse((await setup(['audit', 'show', '--act', 'vault.create', '--json'])).stdout);
    expect(shown).toMatchObject({
      acts: [{ act: 'vault.create', actor: { subject: world.sandbox.people.ada.subject }, outcome: 'success' }],
      faults: 0,
    });
    expect((await setup(['audit', 'show', '--subject', 'nobody'])).stdout).toContain(
      'nothing of this is in the record',
    );
    const last = JSON.parse((await setup(['audit', 'show', '--last', '1', '--json'])).stdout);
    expect(last.acts).toHaveLength(1);
    const later = JSON.parse((await setup(['audit', 'show', '--since', '2999-01-01T00:00:00Z', '--json'])).stdout);
    expect(later.acts).toEqual([]);
  });

  test('verify says where a line was changed, and ends with 3', async () => {
    await setup(['agents', 'apply']);
    const text = await readFile(file(), 'utf8');
    await writeFile(file(), text.replace('"label":"support"', '"label":"another"'));
    const { exit, stderr } = await setup(['audit', 'verify']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[record_altered]')]);
    expect(stderr).toMatch(/fault: record-000001\.jsonl:\d+: the line before this one is not the one that was written/);
    expect((await setup(['audit', 'show'])).stdout).toContain('the record is not as it was written');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a folder', () => mkdir(file())],
    ['a pipe', async () => execFileSync('mkfifo', [file()])],
  ])('%s in the place of the file: file_system, at once', async (_what, put) => {
    await mkdir(folder(), { recursive: true, mode: 0o700 });
    await put();
    const { exit, stderr } = await setup(['audit', 'verify']);
    expect([exit, stderr]).toEqual([1, expect.stringContaining('[file_system]')]);
  });

  test('a line longer than any of ours is told as none', async () => {
    await setup(['agents', 'apply']);
    await appendFile(file(), `${'x'.repeat(3 * 2 ** 20)}\n{}\n`);
    const { exit, stderr } = await setup(['audit', 'verify']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('this is no line of a record')]);
  });

  test('without a record there is nothing, and nothing wrong', async () => {
    expect(await setup(['audit', 'verify'])).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('0 lines in '),
    });
  });
});

describe('checkpoints', () => {
  const keychain = keychainInMemory();
  const kept = { secrets: async () => keychainSecrets(keychain) };
  const audit = (...argv: string[]) => world.setup(['audit', ...argv], { folder: machine, kept });
  const verified = async (...argv: string[]) => {
    const { exit, stdout, stderr } = await audit('verify', '--json', ...argv);
    return {
      exit,
      stderr,
      ...(exit === 0 ? (JSON.parse(stdout) as { checkpoints: unknown[]; unknown: string[] }) : {}),
    };
  };

  test('are signed with a key of the keychain, and show what a chain cannot', async () => {
    await setup(['agents', 'apply']);
    const whole = await readFile(file());
    const made = await audit('checkpoint', '--json');
    expect([made.exit, made.stderr]).toEqual([0, expect.stringContaining('kept in ')]);
    const { note, key, count } = JSON.parse(made.stdout) as { note: string; key: string; count: number };
    expect((await audit('checkpoint')).stdout).toContain('sha256 chain');
    expect([...keychain.kept.keys()]).toEqual([expect.stringMatching(/^record checkpoint key /)]);
    const elsewhere = join(machine, 'kept.note');
    await writeFile(elsewhere, note);
    const all = await verified('--key', key, '--checkpoint', elsewhere);
    expect(all).toMatchObject({
      exit: 0,
      checkpoints: [
        { count, verdict: 'agrees' },
        { from: elsewhere, count },
      ],
    });
    expect(all.unknown).toEqual([expect.stringContaining('the clock of this machine')]);
    expect((await verified()).unknown).toHaveLength(3);
    // Put back to an earlier state, with all that lies beside it.
    await writeFile(file(), whole);
    await rm(join(folder(), `checkpoint-${String(count).padStart(12, '0')}.note`));
    expect((await verified()).exit).toBe(0);
    const missed = await verified('--key', key, '--checkpoint', elsewhere);
    expect([missed.exit, missed.stderr]).toEqual([3, expect.stringMatching(/kept\.note: there were \d+ lines when/)]);
    const strange = verifierKey(newCheckpointKey('another').key);
    expect((await verified('--key', strange)).stderr).toContain(
      'the key beside the record is none of those that you gave',
    );
    expect((await verified('--key', 'x')).exit).toBe(2);
    expect((await verified('--checkpoint', join(machine, 'none'))).exit).toBe(2);
  });

  test('are not made of a record that was altered, nor without a keychain', async () => {
    expect((await setup(['audit', 'checkpoint'])).exit).toBe(2);
    await setup(['agents', 'apply']);
    expect((await setup(['audit', 'checkpoint'])).stderr).toContain('[keychain_unavailable]');
    const text = await readFile(file(), 'utf8');
    await writeFile(file(), text.replace('"label":"support"', '"label":"another"'));
    const { exit, stderr } = await audit('checkpoint');
    expect([exit, stderr]).toEqual([3, expect.stringContaining('nothing was signed')]);
  });

  test('are made in passing once somebody made the first one, a day after the last', async () => {
    await setup(['agents', 'apply']);
    await audit('checkpoint');
    const notes = async () => (await readdir(folder())).filter((name) => name.endsWith('.note'));
    const [first = ''] = await notes();
    await world.connect(['notion'], { folder: machine, kept });
    expect(await notes()).toEqual([first]);
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(join(folder(), first), yesterday, yesterday);
    await world.connect(['disconnect', 'notion'], { folder: machine, kept });
    expect(await notes()).toHaveLength(2);
    expect(await verified()).toMatchObject({ exit: 0, checkpoints: [{ verdict: 'agrees' }, { verdict: 'agrees' }] });
    // Where the keychain is gone the act is done all the same.
    await utimes(join(folder(), (await notes())[1] ?? ''), yesterday, yesterday);
    const { exit, stderr } = await connect(['notion']);
    expect([exit, stderr]).toEqual([0, expect.stringContaining('no checkpoint of the record was made')]);
  });
});

describe('setup-session audit export', () => {
  const audit = (...argv: string[]) =>
    world.setup(['audit', 'export', ...argv], { folder: machine, environment: { MAI_ALLOW_LOOPBACK_HTTP: '1' } });

  test('to stdout is the record in the format that is asked for', async () => {
    await setup(['agents', 'apply']);
    expect((await audit()).stdout).toBe(await readFile(file(), 'utf8'));
    const events = (await audit('--format', 'ocsf', '--after', '2')).stdout.trimEnd().split('\n');
    expect(JSON.parse(events[0] ?? '')).toMatchObject({ class_uid: 6003, metadata: { sequence: 3 } });
    expect((await audit('--format', 'cef')).stdout).toMatch(/^CEF:0\|/);
    expect((await audit('--format', 'cef', '--syslog')).stdout).toMatch(
      /^\d+ <110>1 [\dTZ:.-]+ - managed-agents-interface /,
    );
    expect((await audit('--json')).exit).toBe(2);
    expect((await audit('--to', 'https://x.example', '--syslog')).exit).toBe(2);
  });

  test('to a sink goes on where it was left, and the record is written whatever the sink does', async () => {
    const taken: string[] = [];
    let says: number | 'page' = 503;
    const sink = await startHostileServer((_line, { headers, body }) => {
      if (says === 'page') return { status: 200, text: '<html>', headers: { 'content-type': 'text/html' } };
      if (says === 200) taken.push(`${headers.authorization} ${body}`);
      return { status: says, json: {}, headers: { 'retry-after': says === 429 ? '3600' : '0' } };
    });
    const to = ['--format', 'jsonl', '--to', `${sink.origin}/in`];
    await setup(['agents', 'apply']);
    // A wait of an hour is not waited for, and the cursor stays where it is.
    for (const each of [503, 'page', 400, 429] as const) {
      says = each;
      const { exit, stderr } = await audit(...to);
      expect([exit, stderr]).toEqual([1, expect.stringContaining('nothing is lost')]);
    }
    says = 200;
    const before = (await readFile(file(), 'utf8')).split('\n').length - 1;
    expect((await audit(...to)).stdout).toContain(`${before} copies went to`);
    await connect(['notion']);
    says = 503;
    expect((await audit(...to)).exit).toBe(1);
    says = 200;
    await audit(...to);
    expect((await audit(...to)).stdout).toContain('0 copies');
    const lines = taken.flatMap((body) =>
      body
        .replace(/^undefined /, '')
        .trimEnd()
        .split('\n'),
    );
    expect(`${lines.join('\n')}\n`).toBe(await readFile(file(), 'utf8'));
  });

  test('to a sink has an entry in parts once, also where it was not whole yet when it was looked at', async () => {
    const taken: string[] = [];
    const sink = await startHostileServer((_line, { body }) => {
      taken.push(body);
      return { status: 200, json: {} };
    });
    await setup(['agents', 'apply']);
    const [began] = (await lines()).filter((entry) => entry.kind === 'intent');
    const tools = Array.from({ length: 40 }, () => ({
      service: 's',
      tool: 't',
      verdict: 'on',
      rule: 'x'.repeat(4000),
    }));
    const parts = inLines({ ...began, kind: 'intent', id: 'long', tools } as Entry);
    expect(parts.length).toBeGreaterThan(3);
    const log = recordIn({ folder: folder() });
    for (const some of [parts.slice(0, 2), parts.slice(2)]) {
      for (const part of some) await log.append(part);
      expect((await audit('--to', `${sink.origin}/in`)).exit).toBe(0);
    }
    expect(taken.join('')).toBe(await readFile(file(), 'utf8'));
  });

  /** A receiver of messages that are framed by their length, on one port for all its lives. */
  async function receiver(port = 0) {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('data', (piece: Buffer) => void heard.push(piece)).on('error', () => {});
    });
    await new Promise<void>((resolve) => {
      server.listen({ host: '127.0.0.1', port }, resolve);
    });
    onTestFinished(() => void server.close());
    const address = server.address() as AddressInfo;
    const messages = () => {
      let rest = Buffer.concat(heard);
      const found: string[] = [];
      while (rest.length > 0) {
        const [, length = ''] = /^([1-9]\d*) /.exec(rest.subarray(0, 12).toString('latin1')) ?? [];
        const from = length.length + 1;
        const message = rest.subarray(from, from + Number(length));
        expect([length, message.length]).toEqual([String(message.length), Number(length)]);
        found.push(message.toString('utf8'));
        rest = rest.subarray(from + Number(length));
      }
      return found;
    };
    return { port: address.port, messages, close: () => new Promise((resolve) => server.close(resolve)) };
  }
  const told = (message: string) => message.slice(message.indexOf('\uFEFF') + 1);

  test('to a receiver of syslog that the configuration names, framed by length, and none twice', async () => {
    const { port, messages } = await receiver();
    await world.configure('interface.yaml', (file) => {
      file.record = { sinks: { siem: { to: `syslog+tcp://127.0.0.1:${port}` } } };
    });
    const configured = ['--config', world.sandbox.configFolder];
    await setup(['agents', 'apply']);
    expect((await audit('--sink', 'siem', ...configured)).stdout).toContain(
      `copies went to syslog+tcp://127.0.0.1:${port}`,
    );
    expect((await audit('--sink', 'siem', ...configured)).stdout).toContain('0 copies');
    for (const message of messages())
      expect(message).toMatch(/^<1\d\d>1 \S+ - managed-agents-interface - \S+ - \uFEFF\{/);
    expect(`${messages().map(told).join('\n')}\n`).toBe(await readFile(file(), 'utf8'));
    for (const wrong of ['syslog+tcp://logs.example.com', 'syslog+tls://a:b@logs.example.com', 'udp://127.0.0.1']) {
      expect((await audit('--to', wrong)).exit).toBe(2);
    }
    expect((await audit('--to', 'syslog+tls://logs.example.com', '--format', 'otlp')).exit).toBe(2);
    expect((await audit('--sink', 'seim', ...configured)).stderr).toContain('did you mean "siem"');
  });

  test('followed: what a dead receiver missed comes when it is back, and nothing waits for it', async () => {
    const first = await receiver();
    await first.close();
    await setup(['agents', 'apply']);
    // Once, it is told and ends with what it could not send.
    const dead = await audit('--to', `syslog+tcp://127.0.0.1:${first.port}`);
    expect([dead.exit, dead.stderr]).toEqual([1, expect.stringContaining('[service_unreachable]')]);
    const ended = new AbortController();
    let back: Promise<Awaited<ReturnType<typeof receiver>>> | undefined;
    const following = world.setup(['audit', 'export', '--follow', '--to', `syslog+tcp://127.0.0.1:${first.port}`], {
      folder: machine,
      environment: { MAI_ALLOW_LOOPBACK_HTTP: '1' },
      signal: ended.signal,
      hear: (said) => {
        if (said.includes('asked again')) back ??= receiver(first.port);
      },
    });
    // It is dead, and the record is written all the same.
    await connect(['notion']);
    await expect.poll(() => back, { timeout: 20_000 }).toBeDefined();
    const again = await back;
    const all = async () => (await readFile(file(), 'utf8')).trimEnd().split('\n');
    await expect.poll(async () => again?.messages().map(told), { timeout: 20_000 }).toEqual(await all());
    await connect(['linear']);
    await expect.poll(async () => again?.messages().map(told), { timeout: 20_000 }).toEqual(await all());
    ended.abort();
    const { exit, stderr } = await following;
    expect([exit, stderr]).toEqual([130, expect.stringContaining('ECONNREFUSED')]);
    const { stdout } = await audit('--follow', '--timeout', '1', '--after', '2');
    expect(stdout.trimEnd().split('\n')).toEqual((await all()).slice(2));
  });
});
