/** `--device`: a code is shown, entered elsewhere, and the connection is stored as any other. */
import { expect, test } from 'vitest';
import { startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();

/** Gives Notion a device flow, which hands out the access that was granted before. */
async function offerDeviceFlow() {
  await world.connect(['notion']);
  const { notion } = world.sandbox.services;
  const works = async (token: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: '*/*' };
    return (await fetch(notion.mcpUrl, { method: 'POST', headers, body: '{}' })).status !== 401;
  };
  let access = '';
  for (const secret of notion.issuedSecrets()) if (await works(secret)) access = secret;
  let polls = 0;
  const server = await startHostileServer((line, { body }, origin) => {
    if (line === 'POST /register') return { status: 201, json: { ...JSON.parse(body), client_id: 'by-code' } };
    if (line === 'POST /device') {
      const codes = { device_code: 'a-device-code-that-is-secret', user_code: 'ABCD-EFGH' };
      return { json: { ...codes, verification_uri: `${origin}/enter`, expires_in: 60, interval: 0.05 } };
    }
    if (line !== 'POST /token') return undefined;
    polls += 1;
    if (polls === 1) return { status: 400, json: { error: 'authorization_pending' } };
    return { json: { access_token: access, token_type: 'Bearer', expires_in: 3600 } };
  });
  notion.control.tamperMetadata((metadata) => ({
    ...metadata,
    device_authorization_endpoint: `${server.origin}/device`,
    token_endpoint: `${server.origin}/token`,
    registration_endpoint: `${server.origin}/register`,
  }));
  return server;
}

test('--device shows where to enter which code, opens nothing, and stores what comes back [b18] [c14] [connecting]', async () => {
  const server = await offerDeviceFlow();
  const { exit, stdout, stderr, visited } = await world.connect(['notion', '--device'], { terminal: fakeTerminal() });
  // The one visit is the person's own sign-in.
  expect([exit, visited.length, stdout]).toEqual([0, 1, expect.stringContaining('is now in the vault of')]);
  expect(stderr).toContain(`open ${server.origin}/enter in any browser and enter the code: ABCD-EFGH`);
  expect(stderr).toContain('do this only if you started it yourself');
  expect(stderr).not.toContain('a-device-code-that-is-secret');
  expect(JSON.parse(server.requests[0]?.body ?? '')).toMatchObject({
    redirect_uris: [],
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  });
  expect(await world.credentials()).toHaveLength(1);
});

test('--device at a service without it is refused, with what to do instead, and nothing is changed', async () => {
  // Without a spinner, of whose lines only a real screen is cleared.
  const argv = ['notion', '--device', '--quiet'];
  const { exit, stderr, visited } = await world.connect(argv, { terminal: fakeTerminal() });
  expect([exit, visited.length, stderr]).toEqual([2, 1, expect.stringContaining('--paste')]);
  expect(await world.credentials()).toEqual([]);
});

test('--device where nobody sits ends at once with the command to run [b17] [b18]', async () => {
  const { exit, stderr, visited } = await world.connect(['notion', '--device']);
  expect([exit, visited, world.asked()]).toEqual([4, [], []]);
  expect(stderr).toContain('service-connection notion --device');
});
