import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../test/sandbox/authorization/control.ts';
import {
  type Forgery,
  githubJob,
  startWorkloadIssuer,
  type WorkloadIssuer,
} from '../../test/sandbox/workload-issuer.ts';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { skipped } from '../../test/support/skip.ts';
import { type Clock, inTimeOf, machineClock } from '../clock/clock.ts';
import type { Workload } from '../config/definitions.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { guardedFetch } from '../outside/http.ts';
import { Secret } from '../secret/secret.ts';
import { fileStores } from '../stores/files/kept-files.ts';
import { beginProof } from './prove.ts';
import { proveWorkload } from './workload.ts';
import type { TokenPlaces } from './workload-source.ts';

let issuer: WorkloadIssuer;
let folder: string;
beforeAll(async () => {
  issuer = await startWorkloadIssuer();
});
afterAll(() => issuer.close());
beforeEach(async () => {
  issuer.control.behave();
  folder = await mkdtemp(join(tmpdir(), 'workload-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const ours = 'managed-agents-interface';

function workload(changes: Partial<Workload> = {}): Workload {
  const claims = { repository: 'acme/agents', environment: 'production' };
  const token = { variable: 'MAI_ID_TOKEN' };
  return { issuer: issuer.issuer, audience: ours, token, claims, groups: ['ci'], ...changes };
}

function prove(workloads: readonly Workload[], places: Partial<TokenPlaces> = {}, marginSeconds = 60) {
  const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
  return proveWorkload({
    workloads,
    places: { actions: undefined, variables: new Map(), ...places },
    marginSeconds,
    fetch,
  });
}

/** A token in the variable that the workload names. */
const holding = (token: string): Partial<TokenPlaces> => ({
  variables: new Map([['MAI_ID_TOKEN', new Secret(token)]]),
});

const refusal = (why: string) =>
  expect.objectContaining({
    code: 'identity_refused',
    message: expect.stringContaining(why),
    hint: expect.any(String),
  });

describe('a good token', () => {
  const proven = () => ({
    kind: 'workload',
    issuer: issuer.issuer,
    subject: 'repo:acme/agents:environment:production',
    groups: ['ci'],
    label: 'repo:acme/agents:environment:production',
  });

  test('of a variable says which job this is; its groups are those of the configuration [P2]', async () => {
    const token = await issuer.sign(ours, { groups: ['admins'], email: 'ada@example.test', email_verified: true });
    const { principal, expiresAt } = await prove([workload()], holding(token));
    expect(principal).toEqual(proven());
    expect(expiresAt.getTime()).toBeGreaterThan(Date.now());
  });

  test('is asked for at the runner of GitHub Actions, for us alone', async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = issuer.actions;
    const actions = { url, bearer: new Secret(bearer) };
    const { principal } = await prove([workload({ token: 'github-actions' })], { actions });
    expect(principal).toEqual(proven());
    expect(issuer.asked()).toContain(`GET /actions/token?api-version=2.0&audience=${ours}`);
  });

  test('is read from its file by each run', async () => {
    const file = join(folder, 'token');
    const runs = [workload({ token: { file }, claims: { repository: 'acme/agents' } })];
    for (const sub of ['repo:acme/agents:ref:refs/heads/main', 'repo:acme/agents:pull_request']) {
      await writeFile(file, `${await issuer.sign(ours, { sub })}\n`, { mode: 0o600 });
      expect((await prove(runs)).principal.subject).toBe(sub);
    }
  });

  test.each([
    ['the default for a branch', 'repo:acme/agents:ref:refs/heads/main'],
    ['the default for an environment', 'repo:acme/agents:environment:production'],
    ['the default for a pull request', 'repo:acme/agents:pull_request'],
    ['with numbers that are never given twice', 'repo:acme@65/agents@74:ref:refs/heads/main'],
    ['as an organization has shaped it', 'repository_owner_id:65:repository_id:74:environment:production'],
  ])('with a subject of GitHub, %s, is that subject byte for byte', async (_case, sub) => {
    const { principal } = await prove([workload({ claims: { sub } })], holding(await issuer.sign(ours, { sub })));
    expect(principal.subject).toBe(sub);
  });

  test('signed with a key that the issuer has had for a moment counts, and so does one of before', async () => {
    const old = await issuer.sign(ours);
    issuer.control.rotate();
    const young = await issuer.sign(ours);
    for (const token of [old, young]) expect((await prove([workload()], holding(token))).principal).toEqual(proven());
  });

  test('of a list of values needs one', async () => {
    const claims = { repository: 'acme/agents', ref: ['refs/heads/main', 'refs/heads/release'] };
    expect((await prove([workload({ claims })], holding(await issuer.sign(ours)))).principal).toEqual(proven());
  });

  test('may be asked for claims of any JSON type and at any depth, and a number is not the text of it', async () => {
    const said = { run: 7, protected: true, list: ['a', 8], pod: { namespace: 'agents' } };
    const asked = async (claims: Workload['claims']) =>
      await prove([workload({ claims })], holding(await issuer.sign(ours, said))).then(
        () => 'proven',
        (error: Error) => error.message,
      );
    for (const claims of [
      { run: 7 },
      { protected: true },
      { list: 8 },
      { 'pod.namespace': 'agents' },
      { run: [6, 7] },
    ]) {
      expect([claims, await asked(claims)]).toEqual([claims, 'proven']);
    }
    expect(await asked({ run: '7' })).toContain('its "run" is 7 (no text), and demanded is "7"');
    expect(await asked({ protected: 'true' })).toContain('its "protected" is true (no text)');
    expect(await asked({ protected: false })).toContain('and demanded is false (no text)');
  });

  test('may have a subject that is longer than that of a person', async () => {
    const sub = (length: number) => 'x'.repeat(length);
    const who = async (length: number) =>
      (await prove([workload()], holding(await issuer.sign(ours, { sub: sub(length) })))).principal.subject;
    expect([await who(256), await who(1024)]).toEqual([sub(256), sub(1024)]);
    await expect(who(1025)).rejects.toEqual(refusal('it does not name a person (sub)'));
  });

  test('may name whoever asked for it', async () => {
    const token = await issuer.sign(ours, { azp: '1046' });
    expect((await prove([workload()], holding(token))).principal).toEqual(proven());
  });
});

describe('a token is refused: [P2]', () => {
  const seconds = (from: number) => Math.floor(Date.now() / 1000) + from;
  const table: [string, JsonObject, Forgery, string][] = [
    ['that nobody signed', {}, { signedBy: 'nobody' }, 'its algorithm "none" is none that only the issuer can sign'],
    ['HS256 with the public key', {}, { signedBy: 'public-key' }, 'its algorithm "HS256" is none that only'],
    ['signed by somebody else', {}, { signedBy: 'stranger' }, 'its signature is not that of the issuer'],
    ['with an unknown key id', {}, { header: { kid: 'other' } }, 'the key "other", which the issuer does not publish'],
    ['that is an access token', {}, { header: { typ: 'at+jwt' } }, 'it is a "at+jwt"'],
    ['of another issuer', { iss: 'https://evil.example' }, {}, 'it is of another issuer (iss)'],
    ['for another audience', { aud: 'https://github.com/acme' }, {}, 'it is for another client (aud)'],
    ['for others too', { aud: [ours, 'sts.amazonaws.com'] }, {}, 'it is for others too (aud)'],
    ['for nobody', { aud: undefined }, {}, 'it is for another client (aud)'],
    ['without a subject', { sub: undefined }, {}, 'it does not name a person (sub)'],
    ['with an empty subject', { sub: '' }, {}, 'it does not name a person (sub)'],
    ['that has expired', { exp: seconds(-61) }, {}, 'it has expired (exp)'],
    ['that never expires', { exp: undefined }, {}, 'it does not say when it expires (exp)'],
    ['issued in the future', { iat: seconds(120) }, {}, 'it was issued in the future'],
    ['that does not say when it was issued', { iat: undefined }, {}, 'it does not say when it was issued (iat)'],
    ['that is not valid yet', { nbf: seconds(120) }, {}, 'it is not valid yet (nbf)'],
    ['longer than any', { padding: 'x'.repeat(20_000) }, {}, 'longer than 16 KiB'],
    ['of another repository', { repository: 'acme/other' }, {}, 'its "repository" is "acme/other", and demanded is'],
    ['of a look-alike', { repository: 'acme/аgents' }, {}, 'its "repository" is "acme/\\u0430gents"'],
    ['in other letters', { repository: 'Acme/agents' }, {}, 'its "repository" is "Acme/agents"'],
    [
      'without a demanded claim',
      { environment: undefined },
      {},
      'it has no "environment", and demanded is "production"',
    ],
    ['with a claim that is an object', { environment: { name: 'production' } }, {}, 'its "environment" is {"name":'],
    ['with an empty claim', { environment: '' }, {}, 'its "environment" is ""'],
  ];

  test.each(table)('%s', async (_case, claims, how, why) => {
    const token = await issuer.sign(ours, claims, how);
    await expect(prove([workload()], holding(token))).rejects.toEqual(refusal(why));
  });

  test.each([
    ['text', 'let me in'],
    ['a JWT of two parts', 'eyJhbGciOiJSUzI1NiJ9.e30'],
    ['an encrypted one', 'a.b.c.d.e'],
    ['a name', 'repo:acme/agents:environment:production'],
    ['JSON', '{"sub":"repo:acme/agents"}'],
  ])('that is %s and no JWT', async (_case, text) => {
    await expect(prove([workload()], holding(text))).rejects.toEqual(refusal('it is not a signed JWT'));
  });

  test('signed with a key that is no longer published', async () => {
    const old = await issuer.sign(ours);
    issuer.control.rotate({ keepOld: false });
    await expect(prove([workload()], holding(old))).rejects.toEqual(refusal('which the issuer does not publish'));
  });

  test('with a claim that only every object has', async () => {
    const claims = { constructor: 'acme' };
    const token = await issuer.sign(ours);
    await expect(prove([workload({ claims })], holding(token))).rejects.toEqual(refusal('it has no "constructor"'));
  });

  test('each of several, with its reason', async () => {
    const others = ['acme/one', 'acme/two'].map((repository) => workload({ claims: { repository } }));
    const refused = prove(others, holding(await issuer.sign(ours)));
    await expect(refused).rejects.toEqual(refusal('this job is none of identity.workloads'));
    await expect(refused).rejects.toThrow(/demanded is "acme\/one"\n.*demanded is "acme\/two"/);
  });

  test('where it fits several: which groups it has would be a guess [P2]', async () => {
    const both = [
      workload({ groups: ['ci'] }),
      workload({ groups: ['admins'], claims: { repository: 'acme/agents' } }),
    ];
    await expect(prove(both, holding(await issuer.sign(ours)))).rejects.toEqual(
      refusal('this job is several at once: identity.workloads 1 and 2 all fit'),
    );
  });
});

describe('clocks that differ', () => {
  const seconds = () => Math.floor(Date.now() / 1000);
  const late = () => issuer.sign(ours, { iat: seconds() - 900, exp: seconds() - 200 });

  test('are forgiven as far as the configuration says, and no further [P2]', async () => {
    await expect(prove([workload()], holding(await late()))).rejects.toEqual(refusal('it has expired'));
    await expect(prove([workload()], holding(await late()), 180)).rejects.toEqual(refusal('it has expired'));
    await expect(prove([workload()], holding(await late()), 300)).resolves.toMatchObject({
      principal: { kind: 'workload' },
    });
  });

  test('and explain a refusal are both named', async () => {
    const ahead: Clock = { ...machineClock, now: () => new Date(Date.now() + 1800_000) };
    const refused = inTimeOf(ahead, async () => await prove([workload()], holding(await issuer.sign(ours))));
    await expect(refused).rejects.toEqual(refusal('it has expired (exp); the clocks are apart: here it is '));
  });
});

test('of several entries the one that fits decides the groups', async () => {
  const entries = [
    workload({ groups: ['other'], claims: { repository: 'acme/other' } }),
    workload({ groups: ['ci'] }),
    workload({ groups: ['actions'], token: 'github-actions' }),
  ];
  expect((await prove(entries, holding(await issuer.sign(ours)))).principal.groups).toEqual(['ci']);
});

describe('the issuer', () => {
  test.each([
    ['that calls itself otherwise', { issuer: 'https://evil.example' }, 'issuer_mismatch'],
    ['that calls itself so with a slash', undefined, 'issuer_mismatch'],
    ['that does not say where its keys are', { jwks_uri: undefined }, 'service_metadata'],
    ['whose keys are elsewhere, without https', { jwks_uri: 'http://keys.example/keys' }, 'url_refused'],
    ['whose keys are in a private network', { jwks_uri: 'https://10.0.0.1/keys' }, 'url_refused'],
  ])('%s is not believed', async (_case, change, code) => {
    issuer.control.tamper('metadata', (honest) => ({ ...honest, ...(change ?? { issuer: `${issuer.issuer}/` }) }));
    const token = await issuer.sign(ours);
    await expect(prove([workload()], holding(token))).rejects.toMatchObject({ code });
  });

  test('whose metadata is sent on to another origin is not believed, and both are named [P2]', async () => {
    const metadata = '/.well-known/openid-configuration';
    const location = `${issuer.issuer}${metadata}`;
    const { origin } = await startHostileServer(() => ({ status: 302, headers: { location } }));
    const before = issuer.asked().length;
    await expect(prove([workload({ issuer: origin })], holding(await issuer.sign(ours)))).rejects.toMatchObject({
      code: 'service_metadata',
      message: `the metadata of "${origin}" is not taken from another origin: "${origin}${metadata}" leads to "${new URL(location).origin}"`,
      hint: expect.stringContaining('identity.workloads'),
    });
    expect(issuer.asked()).toHaveLength(before);
  });

  test('that is another one than the configuration pins is never asked [P2]', async () => {
    const other = await startWorkloadIssuer();
    try {
      const token = await other.sign(ours);
      await expect(prove([workload()], holding(token))).rejects.toEqual(refusal('which the issuer does not publish'));
      expect(other.asked()).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

describe('without a token', () => {
  test('nothing is asked, and what was looked for is said', async () => {
    const entries = [workload(), workload({ token: 'github-actions' })];
    await expect(prove(entries)).rejects.toEqual(
      refusal('looked for the variable MAI_ID_TOKEN; GitHub Actions (ACTIONS_ID_TOKEN_REQUEST_URL'),
    );
    expect(issuer.asked()).toEqual([]);
  });

  test('in its file', async () => {
    const runs = [workload({ token: { file: join(folder, 'token') } })];
    await expect(prove(runs)).rejects.toEqual(refusal('does not exist'));
  });

  test.each([
    ['refuses', { status: 403, body: { message: 'no' } }, 'it answered 403, without one'],
    ['gives none', { count: 0 }, 'it answered 200, without one'],
    ['gives something else', { value: 7 }, 'it answered 200, without one'],
  ])('because GitHub Actions %s', async (_case, answer, why) => {
    issuer.control.tamper('actions', () => answer);
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = issuer.actions;
    const places = { actions: { url, bearer: new Secret(bearer) } };
    await expect(prove([workload({ token: 'github-actions' })], places)).rejects.toEqual(refusal(why));
  });

  test.each([
    ['503', { status: 503, body: {} }],
    ['429', { status: 429, body: {} }],
    ['403 that is not ready yet', { status: 403, body: { message: 'the token is pending' } }],
  ])(
    'of GitHub Actions at first, with %s, it is asked again, and what was said last is told',
    async (_case, answer) => {
      const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = issuer.actions;
      const places = { actions: { url, bearer: new Secret(bearer) } };
      const runs = [workload({ token: 'github-actions' })];
      const quick: Clock = { ...machineClock, pause: async () => {} };
      let times = 0;
      issuer.control.tamper('actions', (honest) => (times++ === 0 ? answer : honest));
      await expect(inTimeOf(quick, () => prove(runs, places))).resolves.toMatchObject({
        principal: { groups: ['ci'] },
      });
      times = 0;
      issuer.control.tamper('actions', () => {
        times += 1;
        return { ...answer, body: { message: `pending ${times}` } };
      });
      await expect(inTimeOf(quick, () => prove(runs, places))).rejects.toEqual(refusal('pending 3'));
      expect(times).toBe(3);
    },
  );

  test('the runner is told nothing without https, except on loopback in sandbox mode', async () => {
    const actions = { url: 'http://runner.example/token', bearer: new Secret('runner-secret') };
    const asked = prove([workload({ token: 'github-actions' })], { actions });
    await expect(asked).rejects.toMatchObject({ code: 'url_refused' });
  });
});

describe('a file with a token', () => {
  const written = async (mode: number) => {
    const file = join(folder, 'token');
    await writeFile(file, await issuer.sign(ours), { mode: 0o600 });
    await chmod(file, mode);
    return { file, runs: [workload({ token: { file } })] };
  };

  test.each(['0400', '0600', '0640', '0440'])('with mode %s is read', async (mode) => {
    expect((await prove((await written(Number.parseInt(mode, 8))).runs)).principal.kind).toBe('workload');
  });

  test.each(['0604', '0644', '0602', '0620', '0666'])('with mode %s is refused', async (mode) => {
    await expect(prove((await written(Number.parseInt(mode, 8))).runs)).rejects.toMatchObject({
      code: 'file_system',
      message: expect.stringContaining(`others could have changed or read it (mode ${mode})`),
      hint: expect.stringContaining('chmod o-rwx,g-w'),
    });
  });

  test('behind a link, as Kubernetes mounts it, is read', async () => {
    const { file } = await written(0o600);
    await symlink(file, join(folder, 'link'));
    expect((await prove([workload({ token: { file: join(folder, 'link') } })])).principal.kind).toBe('workload');
  });

  test('that is a folder, a pipe or longer than any token is refused without waiting', async () => {
    await promisify(execFile)('mkfifo', ['-m', '600', join(folder, 'pipe')]);
    for (const file of [folder, join(folder, 'pipe')]) {
      await expect(prove([workload({ token: { file } })])).rejects.toMatchObject({ code: 'file_system' });
    }
    const { file, runs } = await written(0o600);
    await writeFile(file, 'x'.repeat(16 * 1024 + 1));
    await expect(prove(runs)).rejects.toEqual(refusal('longer than 16 KiB'));
    await writeFile(file, 'x'.repeat(1_000_000));
    await expect(prove(runs)).rejects.toMatchObject({ code: 'file_system' });
  });

  test.skipIf(
    skipped(process.getuid?.() !== 0 && { reason: 'only root can give a file to somebody else', installable: false }),
  )("that is somebody else's is refused", async () => {
    const { file, runs } = await written(0o600);
    await chown(file, 65534, 65534);
    await expect(prove(runs)).rejects.toMatchObject({
      code: 'file_system',
      message: expect.stringContaining('it belongs to uid 65534'),
    });
  });
});

test('a job has signed in in no way, so no requirement on that is met', async () => {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = issuer.actions;
  const proof = await beginProof({
    identity: { mode: 'workload', workloads: [workload({ token: 'github-actions' })] },
    sudoUid: undefined,
    visit: { fetch: guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal }) } as BrowserVisit,
    place: undefined,
    handed: undefined,
    keepInstead: undefined,
    inCi: true,
    tokenPlaces: { actions: { url, bearer: new Secret(bearer) }, variables: new Map() },
    stores: fileStores({ cache: folder, state: folder }),
    stateFolder: folder,
    confirm: undefined,
  });
  expect((await proof.prove()).principal.kind).toBe('workload');
  await expect(proof.prove({ requirement: { amr: ['mfa'] } })).rejects.toMatchObject({ code: 'assurance_missing' });
});

test('the job of the sandbox is shaped like one of GitHub Actions', () => {
  expect(githubJob).toMatchObject({ sub: expect.stringMatching(/^repo:acme\/agents:/), repository: 'acme/agents' });
});
