/** A token that a client hands over: it proves what any ID token proves, and nothing else takes its place (P2). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../sandbox/authorization/control.ts';
import { contexts } from '../sandbox/identity-provider.ts';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let kept: KeptFile;
let token: string;

/** The ID token of somebody who signed in elsewhere, with this very client. */
beforeEach(async () => {
  kept = await keepSignIns(world);
  const folder = await world.machine();
  expect(await world.connect(['login'], { folder, person: 'grace' })).toMatchObject({ exit: 0 });
  token = String((await kept.read(folder))?.['id_token']);
});

const idp = () => world.sandbox.identityProvider;
const handing = (idToken: string, issuer: string | undefined = idp().issuer) => ({
  environment: {
    CLAUDE_CODE_MCP_USER_TOKEN: idToken,
    ...(issuer !== '' && { CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: issuer }),
  },
  person: undefined,
});

test('is the proof: nobody signs in, and nothing of it is kept [P2, P3]', async () => {
  const folder = await world.machine();
  const shown = await world.connectJson(['whoami'], { ...handing(token), folder });
  expect(shown).toMatchObject({
    subject: world.sandbox.people.grace.subject,
    groups: ['support'],
    proven_by: 'handed',
    kept_in: null,
  });
  expect(await kept.read(folder)).toBeUndefined();
});

test('comes before a sign-in that is kept, which is asked about where it is of another [P1, P2]', async () => {
  const folder = await world.machine();
  expect(await world.connect(['login'], { folder, person: 'ada' })).toMatchObject({ exit: 0 });
  const listed = await world.connect(['list'], { ...handing(token), folder });
  expect([listed.exit, listed.stderr]).toEqual([3, expect.stringContaining('[another_person]')]);
  const shown = await world.connectJson(['whoami'], { ...handing(token), folder });
  expect(shown).toMatchObject({ subject: world.sandbox.people.grace.subject });
});

describe('is refused, and nobody falls back to what is kept [P2]', () => {
  const hour = 3600;
  const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
  const now = () => Math.floor(Date.now() / 1000);
  const forged: readonly [string, () => JsonObject, ('provider' | 'stranger' | 'nobody')?, string?][] = [
    ['for another client', () => ({ aud: 'somebody' })],
    ['of another issuer', () => ({ iss: 'https://elsewhere.example' })],
    ['expired', () => ({ iat: now() - 2 * hour, exp: now() - hour })],
    ['not yet issued', () => ({ iat: now() + hour, exp: now() + 2 * hour })],
    ['signed by a stranger', () => ({}), 'stranger'],
    ['not signed', () => ({}), 'nobody'],
    ['an access token', () => ({}), 'provider', 'at+jwt'],
    ['a logout token that says so in its claims alone', () => ({ events: { [logoutEvent]: {} } })],
    ['an access token of Entra ID or Okta for this very client', () => ({ scp: 'tickets.read' })],
    ['an access token of Keycloak for this very client', () => ({ typ: 'Bearer' })],
    ['asked for by another client', () => ({ azp: 'somebody' })],
  ];
  test.each(forged)('%s', async (_case, claims, signedBy = 'provider', typ = 'JWT') => {
    const folder = await world.machine();
    expect(await world.connect(['login'], { folder, person: 'grace' })).toMatchObject({ exit: 0 });
    const other = await idp().control.forge(token, claims(), signedBy, typ);
    const { exit, stderr } = await world.connect(['whoami'], { ...handing(other), folder });
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[identity_refused]')]);
    expect(stderr).toContain('CLAUDE_CODE_MCP_USER_TOKEN');
  });

  test.each([
    ['that says it is of another issuer', 'https://elsewhere.example'],
    ['that does not say whose it is', ''],
  ])('one %s', async (_case, issuer) => {
    const { exit, stderr } = await world.connect(['whoami'], handing(token, issuer));
    expect([exit, stderr]).toEqual([3, expect.stringContaining('[identity_refused]')]);
  });
});

test('that does not show enough has the person sign in, and says so', async () => {
  await world.configure('interface.yaml', (file) => {
    file.identity.require = { acr: [contexts.secondFactor] };
  });
  const alone = await world.connect(['list'], handing(token));
  expect([alone.exit, alone.stderr]).toEqual([4, expect.stringContaining('that was handed over is not enough')]);
  const there = await world.connect(['list'], { ...handing(token), person: 'grace' });
  expect([there.exit, there.visited.length]).toEqual([0, 1]);
});
