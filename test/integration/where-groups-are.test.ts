/** Groups that the ID token does not hold, and clocks that are not the provider's. */
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { machineClock } from '../../internal/clock/clock.ts';
import { startHostileServer } from '../support/hostile-server.ts';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

let kept: KeptFile;
let folder: string;
beforeEach(async () => {
  kept = await keepSignIns(world);
  folder = await world.machine();
});

const seconds = (from: number) => Math.floor(Date.now() / 1000) + from;
const identity = (change: object) =>
  world.configure('interface.yaml', (content: Content) => {
    Object.assign(content.identity, change);
  });
const login = () => world.connect(['login'], { folder });
const whoami = (more: object = {}) => world.connect(['whoami'], { folder, person: undefined, ...more });
const whoamiJson = () => world.connectJson(['whoami'], { folder, person: undefined });
const provider = () => world.sandbox.identityProvider;
/** From now on ID tokens have no groups. */
const leaveOut = (claims: object = {}) =>
  provider().control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge({ groups: undefined, ...claims }),
  }));
const longAgo = () => ({ iat: seconds(-7200), auth_time: seconds(-7200), exp: seconds(-3600) });
const expire = () => kept.forge(folder, (token) => provider().control.forge(token, longAgo()));
const userinfoAt = (address: string) =>
  provider().control.tamperMetadata((metadata) => ({ ...metadata, userinfo_endpoint: address }));

describe('groups at userinfo', () => {
  beforeEach(async () => {
    await identity({ groups_from: 'userinfo' });
    leaveOut();
  });

  test('count, in every run', async () => {
    await login();
    for (const proven_by of ['kept', 'kept']) {
      expect(await whoamiJson()).toMatchObject({ groups: ['support', 'editors'], groups_missing: null, proven_by });
      const said = 'the claim "groups" of userinfo says "support", "editors"';
      expect(await whoamiJson()).toMatchObject({ groups_said: said });
      expect((await whoami()).stdout).toContain(said);
      const explained = await world.setup(['explain', '--agent', 'support'], { folder });
      expect([explained.exit, explained.stdout]).toEqual([0, expect.stringContaining(said)]);
    }
    await expire();
    expect(await whoamiJson()).toMatchObject({ groups: ['support', 'editors'], proven_by: 'renewed' });
  });

  test('of somebody else are nobody’s [P2]', async () => {
    const other = await startHostileServer(() => ({ json: { sub: 'another', groups: ['support'] } }));
    userinfoAt(`${other.origin}/me`);
    const refused = await login();
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('is about somebody else (sub)')]);
    expect(await kept.read(folder)).toBeUndefined();
  });

  test('are asked of nobody that a redirect leads to, and not to be had is no group less [P2] [P3]', async () => {
    await login();
    const elsewhere = await startHostileServer(() => ({ json: { sub: 'x', groups: ['operators'] } }));
    const location = `${elsewhere.origin}/me`;
    const { origin } = await startHostileServer(() => ({ status: 302, headers: { location } }));
    userinfoAt(`${origin}/me`);
    const asked = await whoami();
    expect([asked.exit, asked.stdout, elsewhere.requests]).toEqual([1, '', []]);
    expect(asked.stderr).toContain('answered 302');
  });

  test.each<[string, { status?: number; headers?: Record<string, string>; text?: string }, string, string]>([
    [
      'signed',
      { headers: { 'content-type': 'application/jwt' }, text: 'a.b.c' },
      'answered 200 with "application/jwt"',
      'userinfo_signed_response_alg',
    ],
    [
      'as a page',
      { headers: { 'content-type': 'text/html' }, text: '<p>' },
      '"text/html"',
      'correct identity.groups_from',
    ],
    ['not, where there is nothing', { status: 404 }, 'answered 404', 'correct identity.groups_from'],
    ['not for a moment', { status: 503 }, 'answered 503', 'try again later'],
  ])('that are told %s cannot be asked for, and it is said what helps', async (_case, answer, why, advice) => {
    await login();
    const { origin } = await startHostileServer(() => answer);
    userinfoAt(`${origin}/me`);
    const asked = await whoami();
    expect([asked.exit, asked.stdout]).toEqual([1, '']);
    expect(asked.stderr).toContain(why);
    expect(asked.stderr).toContain(advice);
  });

  test('that the access token is too old for are asked with another one', async () => {
    await login();
    let asked = 0;
    const sub = world.sandbox.people.ada.subject;
    const { origin } = await startHostileServer(() => {
      asked += 1;
      return asked === 1 ? { status: 401, json: {} } : { json: { sub, groups: ['support'] } };
    });
    userinfoAt(`${origin}/me`);
    expect(await whoamiJson()).toMatchObject({ groups: ['support'], proven_by: 'renewed' });
  });
});

describe('somebody who is in too many groups', () => {
  const tooMany = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'http://127.0.0.1:9/' } } };

  test('has those of the address that the configuration names, page by page', async () => {
    const graph = await startHostileServer((line, { headers }, origin) => {
      if (headers.authorization === undefined) return { status: 401, json: {} };
      if (line.endsWith('/more')) return { json: { value: ['g3'] } };
      return { json: { value: [{ id: 'g1' }, { id: 'g2' }], '@odata.nextLink': `${origin}/more` } };
    });
    await identity({ groups_from: { overage: `${graph.origin}/memberOf` } });
    leaveOut(tooMany);
    await login();
    expect(await whoamiJson()).toMatchObject({ groups: ['g1', 'g2', 'g3'], groups_missing: null });
    // What the token itself names is asked for by nobody.
    expect(new Set(graph.lines())).toEqual(new Set(['GET /memberOf', 'GET /more']));
  });

  test('has them with an access token of their own alone [P2]', async () => {
    const graph = await startHostileServer(() => ({ json: { value: [{ id: 'g1' }] } }));
    await identity({ groups_from: { overage: `${graph.origin}/memberOf` } });
    leaveOut({ ...tooMany, at_hash: undefined });
    const other = await world.machine();
    await world.connect(['login'], { folder: other, person: 'grace' });
    await login();
    expect(await whoamiJson()).toMatchObject({ groups: ['g1'] });
    const { access_token: lent } = (await kept.read(other)) ?? {};
    await kept.write(folder, { ...(await kept.read(folder)), access_token: lent });
    const refused = await whoami();
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining('is about somebody else (sub)')]);
  });

  test.each<[string, (other: string) => object, string]>([
    ['goes on at somebody else', (other) => ({ value: [], '@odata.nextLink': `${other}/more` }), 'at another place'],
    ['names no groups', () => ({ value: [{ name: 'g1' }] }), 'without a list "value"'],
    ['has numbers for groups', () => ({ value: [1, 2] }), 'without a list "value"'],
  ])('is refused where the address %s [P2] [P3]', async (_case, answer, words) => {
    const other = await startHostileServer(() => ({ json: { value: ['operators'] } }));
    const graph = await startHostileServer(() => ({ json: answer(other.origin) }));
    await identity({ groups_from: { overage: `${graph.origin}/memberOf` } });
    leaveOut(tooMany);
    const refused = await login();
    expect([refused.exit, refused.stderr, other.requests]).toEqual([1, expect.stringContaining(words), []]);
  });

  test('is told so where the configuration names none', async () => {
    leaveOut(tooMany);
    await login();
    expect(await whoamiJson()).toMatchObject({ groups: [], groups_missing: expect.stringContaining('in too many') });
  });
});

test('an access token that is not the one of the ID token is asked with nowhere [P2]', async () => {
  await identity({ groups_from: 'userinfo' });
  // OpenID Connect Core section 3.1.3.6: the left half of the hash that ES256 has.
  const halfOf = (token: unknown) => createHash('sha256').update(String(token)).digest().subarray(0, 16);
  provider().control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge({ at_hash: halfOf(answer['access_token']).toString('base64url') }),
  }));
  await login();
  expect(await whoamiJson()).toMatchObject({ groups: ['support', 'editors'], proven_by: 'kept' });
  const entry = await kept.read(folder);
  await kept.write(folder, { ...entry, access_token: `${entry?.['access_token']}x` });
  const refused = await whoami();
  expect([refused.exit, refused.stderr]).toEqual([4, expect.stringContaining('refused (access_token)')]);
  expect((await login()).exit).toBe(0);
  provider().control.tamperTokenResponse(async (answer, forge) => ({
    ...answer,
    id_token: await forge({ at_hash: halfOf('of-somebody-else').toString('base64url') }),
  }));
  const swapped = await login();
  expect([swapped.exit, swapped.stderr]).toEqual([3, expect.stringContaining('came with another access token')]);
});

describe('groups that a renewed ID token leaves out', () => {
  const renewedWithout = async () => {
    await login();
    await expire();
    leaveOut();
  };

  test('are lost to nobody in silence: the person signs in again', async () => {
    await renewedWithout();
    const asked = await whoami();
    expect([asked.exit, asked.stderr]).toEqual([4, expect.stringContaining('which the one before had')]);
  });

  test('count as long as the configuration allows, from when they were said', async () => {
    await identity({ groups_kept_for: '3h' });
    await renewedWithout();
    expect(await whoamiJson()).toMatchObject({ groups: ['support', 'editors'], proven_by: 'renewed' });
    expect(await whoamiJson()).toMatchObject({ groups: ['support', 'editors'], proven_by: 'kept' });
    await identity({ groups_kept_for: '1h' });
    expect(await whoamiJson()).toMatchObject({ groups: [], groups_missing: expect.stringContaining('has no claim') });
  });

  test.each<[string, object, 'provider' | 'stranger']>([
    ['of somebody else', { sub: 'another', groups: ['operators'] }, 'provider'],
    ['that the provider has not signed', { groups: ['operators'] }, 'stranger'],
    ['for another client', { aud: 'another', groups: ['operators'] }, 'provider'],
    ['from the future', { iat: seconds(7200), exp: seconds(9000), groups: ['operators'] }, 'provider'],
  ])('are not those of a token %s [P2]', async (_case, claims, signedBy) => {
    await identity({ groups_kept_for: '3h' });
    await renewedWithout();
    await whoamiJson();
    const entry = await kept.read(folder);
    const forged = await provider().control.forge(String(entry?.['groups_token']), { ...claims }, signedBy);
    await kept.write(folder, { ...entry, groups_token: forged });
    expect(await whoamiJson()).toMatchObject({ groups: [] });
  });
});

describe('a clock that is wrong', () => {
  const ahead = (byMs: number) => ({ clock: { ...machineClock, now: () => new Date(Date.now() + byMs) } });

  test('is named with both times, costs no sign-in, and nothing is shown to the provider', async () => {
    await login();
    const asked = await whoami(ahead(7_200_000));
    expect([asked.exit, asked.stderr]).toEqual([3, expect.stringContaining('the clocks are apart: here it is 20')]);
    expect(asked.stderr).toContain('identity.clock_margin');
    expect(provider().counters.refreshes).toBe(0);
    expect(await whoamiJson()).toMatchObject({ proven_by: 'kept' });
  });

  test('is forgiven as far as the configuration says', async () => {
    await login();
    await kept.forge(folder, (token) => provider().control.forge(token, { exp: seconds(-200) }));
    await identity({ clock_margin: '5m' });
    expect(await whoamiJson()).toMatchObject({ proven_by: 'kept' });
    await identity({ clock_margin: '2m' });
    expect(await whoamiJson()).toMatchObject({ proven_by: 'renewed' });
  });
});
