/** Rows of docs/identity.md beside that of groups: what each provider wants written otherwise, and what then goes to it. */
import { beforeEach, expect, test } from 'vitest';
import { freePort } from '../support/console.ts';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let kept: KeptFile;
let folder: string;
beforeEach(async () => {
  kept = await keepSignIns(world);
  folder = await world.machine();
});

const identity = (changes: object) =>
  world.configure('interface.yaml', (content) => {
    content.identity = { ...content.identity, ...changes };
  });
const login = async () => {
  const { exit, stderr, visited } = await world.connect(['login'], { folder });
  return { exit, stderr, asked: new URL(visited[0] ?? 'about:blank').searchParams };
};

test('redirect URI: with a port that is fixed, as Okta wants it, and at localhost, as Entra ID does', async () => {
  const port = await freePort();
  await identity({ redirect: { port } });
  const fixed = await login();
  expect([fixed.exit, fixed.asked.get('redirect_uri')]).toEqual([0, `http://127.0.0.1:${port}/callback`]);
  await identity({ redirect: { host: 'localhost' } });
  const named = await login();
  expect([named.exit, named.asked.get('redirect_uri')]).toEqual([
    0,
    expect.stringMatching(/^http:\/\/localhost:\d+\/callback$/),
  ]);
});

test('issuer: one of no tenant, as Entra ID has it, is refused before anybody is sent there [P1] [P2]', async () => {
  const { control, issuer } = world.sandbox.identityProvider;
  control.claimIssuer(`${issuer}/{tenantid}/v2.0`);
  const { exit, stderr, asked } = await login();
  expect([exit, [...asked]]).toEqual([1, []]);
  expect(stderr).toContain('[issuer_mismatch]');
});

test('refresh token and rotation: asked for by parameters, as Google wants it, and the same one stays', async () => {
  const { control, counters } = world.sandbox.identityProvider;
  control.keepRefreshTokens();
  // The sandbox gives none without the scope; Google knows no such scope, and is asked by the parameters alone.
  await identity({ authorize_parameters: { access_type: 'offline', prompt: 'consent' } });
  const { exit, asked } = await login();
  expect([exit, asked.get('access_type'), asked.get('prompt')]).toEqual([0, 'offline', 'consent']);
  const { refresh_token: token } = (await kept.read(folder)) ?? {};
  const now = Math.floor(Date.now() / 1000);
  for (const times of [1, 2]) {
    await kept.forge(folder, (idToken) => control.forge(idToken, { iat: now - 7200, exp: now - 3600 }));
    const { proven_by: proof } = await world.connectJson(['whoami'], { folder, person: undefined });
    expect([proof, counters.refreshes, (await kept.read(folder))?.refresh_token]).toEqual(['renewed', times, token]);
  }
});

test('refresh token: without the scope for it none is asked for, and the sign-in lasts as long as its ID token', async () => {
  const { control } = world.sandbox.identityProvider;
  await identity({ scopes: ['openid', 'profile', 'email', 'groups'] });
  const { exit, asked } = await login();
  expect([exit, asked.get('scope')]).toEqual([0, 'openid profile email groups']);
  expect((await kept.read(folder))?.refresh_token).toBeUndefined();
  expect(await world.connectJson(['whoami'], { folder, person: undefined })).toMatchObject({ proven_by: 'kept' });
  const now = Math.floor(Date.now() / 1000);
  await kept.forge(folder, (idToken) => control.forge(idToken, { iat: now - 7200, exp: now - 3600 }));
  expect((await world.connect(['whoami'], { folder, person: undefined })).exit).toBe(4);
});
