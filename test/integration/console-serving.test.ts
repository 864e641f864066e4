/** A console as whoever runs it sees it: where it listens, what it reads, whom it stops serving, and how it ends. */
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { connect } from '../sandbox/connect.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import { visit } from '../sandbox/visit.mjs';
import { githubJob } from '../sandbox/workload-issuer.ts';
import { ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import { asking, callerAt, exchangeAt, idTokenOf, linesOf, newKey } from '../support/console-caller.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
let running: RunningConsole | undefined;
beforeEach(() => {
  running = undefined;
});
afterEach(async () => {
  await running?.stop();
});

const started = async (...words: Parameters<typeof startConsole> extends [unknown, ...infer Rest] ? Rest : never) => {
  running = await startConsole(world.sandbox, ...words);
  return running;
};
/** A machine without the key, and one whose key is worth nothing. */
const without = (folder: string) => ({
  folder,
  environment: { ANTHROPIC_API_KEY: 'sk-of-nobody', ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' },
});

describe('serve', () => {
  const serve = async (argv: readonly string[]) =>
    await world.connect(['serve', ...argv], { signal: AbortSignal.timeout(3_000) });
  const named = async (origin: string | undefined, change: (content: Content) => void = () => {}) =>
    await world.configure('interface.yaml', (content) => {
      if (origin !== undefined) content.console = origin;
      change(content);
    });

  test.each([
    ['without an address in the configuration', undefined, [], 2, 'does not say where the console is'],
    [
      'elsewhere than on loopback, without TLS',
      'https://console.example.com',
      ['--listen', '0.0.0.0:0'],
      2,
      'is not loopback',
    ],
    [
      'at a name that is not loopback',
      'https://console.example.com',
      ['--listen', 'example.com:0'],
      2,
      'is not loopback',
    ],
    [
      'as http behind a proxy',
      'http://127.0.0.1:4711',
      ['--trusted-proxy', '10.0.0.1'],
      2,
      'which is for loopback alone',
    ],
    [
      'behind everybody',
      'https://console.example.com',
      ['--trusted-proxy', '0.0.0.0/0'],
      2,
      'not an address or a range',
    ],
    ['with half a certificate', 'https://console.example.com', ['--tls-cert', 'x.pem'], 2, 'go together'],
    [
      'with a certificate that is not there',
      'https://console.example.com',
      ['--tls-cert', '/none/x.pem', '--tls-key', '/none/y.pem'],
      2,
      'there is no certificate',
    ],
  ])('does not begin %s', async (_what, origin, argv, exit, said) => {
    await named(origin);
    expect(await serve(['--listen', '127.0.0.1:0', ...argv])).toMatchObject({
      exit,
      stderr: expect.stringContaining(said),
    });
  });

  test('does not begin for accounts of one machine, and without a key', async () => {
    await named('http://127.0.0.1:4711');
    const keyless = await world.connect(['serve', '--listen', '127.0.0.1:0'], {
      environment: { ANTHROPIC_API_KEY: '' },
    });
    expect([keyless.exit, keyless.stderr]).toEqual([2, expect.stringContaining('[platform_key_missing]')]);
    await named(undefined, (content) => {
      content.identity = { mode: 'os' };
    });
    expect(await serve(['--listen', '127.0.0.1:0'])).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('prove nobody to a console'),
    });
  });

  test('has its folder alone: a second one on it does not begin [P8]', async () => {
    const { data } = await started();
    const second = await serve(['--listen', '127.0.0.1:0', '--data', data]);
    expect([second.exit, second.stderr]).toEqual([1, expect.stringContaining('[already_running]')]);
    await running?.stop();
    running = undefined;
    expect(await serve(['--listen', '127.0.0.1:0', '--data', data])).toMatchObject({ exit: 0 });
  });
});

describe('a command without a key', () => {
  test('has the same results as one with it, and its key is neither read nor sent [P3]', async () => {
    const ada = await world.machine();
    await world.apply();
    const direct = await world.connect(['notion'], { folder: ada });
    const listed = await world.connect(['list'], { folder: ada });
    const shown = await world.setup(['--agent', 'support', '--dry-run'], { folder: ada });
    await started();
    const remote = await world.machine();
    const again = await world.connect(['notion'], without(remote));
    expect([direct.exit, again.exit]).toEqual([0, 0]);
    expect(await world.connect(['list'], without(remote))).toMatchObject({ exit: 0, stdout: listed.stdout });
    const remotely = await world.setup(['--agent', 'support', '--dry-run'], without(remote));
    expect([remotely.exit, remotely.stdout, linesFor(remotely.stderr)]).toEqual([
      0,
      shown.stdout,
      linesFor(shown.stderr),
    ]);
    const nothing = await world.setup(['show', 'sesn_none'], without(remote));
    await running?.stop();
    running = undefined;
    await world.configure('interface.yaml', (content) => {
      delete content.console;
    });
    const here = await world.setup(['show', 'sesn_none'], { folder: ada });
    expect([nothing.exit, linesFor(nothing.stderr)]).toEqual([here.exit, linesFor(here.stderr)]);
  });

  test('every change is recorded with the person and how they were proven [P7]', async () => {
    const { data } = await started();
    await world.connect(['notion'], without(await world.machine()));
    const record = await readFile(join(data, 'state', 'record', 'record-000001.jsonl'), 'utf8');
    const { ada } = world.sandbox.people;
    const acts = record
      .split('\n')
      .filter((line) => line.includes('"intent"'))
      .map((line) => JSON.parse(line) as Content);
    expect(acts.length).toBeGreaterThan(1);
    expect(JSON.stringify(acts)).not.toContain('key_holder');
    for (const act of acts) expect(JSON.stringify(act)).toContain(`"subject":"${ada.subject}"`);
    for (const secret of world.sandbox.issuedSecrets()) expect(record).not.toContain(secret);
  });

  test('without a record nothing is done [P7]', async () => {
    const { data } = await started();
    await mkdir(join(data, 'state', 'record'), { recursive: true, mode: 0o700 });
    await chmod(join(data, 'state', 'record'), 0o777);
    const refused = await world.connect(['notion'], without(await world.machine()));
    expect([refused.exit, refused.stderr]).toEqual([6, expect.stringContaining('[record_unwritable]')]);
    expect(await world.credentials()).toEqual([]);
  });

  test('is refused with the words of the role that is missing, and at once when it is taken away [P4]', async () => {
    await started();
    const machine = await world.machine();
    expect(await world.connect(['list'], without(machine))).toMatchObject({ exit: 0 });
    await world.configure('interface.yaml', (content) => {
      content.people.roles.user = { groups: ['somebody-else'] };
    });
    const refused = await world.connect(['list'], without(machine));
    expect([refused.exit, refused.stderr]).toEqual([
      3,
      expect.stringContaining('has no role "user" here [not_allowed]'),
    ]);
    expect(refused.stderr).toContain('the claim "groups" of the ID token says "support"');
  });

  test('who was off-boarded is refused at once, by the session that they had [P4]', async () => {
    const console = await started((content) => {
      content.people.operators = { principals: [world.sandbox.people.grace.subject] };
    });
    await world.connect(['notion'], without(await world.machine()));
    const { subject } = world.sandbox.people.ada;
    const had = await callerAt(console.origin, await idTokenOf(world.sandbox, 'ada'));
    const gone = await world.connect(['offboard', subject, '--yes-offboard', subject], {
      ...without(await world.machine()),
      person: 'grace',
    });
    expect([gone.exit, gone.stderr]).toEqual([0, expect.anything()]);
    expect((await had.ask('/v1/use-cases/listConnections', { body: { request: {}, asking } })).status).toBe(401);
    const refused = await world.connect(['notion'], without(await world.machine()));
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[offboarded]')]);
  });

  test('is asked here what the console asks: a yes, and a secret that nobody sees', async () => {
    await world.configure('services/notion.yaml', ({ authorization }) => {
      authorization.static = true;
    });
    await started();
    const terminal = fakeTerminal();
    const typing = setInterval(() => terminal.stdin.write('a-token-made-by-hand-12345\n'), 200);
    const entered = await world.connect(['notion', '--token-stdin'], { ...without(await world.machine()), terminal });
    clearInterval(typing);
    expect(entered.stderr).not.toContain('a-token-made-by-hand');
    // The service does not know it: it came there.
    expect([entered.exit, entered.stderr]).toEqual([1, expect.stringContaining('[service_refused]')]);
  });

  test('signs in better where the agent wants that, once', async () => {
    await started();
    const machine = await world.machine();
    await world.connect(['notion'], without(machine));
    await world.configure('agents/support.yaml', (content) => {
      content.require = { acr: [contexts.secondFactor] };
    });
    await world.apply();
    const done = await world.setup(['--agent', 'support'], without(machine));
    expect([done.exit, done.stderr]).toEqual([0, expect.stringContaining('please sign in again')]);
  });

  test('what a console does not do is said, and the page of buttons is one', async () => {
    await started();
    const refused = await world.connect([], without(await world.machine()));
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('not done through a console yet')]);
  });

  test('and what a console leaves to those with a key says who that is, and not to get one', async () => {
    await started();
    const keyless = { folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '' } };
    for (const argv of [
      ['agents', 'plan'],
      ['agents', 'apply'],
      ['agents', 'retire', 'support'],
    ]) {
      const refused = await world.setup(argv, keyless);
      expect([argv, refused.exit, refused.stderr]).toEqual([argv, 2, expect.stringContaining('have a CI job do it')]);
      expect(refused.stderr).not.toContain('set ANTHROPIC_API_KEY');
    }
    expect(await world.setup(['agents', 'list'], keyless)).toMatchObject({ exit: 0 });
  });

  test('a CI job comes with its own token, and is what the groups of its entry say [P2] [P4]', async () => {
    await world.configure('services/notion.yaml', ({ authorization }) => {
      authorization.static = true;
    });
    const { issuer, actions, control } = world.sandbox.workloadIssuer;
    const workload = {
      issuer,
      audience: 'managed-agents-interface',
      token: 'github-actions',
      claims: { repository: 'acme/agents', environment: 'production' },
      groups: ['support', 'jobs'],
    };
    await world.apply('support');
    await started((content) => {
      content.identity.workloads = [workload];
      content.people.roles = { user: { groups: ['jobs'] } };
    });
    const folder = await world.machine();
    const job = {
      folder,
      person: undefined,
      environment: { CI: 'true', ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '', ...actions },
    };
    const { accessToken } = await connect(world.sandbox.services.notion, { person: 'linus' });
    const argv = ['notion', '--token-stdin', '--accept-account', 'linus@example.test'];
    const stored = await world.connect(argv, { ...job, stdin: Readable.from([accessToken]) });
    expect([stored.exit, stored.visited, stored.stderr]).toEqual([0, [], expect.anything()]);
    expect(await world.setup(['--agent', 'support'], job)).toMatchObject({ exit: 0 });
    expect(await world.setup(['approvals'], job)).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('has no role "approver" here'),
    });
    control.job({ ...githubJob, environment: 'staging' });
    expect(await world.setup(['--agent', 'support'], job)).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('[identity_refused]'),
    });
  });

  test('a machine without a browser signs in by a code, and its commands go on with that', async () => {
    await keepSignIns(world);
    await started();
    const { identityProvider } = world.sandbox;
    identityProvider.setDeviceIntervalSeconds(1);
    const machine = { folder: await world.machine(), person: undefined, environment: { ANTHROPIC_API_KEY: '' } };
    let entering: Promise<unknown> | undefined;
    const signedIn = await world.connect(['login', '--device', '--quiet'], {
      ...machine,
      terminal: fakeTerminal(),
      hear(said) {
        const [, address, code] = /open (\S+) in any browser and enter the code: (\S+)/.exec(said) ?? [];
        if (address !== undefined && code !== undefined) entering ??= visit(address, { person: 'ada', code });
      },
    });
    await entering;
    expect([signedIn.exit, signedIn.visited]).toEqual([0, []]);
    expect(await world.connect(['list'], machine)).toMatchObject({ exit: 0, visited: [] });
  });

  test('Ctrl-C ends the run there as it does here', async () => {
    const console = await started();
    const interruption = new AbortController();
    const run = world.connect(['notion'], {
      ...without(await world.machine()),
      signal: interruption.signal,
      hear: (said) => {
        if (said.includes('allow access to')) interruption.abort();
      },
    });
    const ended = await run;
    expect([ended.exit, ended.stderr]).toEqual([130, expect.stringContaining('interrupted')]);
    expect(console.journal()).not.toContain('"code":"done"');
  });

  test('no console, or something else in its place, is said', async () => {
    const console = await started();
    await console.stop();
    running = undefined;
    const away = await world.connect(['list'], without(await world.machine()));
    expect([away.exit, away.stderr]).toEqual([1, expect.stringContaining('[console_unreachable]')]);
  });
});

/** What was said, without what differs from run to run and where it was said. */
function linesFor(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => !/MAI_ALLOW|will ask you|open: http|waiting for the browser|signed in as/.test(line));
}

describe('the configuration of a console', () => {
  test('counts whole or not at all', async () => {
    const console = await started();
    const file = join(world.sandbox.configFolder, 'interface.yaml');
    const good = await readFile(file, 'utf8');
    const ada = await callerAt(console.origin, await idTokenOf(world.sandbox, 'ada'));
    await writeFile(file, good.replace('identity:', 'nonsense: 1\nidentity:'));
    const done = await ada.ask('/v1/use-cases/listConnections', { body: { request: {}, asking } });
    expect(linesOf(done).map(({ kind }) => kind)).toContain('result');
    expect((await ask(`${console.origin}/health/ready`)).status).toBe(503);
    expect(console.journal()).toContain('"what":"configuration refused","code":"config_invalid"');
    const other: Content = parse(good);
    other.people.roles = {};
    await writeFile(file, stringify(other));
    expect((await ada.ask('/v1/use-cases/listConnections', { body: { request: {}, asking } })).status).toBe(403);
    expect((await ask(`${console.origin}/health/ready`)).status).toBe(200);
    // Whoever is believed changes with it: a session of another issuer is none.
    other.people.roles = { user: { principals: [world.sandbox.people.ada.subject] } };
    other.identity = {
      mode: 'workload',
      workloads: [
        { issuer: 'https://jobs.example', audience: 'x', token: 'github-actions', claims: { a: 'b' }, groups: [] },
      ],
    };
    await writeFile(file, stringify(other));
    expect((await ada.ask('/v1/use-cases/listConnections', { body: { request: {}, asking } })).status).toBe(403);
  });
});

test('what it keeps is all in its folder: a copy of it in another place goes on, with another key [P7]', async () => {
  const graceOperates = (content: Content) => {
    content.people.operators = { principals: [world.sandbox.people.grace.subject] };
  };
  const first = await started(graceOperates);
  const environment = { ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '' };
  const without = { folder: await world.machine(), environment, person: 'grace' as const };
  await world.apply('support');
  for (const each of [await world.connect(['notion'], without), await world.setup(['--agent', 'support'], without)]) {
    expect([each.exit, each.stderr]).toEqual([0, expect.anything()]);
  }
  const { subject } = world.sandbox.people.ada;
  await world.connect(['notion'], { ...without, folder: await world.machine(), person: 'ada' });
  const old = await idTokenOf(world.sandbox, 'ada');
  const off = await world.connect(['offboard', subject, '--yes-offboard', subject], {
    ...without,
    folder: await world.machine(),
  });
  expect([off.exit, off.stderr]).toEqual([0, expect.anything()]);
  await first.stop();
  running = undefined;
  const data = join(world.sandbox.folder, 'restored');
  await cp(first.data, data, { recursive: true, preserveTimestamps: true });
  await rm(first.data, { recursive: true });
  const other = { ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: world.sandbox.platform.apiKey };
  const second = await started(graceOperates, { data, environment: other });
  const again = await exchangeAt(second.origin, newKey(), old);
  expect([again.status, again.body]).toEqual([403, expect.stringContaining('offboarded')]);
  expect(await world.setup(['verify'], { ...without, folder: await world.machine() })).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('record of this machine'),
  });
  expect(await world.connect(['notion'], without)).toMatchObject({ exit: 0 });
  const audited = await world.setup(['audit', 'verify'], without);
  expect([audited.exit, audited.stdout]).toEqual([0, expect.not.stringContaining('fault')]);
});

test('it ends with what it began: a run that waits for a person ends as by Ctrl-C, at once', async () => {
  const console = await started();
  const ada = await callerAt(console.origin, await idTokenOf(world.sandbox, 'ada'));
  const request = { service: 'notion', newClient: false, legacyEndpoints: false, acceptAudience: false };
  const waiting = ada.ask('/v1/use-cases/connect', { body: { request, asking } });
  await expect.poll(() => console.journal(), { timeout: 30_000 }).toContain('/v1/use-cases/connect');
  const began = performance.now();
  await console.stop();
  running = undefined;
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(linesOf(await waiting).find(({ kind }) => kind === 'error')).toMatchObject({ error: { code: 'interrupted' } });
  expect(console.journal()).toContain('"what":"ended"');
});
