/** Workload identity federation: CI jobs that reach the platform without a stored key. */
import { chmod, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { findLeaks } from '../e2e/leaks.ts';
import { connect } from '../sandbox/connect.ts';
import type { Fault } from '../sandbox/faults.ts';
import type { RuleOptions } from '../sandbox/platform/federation-rule.ts';
import { githubJob } from '../sandbox/workload-issuer.ts';
import { type CommandOutcome, runCommand } from '../support/command.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';

const world = sandboxPerTest();
const audience = 'https://api.anthropic.com';
const exchanges = 'POST /v1/oauth/token';

let skills: string;
beforeEach(async () => {
  skills = join(world.sandbox.folder, 'skills');
  await cp(new URL('../../skills', import.meta.url), skills, { recursive: true });
});

type Variables = Readonly<Record<string, string | undefined>>;

/** The environment of a job without a key: the rule, and no identity token yet. An empty variable counts as not set. */
const keyless = (more: Variables = {}) => ({
  ...world.sandbox.environment,
  ...world.sandbox.federation,
  ANTHROPIC_API_KEY: '',
  CI: 'true',
  ...more,
});

/** The same with an identity token in a variable, as GitLab hands it over. */
const withToken = async (more: Variables = {}) =>
  keyless({ ANTHROPIC_IDENTITY_TOKEN: await world.sandbox.workloadIssuer.sign(audience), ...more });

const counted = () => world.sandbox.platform.control.log.count(exchanges);

/** Makes the rule of the sandbox anew, with changes. */
const ruleWith = (changes: Partial<RuleOptions>) =>
  world.sandbox.platform.control.federate({
    issuer: world.sandbox.workloadIssuer.issuer,
    match: { subject_prefix: String(githubJob['sub']) },
    ...changes,
  }).environment;

interface Run {
  argv?: readonly string[];
  signal?: AbortSignal;
  hear?: (said: string) => void;
}

/** `skill-sync` with an environment. Whatever came of it, no secret is in what was printed or left behind (P3). */
async function sync(environment: Variables, { argv = [], ...more }: Run = {}): Promise<CommandOutcome> {
  const folder = await world.machine();
  const known = Object.fromEntries(Object.entries(environment).flatMap(([name, text]) => (text ? [[name, text]] : [])));
  const outcome = await runCommand(skillSync, [...argv, skills], { folder, environment: known, ...more });
  const files = (await readdir(world.sandbox.folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const written = await Promise.all(
    files.map(async (entry) => ({
      where: entry.name,
      text: await readFile(join(entry.parentPath, entry.name), 'latin1'),
    })),
  );
  // The file of the identity token is the one that the job was given.
  const left = written.filter(({ where }) => where !== 'identity-token');
  const printed = [
    { where: 'stdout', text: outcome.stdout },
    { where: 'stderr', text: outcome.stderr },
  ];
  expect(findLeaks(world.sandbox.issuedSecrets(), [...printed, ...left])).toEqual([]);
  return outcome;
}

/** What a refused run says, and that nothing was asked beyond the exchange. */
async function refused(environment: Variables, run?: Run) {
  const outcome = await sync(environment, run);
  expect([outcome.stdout, world.asked().filter((line) => line !== exchanges)]).toEqual(['', []]);
  return { exit: outcome.exit, said: outcome.stderr };
}

describe('a job without a key', () => {
  test('pushes skills, with a token that GitHub Actions gives it for the platform alone', async () => {
    const { workloadIssuer } = world.sandbox;
    const outcome = await sync(keyless(workloadIssuer.actions), { argv: ['--verbose'] });
    expect([outcome.exit, counted()]).toEqual([0, 1]);
    expect((await world.client.skills.list({ source: 'custom' })).data.length).toBeGreaterThan(0);
    expect(workloadIssuer.asked()[0]).toMatch(/^GET \/actions\/token\?.*audience=https%3A%2F%2Fapi\.anthropic\.com$/);
    expect(outcome.stderr).toContain(`an identity token with the audience "${audience}"`);
    expect(outcome.stderr).toContain('MAI_ALLOW_LOOPBACK_HTTP is set');
  });

  test('pushes skills, with a token in a variable or in a file that only it can read', async () => {
    expect((await sync(await withToken())).exit).toBe(0);
    const file = await tokenFile();
    expect((await sync(keyless({ ANTHROPIC_IDENTITY_TOKEN_FILE: file }), { argv: ['--check'] })).exit).toBe(0);
    expect(counted()).toBe(2);
  });

  test('starts a session of its own, with two tokens of GitHub: who it is to us, and to the platform', async () => {
    const { sandbox } = world;
    await world.configure('services/notion.yaml', ({ authorization }: Content) => {
      authorization.static = true;
    });
    await world.configure('interface.yaml', (file: Content) => ({
      ...file,
      identity: {
        mode: 'workload',
        workloads: [
          {
            issuer: sandbox.workloadIssuer.issuer,
            audience: 'managed-agents-interface',
            token: 'github-actions',
            claims: { repository: 'acme/agents' },
            groups: ['support'],
          },
        ],
      },
    }));
    const environment = keyless(sandbox.workloadIssuer.actions) as Record<string, string>;
    const folder = await world.machine();
    const { accessToken } = await connect(sandbox.services.notion, { person: 'linus' });
    const stored = await world.connectJson(['notion', '--token-stdin', '--accept-account', 'linus@example.test'], {
      environment,
      folder,
      stdin: Readable.from([accessToken]),
    });
    await world.apply('support');
    const session = await world.setupJson(['--agent', 'support'], { environment, folder, person: undefined });
    expect(session).toMatchObject({ owner: { kind: 'workload' }, vault_id: stored['vault_id'] });
    expect(counted()).toBe(2);
  });

  test('exchanges once for all that it asks for at the same time', async () => {
    world.sandbox.platform.control.latencyMs = 50;
    expect((await sync(await withToken())).exit).toBe(0);
    expect(counted()).toBe(1);
    const uploads = world.asked().filter((line) => line === 'POST /v1/skills');
    expect(uploads.length).toBeGreaterThan(0);
  });
});

/** A file with an identity token, readable for its owner alone. */
async function tokenFile(): Promise<string> {
  const file = join(world.sandbox.folder, 'identity-token');
  await writeFile(file, `${await world.sandbox.workloadIssuer.sign(audience)}\n`, { mode: 0o600 });
  return file;
}

describe('a token of the platform', () => {
  test('that expires in the middle of a run is replaced, with the identity token that is in the file by then', async () => {
    const { control } = world.sandbox.platform;
    const file = await tokenFile();
    const environment = keyless({ ...ruleWith({ tokenLifetimeSeconds: 60 }), ANTHROPIC_IDENTITY_TOKEN_FILE: file });
    // Before the first upload a minute passes for the platform, and the CI platform writes a new token.
    let next: Promise<void> | undefined;
    control.tamper('GET /v1/skills', (json) => {
      if (next === undefined) {
        control.clock.advance(61_000);
        next = tokenFile().then(() => {});
      }
      return json;
    });
    // The first answer only gets away once the file is written.
    control.latencyMs = 100;
    const outcome = await sync(environment);
    await next;
    expect([outcome.exit, counted()]).toEqual([0, 2]);
    expect(control.log.entries.filter(({ status }) => status === 401).length).toBeGreaterThan(0);
  });

  test('that has less than half a minute left is replaced before it is used', async () => {
    const { control } = world.sandbox.platform;
    control.tamper(exchanges, (json) => Object.assign(json as object, { expires_in: 30 }));
    expect((await sync(keyless(world.sandbox.workloadIssuer.actions))).exit).toBe(0);
    expect(counted()).toBeGreaterThan(1);
    expect(control.log.entries.filter(({ status }) => status !== 200)).toEqual([]);
  });

  test('that is refused once is replaced once, and the request made again', async () => {
    const { control } = world.sandbox.platform;
    control.faults.add({ on: 'GET /v1/skills', fault: { kind: 'status', status: 401 } });
    control.faults.add({ on: 'POST /v1/skills', fault: { kind: 'status', status: 401 } });
    const outcome = await sync(keyless(world.sandbox.workloadIssuer.actions));
    expect([outcome.exit, counted()]).toEqual([0, 3]);
    const pushed = (await world.client.skills.list({ source: 'custom' })).data;
    for (const { id } of pushed) expect((await world.client.skills.versions.list(id)).data).toHaveLength(1);
  });

  test('that is refused again and again is reported', async () => {
    const { control } = world.sandbox.platform;
    control.faults.add({ on: 'GET /v1/skills', fault: { kind: 'status', status: 401 }, times: Infinity });
    const { exit, stderr } = await sync(keyless(world.sandbox.workloadIssuer.actions));
    expect([exit, counted()]).toEqual([1, 2]);
    expect(stderr).toMatch(
      /the platform answered 401 .*\[platform_refused\]\n.*hint: the token that was given for this job/,
    );
  });

  test('is not shown, though the platform repeats it in an error [P3]', async () => {
    const { control } = world.sandbox.platform;
    const known = 'sk-ant-oat01-0123456789-abcdefghij';
    control.tamper(exchanges, (json) => Object.assign(json as object, { access_token: known }));
    const body = { type: 'error', error: { type: 'permission_error', message: `not with ${known}` } };
    control.faults.add({ on: 'GET /v1/skills', fault: { kind: 'status', status: 403, body } });
    const { exit, stderr } = await sync(await withToken(), { argv: ['--debug'] });
    expect([exit, stderr]).toEqual([1, expect.stringContaining('answered 403 "not with [secret]"')]);
    expect(stderr).not.toContain(known);
  });

  test('of another scope may do nothing here, and the hint names the scope', async () => {
    const outcome = await sync(await withToken(ruleWith({ oauthScope: 'workspace:inference' })));
    expect([outcome.exit, outcome.stderr]).toEqual([1, expect.stringMatching(/answered 403 .*workspace:developer/s)]);
  });
});

describe('an exchange that is refused ends the run with the reasons that there may be, and asks for nothing else:', () => {
  const why =
    /could not exchange .*\(rule "fdrl_\w+"\): the platform answered 401 "Authentication failed" \(request "req_\w+"\) \[platform_refused\]\n.*hint: the Console lists the attempt/;
  const wrong: [string, () => Promise<Variables>][] = [
    ['a wrong audience', () => signed('https://api.anthropic.com/', {})],
    ['a wrong subject', () => signed(audience, { sub: 'repo:acme/agents:pull_request' })],
    ['one that has expired', () => signed(audience, { iat: 1_700_000_000, nbf: 1_700_000_000, exp: 1_700_000_300 })],
    ['an unknown rule', () => withToken({ ANTHROPIC_FEDERATION_RULE_ID: 'fdrl_unknown' })],
    ['another service account', () => withToken({ ANTHROPIC_SERVICE_ACCOUNT_ID: 'svac_other' })],
    ['a workspace that the rule is not for', () => withToken({ ANTHROPIC_WORKSPACE_ID: 'wrkspc_other' })],
  ];
  const signed = async (to: string, claims: object) =>
    keyless({ ANTHROPIC_IDENTITY_TOKEN: await world.sandbox.workloadIssuer.sign(to, claims as never) });

  test.each(wrong)('%s', async (_case, environment) => {
    const { exit, said } = await refused(await environment(), { argv: ['--debug'] });
    expect([exit, said, counted()]).toEqual([1, expect.stringMatching(why), 1]);
  });

  test('an identity token that was exchanged before', async () => {
    const environment = await withToken();
    expect((await sync(environment, { argv: ['--check'] })).exit).toBe(7);
    const { exit, stderr } = await sync(environment);
    expect([exit, stderr]).toEqual([1, expect.stringContaining('was not exchanged before')]);
  });

  test('a malformed rule', async () => {
    const { exit, said } = await refused(await withToken({ ANTHROPIC_FEDERATION_RULE_ID: 'rule' }));
    expect([exit, said]).toEqual([
      1,
      expect.stringMatching(/answered 400 .*hint: check ANTHROPIC_FEDERATION_RULE_ID/s),
    ]);
  });

  test('a rule for several workspaces, and none named', async () => {
    const several = ruleWith({ workspaceIds: [world.sandbox.platform.workspaceId, 'wrkspc_other'] });
    const { exit, said } = await refused(await withToken({ ANTHROPIC_WORKSPACE_ID: '', ...several }));
    expect([exit, said]).toEqual([
      1,
      expect.stringMatching(/hint: the rule is good for several.* ANTHROPIC_WORKSPACE_ID/),
    ]);
  });

  test('one that repeats what it was sent, in part or whole [P3]', async () => {
    const environment = await withToken();
    const token = String((environment as Variables)['ANTHROPIC_IDENTITY_TOKEN']);
    const message = `no ${token} and no ${token.split('.')[2]}`;
    const body = { type: 'error', error: { type: 'authentication_error', message } };
    world.sandbox.platform.control.faults.add({ on: exchanges, fault: { kind: 'status', status: 401, body } });
    const { exit, said } = await refused(environment, { argv: ['--debug', '--verbose'] });
    expect([exit, said]).toEqual([1, expect.stringContaining('"no [secret] and no [secret]"')]);
  });
});

describe('an exchange that stumbles', () => {
  const stumble = (fault: Fault, times = 1) =>
    world.sandbox.platform.control.faults.add({ on: exchanges, fault, times });

  test.each<[string, Fault]>([
    ['500', { kind: 'status', status: 500 }],
    ['529', { kind: 'status', status: 529 }],
    ['no answer', { kind: 'drop-before-commit' }],
    ['an answer that is lost', { kind: 'drop-after-commit' }],
  ])('with %s is tried again, each time with an identity token of its own', async (_case, fault) => {
    stumble(fault, 2);
    const outcome = await sync(keyless(world.sandbox.workloadIssuer.actions), { argv: ['--check'] });
    expect([outcome.exit, counted()]).toEqual([7, 3]);
    expect(world.sandbox.workloadIssuer.asked().filter((line) => line.includes('/actions/'))).toHaveLength(3);
  });

  test('with 429 is tried again when the platform says, and says so', async () => {
    stumble({ kind: 'status', status: 429, headers: { 'retry-after': '1' } });
    const outcome = await sync(await withToken(), { argv: ['--check'] });
    expect([outcome.exit, outcome.stderr]).toEqual([
      7,
      expect.stringContaining('the platform asks to wait 1 s before: exchange'),
    ]);
  });

  test.each<[string, Fault, number, RegExp]>([
    ['500', { kind: 'status', status: 500 }, 3, /answered 500 .*\[platform_refused\]/],
    [
      '429 for an hour',
      { kind: 'status', status: 429, headers: { 'retry-after': '3600' } },
      1,
      /answered 429 .*try again later/s,
    ],
    ['no answer', { kind: 'drop-before-commit' }, 3, /cannot be reached \[platform_unreachable\]/],
    ['a redirect', { kind: 'status', status: 307, headers: { location: 'https://evil.example/' } }, 1, /answered 307/],
    ['no JSON', { kind: 'status', status: 200, body: 'token' }, 1, /answered without a usable token/],
    ['no token', { kind: 'status', status: 200, body: { expires_in: 60 } }, 1, /answered without a usable token/],
    [
      'a token that is a list',
      { kind: 'status', status: 200, body: { access_token: ['t'], expires_in: 60 } },
      1,
      /without a usable/,
    ],
    [
      'a token with a line break',
      { kind: 'status', status: 200, body: { access_token: 'a\r\nb: c', expires_in: 60 } },
      1,
      /without a usable/,
    ],
    [
      'no lifetime',
      { kind: 'status', status: 200, body: { access_token: 'sk-ant-oat01-x' } },
      1,
      /without a usable token/,
    ],
    [
      'another kind of token',
      { kind: 'status', status: 200, body: { access_token: 'x', token_type: 'mac', expires_in: 60 } },
      1,
      /without a usable/,
    ],
  ])('for good, with %s, ends the run', async (_case, fault, times, said) => {
    stumble(fault, Infinity);
    const outcome = await refused(keyless(world.sandbox.workloadIssuer.actions));
    expect([outcome.exit, outcome.said, counted()]).toEqual([1, expect.stringMatching(said), times]);
  });

  test('by hanging is interrupted at once', async () => {
    world.sandbox.platform.control.latencyMs = 60_000;
    const interruption = new AbortController();
    setTimeout(() => interruption.abort(), 300);
    const began = performance.now();
    const { exit } = await refused(await withToken(), { signal: interruption.signal });
    expect([exit, performance.now() - began < 30_000]).toEqual([130, true]);
  });
});

describe('the variables', () => {
  const all = ['ANTHROPIC_FEDERATION_RULE_ID', 'ANTHROPIC_ORGANIZATION_ID', 'ANTHROPIC_SERVICE_ACCOUNT_ID'] as const;

  test.each(all)('without %s end the run, which names it alone', async (missing) => {
    const { exit, said } = await refused(await withToken({ [missing]: '' }));
    expect([exit, said]).toEqual([
      2,
      expect.stringContaining(`federation needs ${missing} as well [platform_key_missing]`),
    ]);
    expect(counted()).toBe(0);
  });

  test('without an identity token end the run, and name the two ways and the one of GitHub', async () => {
    const { exit, said } = await refused(keyless());
    expect([exit, said]).toEqual([
      2,
      expect.stringMatching(
        /needs ANTHROPIC_IDENTITY_TOKEN_FILE or ANTHROPIC_IDENTITY_TOKEN as well .*id-token: write/s,
      ),
    ]);
  });

  test.each([
    ['ANTHROPIC_API_KEY', () => ({ ANTHROPIC_API_KEY: world.sandbox.platform.apiKey })],
    ['ANTHROPIC_AUTH_TOKEN', () => ({ ANTHROPIC_AUTH_TOKEN: world.sandbox.platform.apiKey })],
  ])('beside %s are not used, and that is said', async (name, key) => {
    const outcome = await sync({ ...(await withToken()), ...key() }, { argv: ['--check', '--quiet'] });
    expect([outcome.exit, counted()]).toEqual([7, 0]);
    expect(outcome.stderr).toContain(
      `${name} is set and used: the variables of workload identity federation beside it are not`,
    );
  });

  test('for another workspace than the configuration’s are refused before anything is sent [P3]', async () => {
    await world.configure('interface.yaml', (file: Content) => ({
      ...file,
      platform: { ...file.platform, workspace_id: 'wrkspc_reviewed' },
    }));
    const { exit, said } = await refused(await withToken());
    const { workspaceId } = world.sandbox.platform;
    expect([exit, said, counted()]).toEqual([
      2,
      expect.stringContaining(
        `ANTHROPIC_WORKSPACE_ID is "${workspaceId}", but platform.workspace_id of the configuration is "wrkspc_reviewed" [config_invalid]`,
      ),
      0,
    ]);
  });

  test('that name no workspace ask for that of the configuration, and a rule for another one is refused', async () => {
    await world.configure('interface.yaml', (file: Content) => ({
      ...file,
      platform: { ...file.platform, workspace_id: 'wrkspc_reviewed' },
    }));
    const { exit, said } = await refused(await withToken({ ANTHROPIC_WORKSPACE_ID: '' }));
    expect([exit, said]).toEqual([1, expect.stringContaining('that it is good in the workspace "wrkspc_reviewed"')]);
    await world.configure('interface.yaml', (file: Content) => {
      file.platform.workspace_id = world.sandbox.platform.workspaceId;
    });
    expect((await sync(await withToken({ ANTHROPIC_WORKSPACE_ID: '' }), { argv: ['--check'] })).exit).toBe(7);
  });

  test('send nothing to an address that is no https one [P3]', async () => {
    const { exit, said } = await refused(await withToken({ ANTHROPIC_BASE_URL: 'http://api.anthropic.example' }));
    expect([exit, said]).toEqual([1, expect.stringContaining('ANTHROPIC_BASE_URL is not an https address')]);
  });
});

describe('an identity token', () => {
  test.each([
    ['is no JWT', 'sk-ant-something-else', 'it is not a signed JWT'],
    ['is JSON around one', '{"value":"a.b.c"}', 'it is not a signed JWT'],
    ['is too long', `a.${'b'.repeat(17_000)}.c`, 'it is longer than 16 KiB'],
  ])('that %s is not sent [P3]', async (_case, token, why) => {
    const { exit, said } = await refused(keyless({ ANTHROPIC_IDENTITY_TOKEN: token }));
    expect([exit, said, counted()]).toEqual([3, expect.stringContaining(`${why} [identity_refused]`), 0]);
    expect(said).not.toContain(token.slice(0, 20));
  });

  test('whose file is not there is named by its file', async () => {
    const { exit, said } = await refused(keyless({ ANTHROPIC_IDENTITY_TOKEN_FILE: '/nowhere/token' }));
    expect([exit, said]).toEqual([3, expect.stringContaining('"/nowhere/token" does not exist')]);
  });

  if (!skipped(process.platform === 'win32' && { reason: 'files have no mode on Windows', installable: false })) {
    test('that everybody on the machine can read is not used [P3]', async () => {
      const file = await tokenFile();
      await chmod(file, 0o644);
      const { exit, said } = await refused(keyless({ ANTHROPIC_IDENTITY_TOKEN_FILE: file }));
      expect([exit, said, counted()]).toEqual([1, expect.stringContaining('chmod o-rwx,g-w'), 0]);
    });
  }

  test('is not asked for over http without the switch for tests', async () => {
    const variables = { ...world.sandbox.workloadIssuer.actions, MAI_ALLOW_LOOPBACK_HTTP: '' };
    const { exit, said } = await refused(keyless(variables));
    expect([exit, said]).toEqual([1, expect.stringContaining('not an https URL')]);
    expect(world.sandbox.workloadIssuer.asked()).toEqual([]);
  });

  test('that GitHub does not give ends the run with the permission that is missing', async () => {
    world.sandbox.workloadIssuer.control.tamper('actions', () => ({ status: 403, body: {} }));
    const { exit, said } = await refused(keyless(world.sandbox.workloadIssuer.actions));
    expect([exit, said]).toEqual([
      3,
      expect.stringMatching(/GitHub Actions gave no token: it answered 403.*id-token: write/s),
    ]);
  });
});
