/** `setup-session doctor`: what is missing is told before anybody is sent anywhere. */
import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { interfaceText } from '../../internal/config/starter-texts.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

type Checks = { check: string; state: string; found: string; next: string | null }[];
const identity = (change: (content: Record<string, unknown>) => void) =>
  world.configure('interface.yaml', (content) => void change(content.identity));

test('all is in place: every check says so, and nobody was sent anywhere', async () => {
  await world.apply();
  const { exit, stdout, stderr, visited } = await world.setup(['doctor', '--json']);
  expect([exit, visited, stderr]).toEqual([0, [], expect.not.stringContaining('error')]);
  const checks = (JSON.parse(stdout) as { checks: Checks }).checks;
  expect(checks.filter(({ check }) => check !== 'keychain').map(({ check, state }) => `${check} ${state}`)).toEqual([
    'placeholders ok',
    'issuer ok',
    'client ok',
    'key ok',
    'workspace ok',
    'model ok',
  ]);
  expect((await world.setup(['doctor'])).stdout).toContain('sends people back to us');
});

test('an agent that is not in force is a note, with what shows whether its model is served', async () => {
  const { checks } = (await world.setupJson(['doctor'])) as { checks: Checks };
  expect(checks.find(({ check }) => check === 'model')).toMatchObject({
    state: 'note',
    next: expect.stringContaining('setup-session agents apply'),
  });
});

test.each([
  ['a client that the provider does not know', { client_id: 'nobody' }, 'client: it answers 400 to "nobody"'],
  ['a redirect address that is not registered', { redirect: { path: '/elsewhere' } }, '/elsewhere"'],
  [
    'an example instead of an issuer',
    { issuer: 'https://login.example.com' },
    'issuer: "https://login.example.com" is an example',
  ],
  ['no claim for groups that are named', { groups_claim: undefined }, 'groups: groups are named (support, editors)'],
])('%s is a problem, with what to do, and nothing is on stdout [P10]', async (_what, change, said) => {
  await identity((content) => Object.assign(content, change));
  const { exit, stdout, stderr, visited } = await world.setup(['doctor']);
  expect([exit, stdout, visited]).toEqual([1, '', []]);
  expect(stderr).toContain(said);
  expect(stderr).toContain('[not_ready]');
  expect(stderr).toMatch(/^setup-session: {5}\S/m);
});

test('several problems are told at once, and one alone is the error that any command would end with', async () => {
  const noKey = { environment: { ANTHROPIC_API_KEY: '' } };
  const one = await world.setup(['doctor'], noKey);
  expect([one.exit, one.stderr]).toEqual([2, expect.stringContaining('[platform_key_missing]')]);
  await identity((content) => Object.assign(content, { client_id: 'nobody' }));
  const both = await world.setup(['doctor'], noKey);
  expect([both.exit, both.stderr]).toEqual([1, expect.stringContaining('2 of ')]);
  for (const check of ['client: ', 'key: ']) expect(both.stderr).toContain(`setup-session:   ${check}`);
});

test('a provider that spells its name in another way, and one that is not there', async () => {
  const { issuer } = world.sandbox.identityProvider;
  await identity((content) => Object.assign(content, { issuer: `${issuer}/` }));
  const other = await world.setup(['doctor']);
  expect([other.exit, other.visited]).toEqual([1, []]);
  await identity((content) => Object.assign(content, { issuer: 'http://127.0.0.1:9' }));
  expect((await world.setup(['doctor'])).stderr).toContain('cannot be reached');
});

test("what the platform refuses is told of the key, and a keychain that cannot be used is in nobody's way", async () => {
  const { exit, stderr } = await world.setup(['doctor'], { environment: { ANTHROPIC_API_KEY: 'sk-ant-api03-nobody' } });
  expect([exit, stderr]).toEqual([1, expect.stringContaining('[platform_refused]')]);
});

test('lines of the starter that nobody filled in are named by file and line, until their mark is gone', async () => {
  const file = join(world.sandbox.configFolder, 'interface.yaml');
  const line = interfaceText.split('\n').find((each) => each.includes('everyone: # <-')) ?? '';
  await writeFile(file, `${await readFile(file, 'utf8')}# a note\n${line.replace(/^/, '#')}\n`);
  expect(((await world.setupJson(['doctor'])) as { checks: Checks }).checks[0]).toMatchObject({ state: 'ok' });
  const groups = (mark: string) =>
    world
      .configure('interface.yaml', () => undefined)
      .then(async () => {
        const text = await readFile(file, 'utf8');
        await writeFile(
          file,
          text.replace(/^ {2}groups:$/m, `  groups:\n    everyone:${mark}\n      notion: { read: on }`),
        );
      });
  await groups(' # <- a group of your provider');
  const { checks } = (await world.setupJson(['doctor'])) as { checks: Checks };
  expect(checks[0]).toMatchObject({
    check: 'placeholders',
    state: 'note',
    found: expect.stringMatching(/^interface\.yaml:\d+ is as init wrote it: "everyone:"$/),
  });
});

test('a file of authorities that Node ignores, in silence or with a warning that nobody reads, is a note, and a good one is said', async () => {
  const file = join(world.sandbox.folder, 'acme.pem');
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  spawnSync('openssl', [
    ...words,
    '-subj',
    '/CN=acme',
    '-out',
    file,
    '-keyout',
    join(world.sandbox.folder, 'acme.key'),
  ]);
  const pem = await readFile(file, 'utf8');
  const network = async () => {
    const environment = { NODE_EXTRA_CA_CERTS: file };
    const { checks } = (await world.setupJson(['doctor'], { environment })) as { checks: Checks };
    return checks.filter(({ check }) => check === 'network').map(({ state, found, next }) => ({ state, found, next }));
  };
  expect(await network()).toEqual([{ state: 'ok', found: `Node also trusts the authority in "${file}"`, next: null }]);
  const next = 'name a file with PEM certificates in NODE_EXTRA_CA_CERTS, or unset it';
  const ignored = `Node ignores "${file}", and trusts nobody for it`;
  for (const [text, found] of [
    ['', `${ignored}: there is no certificate in it (PEM)`],
    [
      `${pem}${pem.slice(0, 200)}`,
      `Node also trusts the authority in "${file}": its certificate 2 of 2 cannot be read, which ends it`,
    ],
  ] as const) {
    await writeFile(file, text);
    expect(await network()).toEqual([{ state: 'note', found, next }]);
  }
  await rm(file);
  expect(await network()).toEqual([{ state: 'note', found: `${ignored}: it is not there`, next }]);
});
