/** CI jobs at the commands: proven by a token, with a vault of their own, and nobody is ever asked to sign in. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../sandbox/connect.ts';
import { githubJob } from '../sandbox/workload-issuer.ts';
import { idTokenOf } from '../support/console-caller.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
const audience = 'managed-agents-interface';
const subject = 'repo:acme/agents:environment:production';

const workload = (changes: object = {}) => ({
  issuer: world.sandbox.workloadIssuer.issuer,
  audience,
  token: 'github-actions',
  claims: { repository: 'acme/agents', environment: 'production' },
  groups: ['support'],
  ...changes,
});

beforeEach(() =>
  world.configure('services/notion.yaml', ({ authorization }) => {
    authorization.static = true;
  }),
);

/** Jobs alone, in the configuration of the running test. */
const jobsAlone = (changes: object = {}) =>
  world.configure('interface.yaml', (file: Content) => ({
    ...file,
    identity: { mode: 'workload', workloads: [workload(changes)] },
  }));

/** Jobs beside people who sign in. */
const jobsToo = (changes: object = {}) =>
  world.configure('interface.yaml', (file: Content) => {
    file.identity.workloads = [workload(changes)];
  });

/** A step of a job: what GitHub Actions sets, and nobody at a browser. */
const step = (more: object = {}) => ({
  person: undefined,
  environment: { CI: 'true', ...world.sandbox.workloadIssuer.actions },
  ...more,
});

const owner = () => ({ kind: 'workload', issuer: world.sandbox.workloadIssuer.issuer, subject });

/** Stores a token that was made for the job. */
async function connected(more: object = {}) {
  const { accessToken } = await connect(world.sandbox.services.notion, { person: 'linus' });
  const stdin = Readable.from([accessToken]);
  const argv = ['notion', '--token-stdin', '--accept-account', 'linus@example.test'];
  return await world.connectJson(argv, step({ stdin, ...more }));
}

describe.each([
  ['alone', jobsAlone],
  ['beside people', jobsToo],
])('a job, %s,', (_case, configured) => {
  test('stores a token that was made for it in a vault of its own, and starts a session with that one', async () => {
    await configured();
    const folder = await world.machine();
    const stored = await connected({ folder });
    expect(stored).toMatchObject({ owner: owner() });
    const [vault, ...others] = (await world.client.beta.vaults.list()).data;
    expect(others).toEqual([]);
    expect(vault?.metadata).toMatchObject({ mai_owner_kind: 'workload', mai_owner_subject: subject });

    await world.apply('support');
    const session = await world.setupJson(['--agent', 'support'], step({ folder }));
    expect(session).toMatchObject({ owner: owner(), vault_id: vault?.id });
    expect(await world.connectJson(['whoami'], step({ folder }))).toMatchObject(owner());
    const disconnected = await world.connectJson(['disconnect', 'notion'], step({ folder }));
    expect(disconnected).toMatchObject({ owner: owner() });
  });

  test('without a good token is nobody, and nobody is asked to sign in [P2]', async () => {
    await configured();
    const { workloadIssuer } = world.sandbox;
    workloadIssuer.control.job({ ...githubJob, environment: 'staging' });
    const wrong = await world.setup(['--agent', 'support'], step());
    expect([wrong.exit, wrong.visited, world.asked()]).toEqual([3, [], []]);
    expect(wrong.stderr).toContain('its "environment" is "staging", and demanded is "production" [identity_refused]');

    const none = await world.setup(['--agent', 'support'], { person: 'ada', environment: { CI: 'true' } });
    expect([none.exit, none.visited, world.asked()]).toEqual([3, [], []]);
    expect(none.stderr).toContain('there is no token that says which job this is');
  });

  test.each([[['notion']], [['notion', '--device']], [['notion', '--paste']], [[]]])(
    'cannot connect through a browser: %j [P2]',
    async (argv) => {
      await configured();
      const outcome = await world.connect(argv, step());
      const expected = argv.length > 1 ? 4 : 3;
      expect([outcome.exit, outcome.visited]).toEqual([expected, []]);
      if (expected === 3) expect(outcome.stderr).toContain('is a CI job, and only a person can');
      expect(await world.credentials()).toEqual([]);
    },
  );
});

test.each([
  ['alone', jobsAlone],
  ['beside people', jobsToo],
])(
  'a job, %s, has no header for agents of its own, whatever it is handed, and is told where to go [P1] [P2]',
  async (_case, configured) => {
    await configured();
    await world.configure('services/notion.yaml', (content) => {
      content.local_agents = ['grant'];
    });
    const handed = {
      CLAUDE_CODE_MCP_USER_TOKEN: await idTokenOf(world.sandbox, 'ada'),
      CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: world.sandbox.identityProvider.issuer,
    };
    world.sandbox.platform.control.log.reset();
    for (const [argv, more] of [
      [['notion'], {}],
      [['notion', '--authorize'], {}],
      [['notion'], handed],
    ] as const) {
      const { environment, ...job } = step();
      const refused = await world.connect(['headers', ...argv], { ...job, environment: { ...environment, ...more } });
      expect([refused.exit, refused.stdout, refused.visited]).toEqual([3, '', []]);
      expect(refused.stderr).toContain('is a CI job, and only a person can have access to "notion"');
      expect(refused.stderr).toContain('setup-session --agent <agent>');
    }
    expect((await world.client.beta.vaults.list()).data).toEqual([]);
  },
);

test('a job is no person, even with the issuer and the subject of one [P2]', async () => {
  await jobsAlone();
  const { id } = await world.client.beta.vaults.create({
    display_name: 'of a person',
    metadata: {
      mai_owner_kind: 'sso',
      mai_owner_issuer: world.sandbox.workloadIssuer.issuer,
      mai_owner_subject: subject,
    },
  });
  const refused = await world.setup(['--agent', 'support'], step());
  expect([refused.exit, refused.stderr]).toEqual([4, expect.stringContaining('has no vault')]);
  expect(refused.stderr).toContain('hint: connect a service first: service-connection <service> --token-stdin');
  const stored = await connected();
  expect([stored['owner'], stored['vault_id']]).toEqual([owner(), expect.not.stringContaining(id)]);
  expect((await world.client.beta.vaults.credentials.list(id)).data).toEqual([]);
});

test('a job has the groups of its entry, whatever its token and the subjects in the configuration say', async () => {
  await jobsToo({ groups: ['strangers'] });
  await world.configure('interface.yaml', ({ people }: Content) => {
    people.principals[subject] = { notion: { read: 'on', write: 'on' } };
    people.operators = { principals: [subject] };
  });
  await world.configure('agents/support.yaml', ({ allowed }: Content) => {
    allowed.principals = [subject];
  });
  world.sandbox.workloadIssuer.control.job({ ...githubJob, groups: ['support', 'editors'] });
  const refused = await world.setup(['--agent', 'support'], step());
  expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('may not use the agent "support"')]);
});

test('a job whose subject is another one at its next run has no vault, until the configuration says what it is known by [P1]', async () => {
  const { workloadIssuer } = world.sandbox;
  const run = (id: string) =>
    workloadIssuer.control.job({ ...githubJob, sub: `repo:acme/agents:run:${id}`, run_id: id });
  await jobsAlone();
  run('9001');
  const { accessToken } = await connect(world.sandbox.services.notion, { person: 'linus' });
  const argv = ['notion', '--token-stdin', '--accept-account', 'linus@example.test'];
  const refused = await world.connect(argv, step({ stdin: Readable.from([accessToken]) }));
  expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('the subject of this job does not last')]);
  expect(refused.stderr).toContain('subject_from');
  expect((await world.client.beta.vaults.list()).data).toEqual([]);

  await jobsAlone({ subject_from: ['repository_id', 'environment'] });
  const owners = [];
  for (const id of ['9001', '9002', '9003']) {
    run(id);
    owners.push((await connected())['owner']);
  }
  const lasting = { ...owner(), subject: 'claims:repository_id=74&environment=production' };
  expect(owners).toEqual([lasting, lasting, lasting]);
  expect((await world.client.beta.vaults.list()).data).toHaveLength(1);
});

/** A pipeline as its platform's tokens show it, and what the configuration says of it. */
interface Pipeline {
  /** The claims of one run; everything that changes with commit and run is in them. */
  job: (run: number) => Record<string, unknown>;
  claims: object;
  subject_from?: string[];
}

const commit = (run: number) => String(run).repeat(40);
const uuid = (run: number, of: string) => `${of.repeat(8)}-0000-4000-8000-00000000000${run}`;
const github = (sub: string): Pipeline => ({
  job: (run) => ({
    ...githubJob,
    sub,
    sha: commit(run),
    workflow_sha: commit(run),
    run_id: `900${run}`,
    run_number: `${run}`,
    run_attempt: '1',
    check_run_id: `77${run}`,
    actor: `person-${run}`,
  }),
  claims: { repository_id: '74' },
});
const pipelines: Readonly<Record<string, Pipeline>> = {
  'GitHub, an environment': github('repo:acme/agents:environment:production'),
  'GitHub, a branch': github('repo:acme/agents:ref:refs/heads/main'),
  'GitHub, an environment called 1': github('repo:acme/agents:environment:1'),
  'GitHub, with numbers': github('repo:acme@65/agents@74:environment:production'),
  GitLab: {
    job: (run) => ({
      sub: 'project_path:acme/agents:ref_type:branch:ref:main',
      project_id: '53804090',
      project_path: 'acme/agents',
      pipeline_id: `100${run}`,
      job_id: `200${run}`,
      ref: 'main',
      ref_protected: 'true',
      sha: commit(run),
      user_login: `person-${run}`,
    }),
    claims: { project_id: '53804090', ref_protected: 'true' },
  },
  Buildkite: {
    job: (run) => ({
      sub: `organization:acme:pipeline:deploy:ref:refs/heads/main:commit:${commit(run)}:step:agent`,
      organization_slug: 'acme',
      pipeline_slug: 'deploy',
      build_number: run,
      build_branch: 'main',
      build_tag: null,
      build_commit: commit(run),
      step_key: 'agent',
      job_id: uuid(run, 'a'),
      agent_id: uuid(run, 'b'),
    }),
    claims: { organization_slug: 'acme', pipeline_slug: 'deploy' },
    subject_from: ['organization_slug', 'pipeline_slug'],
  },
  CircleCI: {
    job: (run) => ({
      sub: `org/${uuid(0, 'c')}/project/${uuid(0, 'd')}/user/${uuid(run, 'e')}`,
      'oidc.circleci.com/project-id': uuid(0, 'd'),
      'oidc.circleci.com/job-id': uuid(run, 'f'),
      'oidc.circleci.com/workflow-id': uuid(run, '1'),
      'oidc.circleci.com/vcs-ref': 'refs/heads/main',
    }),
    claims: { 'oidc.circleci.com/project-id': uuid(0, 'd'), 'oidc.circleci.com/vcs-ref': 'refs/heads/main' },
    subject_from: ['oidc.circleci.com/project-id'],
  },
  Bitbucket: {
    job: (run) => ({
      sub: `{${uuid(0, '2')}}:{${uuid(run, '3')}}`,
      repositoryUuid: `{${uuid(0, '2')}}`,
      stepUuid: `{${uuid(run, '3')}}`,
      pipelineUuid: `{${uuid(run, '4')}}`,
      branchName: 'main',
    }),
    claims: { repositoryUuid: `{${uuid(0, '2')}}`, branchName: 'main' },
    subject_from: ['repositoryUuid'],
  },
  Kubernetes: {
    job: (run) => ({
      aud: [audience],
      sub: 'system:serviceaccount:agents:triage',
      'kubernetes.io': { namespace: 'agents', pod: { name: `triage-${run}`, uid: uuid(run, '5') } },
    }),
    claims: { sub: 'system:serviceaccount:agents:triage', 'kubernetes.io.namespace': 'agents' },
  },
};

test('three commits of one pipeline make one vault, whichever platform runs it [P1]', {
  timeout: 120_000,
}, async () => {
  const { workloadIssuer } = world.sandbox;
  const vaultsMade: Record<string, number> = {};
  for (const [name, { job, ...configured }] of Object.entries(pipelines)) {
    const before = (await world.client.beta.vaults.list({ limit: 100 })).data.length;
    const run = async (number: number) => {
      workloadIssuer.control.job(job(number));
      return { environment: { CI: 'true', MAI_ID_TOKEN: await workloadIssuer.sign(audience) } };
    };
    const token = { variable: 'MAI_ID_TOKEN' };
    if (configured.subject_from !== undefined) {
      await jobsAlone({ ...configured, token, subject_from: undefined });
      const refused = await world.connect(['list'], step(await run(1)));
      expect([name, refused.exit, refused.stderr]).toEqual([name, 3, expect.stringContaining('does not last')]);
    }
    await jobsAlone({ ...configured, token });
    // A runner is a new machine each time.
    for (const number of [1, 2, 3]) await connected(await run(number));
    vaultsMade[name] = (await world.client.beta.vaults.list({ limit: 100 })).data.length - before;
  }
  expect(vaultsMade).toEqual(Object.fromEntries(Object.keys(pipelines).map((name) => [name, 1])));
});

test('a job of GitHub whose subject has got numbers is told that its vault is another one’s, and has its own from then on', async () => {
  const { control } = world.sandbox.workloadIssuer;
  await jobsAlone();
  await connected();
  const numbered = 'repo:acme@65/agents@74:environment:production';
  control.job({ ...githubJob, sub: numbered });
  const folder = await world.machine();
  const said = `the vault of "${subject}" is not its own`;
  const listed = await world.connect(['list'], step({ folder }));
  expect([listed.exit, listed.stderr]).toEqual([0, expect.stringContaining(said)]);
  expect(await connected({ folder })).toMatchObject({ owner: { ...owner(), subject: numbered } });
  expect((await world.client.beta.vaults.list()).data).toHaveLength(2);
  expect((await world.connect(['list'], step({ folder }))).stderr).not.toContain(said);
  // Somebody else's repository of that name has never been this one.
  control.job({ ...githubJob, sub: 'repo:acme@66/agents:environment:production' });
  expect((await world.connect(['list'], step())).stderr).not.toContain('not its own');
});

test('a job with a subject of 300 characters has a vault of its own, which it finds again [P1]', async () => {
  await jobsAlone();
  const sub = `repo:acme/agents:environment:production:job_workflow_ref:${'w'.repeat(243)}`;
  world.sandbox.workloadIssuer.control.job({ ...githubJob, sub });
  for (const time of [1, 2]) expect([time, await connected()]).toMatchObject([time, { owner: { subject: sub } }]);
  expect((await world.client.beta.vaults.list()).data).toHaveLength(1);
});

test('a person at a machine where tokens lie around signs in all the same', async () => {
  await jobsToo();
  const environment = {
    ...world.sandbox.workloadIssuer.actions,
    MAI_ID_TOKEN: await world.sandbox.workloadIssuer.sign(audience),
  };
  const stored = await world.connectJson(['notion'], { environment, terminal: fakeTerminal() });
  expect(stored['owner']).toMatchObject({ kind: 'sso', subject: world.sandbox.people.ada.subject });
});

test('a pod and a runner that do not set CI are known by their token, where nobody sits', async () => {
  const { actions, sign } = world.sandbox.workloadIssuer;
  const file = join(world.sandbox.folder, 'token');
  const places: [token: unknown, environment: Record<string, string>][] = [
    [{ file }, {}],
    [{ variable: 'MAI_ID_TOKEN' }, { MAI_ID_TOKEN: await sign(audience) }],
    ['github-actions', actions],
  ];
  const who = async (environment: Record<string, string>) => {
    const { exit, stdout } = await world.connect(['whoami', '--json'], { person: undefined, environment });
    return exit === 0 ? JSON.parse(stdout) : exit;
  };
  await writeFile(file, await sign(audience), { mode: 0o440 });
  for (const [token, environment] of places) {
    await jobsToo({ token });
    expect([token, await who(environment)]).toEqual([token, expect.objectContaining(owner())]);
  }
  // Without one it is a person's run, and nobody is signed in.
  await rm(file);
  for (const [token] of places) {
    await jobsToo({ token });
    expect([token, await who({})]).toEqual([token, 4]);
  }
});

test('where jobs alone may act, a person at a terminal is not asked to sign in', async () => {
  await jobsAlone();
  const outcome = await world.connect(['notion'], { person: 'ada', terminal: fakeTerminal() });
  expect([outcome.exit, outcome.visited, world.asked()]).toEqual([3, [], []]);
});

test('what an agent requires of a sign-in, a job never shows', async () => {
  await jobsAlone();
  await connected();
  await world.configure('agents/support.yaml', (agent: Content) => {
    agent.require = { amr: ['mfa'] };
  });
  const refused = await world.setup(['--agent', 'support'], step());
  expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('[assurance_missing]')]);
});

test('a job of GitLab has its token in a variable', async () => {
  await jobsAlone({ token: { variable: 'MAI_ID_TOKEN_GITLAB' }, claims: { project_path: 'acme/agents' } });
  const sub = 'project_path:acme/agents:ref_type:branch:ref:main';
  world.sandbox.workloadIssuer.control.job({ sub, project_path: 'acme/agents', ref: 'main', ref_protected: 'true' });
  const environment = { CI: 'true', MAI_ID_TOKEN_GITLAB: await world.sandbox.workloadIssuer.sign(audience) };
  expect(await world.connectJson(['whoami'], { environment })).toMatchObject({ ...owner(), subject: sub });
  // A name is no token.
  const declared = await world.connect(['whoami'], { environment: { CI: 'true', MAI_ID_TOKEN_GITLAB: sub } });
  expect([declared.exit, declared.stderr]).toEqual([3, expect.stringContaining('it is not a signed JWT')]);
});

describe('a process of its own', () => {
  const program = () => join(world.sandbox.folder, 'service-connection.mjs');

  test('gives no child the token of the job, nor the means to ask for one [P2]', async () => {
    await build({
      entryPoints: [fileURLToPath(new URL('../../cmd/service-connection/main.ts', import.meta.url))],
      outfile: program(),
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['@napi-rs/keyring'],
      banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    });
    const seen = join(world.sandbox.folder, 'seen');
    const browser = join(world.sandbox.folder, 'browser');
    await writeFile(browser, `#!/bin/sh\nenv > ${seen}.tmp && mv ${seen}.tmp ${seen}\n`, { mode: 0o755 });
    const token = await world.sandbox.workloadIssuer.sign(audience);
    const environment = {
      PATH: '/usr/bin:/bin',
      HOME: world.sandbox.folder,
      DISPLAY: ':0',
      ...world.sandbox.environment,
      ...world.sandbox.workloadIssuer.actions,
      MAI_ID_TOKEN: token,
      MAI_ID_TOKEN_OTHER: token,
      BROWSER: browser,
    };
    // People sign in here, so that a child is started at all.
    const child = spawn(process.execPath, [program(), 'list', '--timeout', '2'], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [, stderr] = await Promise.all([once(child, 'close'), text(child.stderr), text(child.stdout)]);
    const inherited = await readFile(seen, 'utf8').catch(() => `no browser was started: ${stderr}`);
    expect(inherited).toContain('MAI_CONFIG=');
    for (const secret of world.sandbox.workloadIssuer.issuedSecrets()) expect(inherited).not.toContain(secret);
    expect(inherited).not.toMatch(/^(MAI_ID_TOKEN|ACTIONS_ID_TOKEN_REQUEST|ANTHROPIC_)/m);
  });
});

describe('where somebody else could have written, nothing is done:', () => {
  const root = process.getuid?.() === 0;
  const exposures: [string, (path: string) => Promise<void>, RegExp][] = [
    ['writable for everybody', (path) => chmod(path, 0o777), /\[file_system\].*chmod go-w/s],
  ];
  if (!skipped(!root && { reason: 'only root can give a folder to somebody else', installable: false })) {
    exposures.push(["somebody else's", (path) => chown(path, 65534, 65534), /\[file_system\].*chown \d+/s]);
  }

  test.each(exposures)('a folder for state that is %s [P2]', async (_case, expose, said) => {
    const folder = await world.machine();
    await mkdir(join(folder, 'state'));
    await expose(join(folder, 'state'));
    const outcome = await world.connect(['list'], { folder });
    expect([outcome.exit, outcome.visited, world.asked()]).toEqual([1, [], []]);
    expect(outcome.stderr).toMatch(said);
  });

  test.each(exposures)('a cached vault in a file that is %s [P2]', async (_case, expose, said) => {
    const folder = await world.machine();
    await world.connectJson(['notion'], { folder });
    const vaults = join(folder, 'cache', 'vaults');
    for (const name of await readdir(vaults)) await expose(join(vaults, name));
    world.sandbox.platform.control.log.reset();
    const outcome = await world.setup(['--agent', 'support'], { folder });
    expect([outcome.exit, world.asked().filter((request) => !request.startsWith('GET '))]).toEqual([1, []]);
    expect(outcome.stderr).toMatch(said);
  });
});

test('a cached vault that is cut short costs one more request and nothing else', async () => {
  const folder = await world.machine();
  await world.connectJson(['notion'], { folder });
  const vaults = join(folder, 'cache', 'vaults');
  for (const name of await readdir(vaults)) await writeFile(join(vaults, name), 'vl');
  await world.apply('support');
  expect(await world.setupJson(['--agent', 'support'], { folder })).toMatchObject({ session_id: expect.any(String) });
});
