/** A Google-shaped service: an issuer that is spelled in two ways, endpoints elsewhere, no 401, and more than was asked for. */
import { describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { connecting } from '../support/client-secret.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();

const hour = 3600 * 1000;

test('is connected with its scopes and a refresh token, which the platform uses again and again', async () => {
  const { google } = world.sandbox.services;
  const connected = await world.connectJson(await connecting(google));
  expect(connected).toMatchObject({
    account: 'ada@example.test',
    refreshable: true,
    scopes: ['https://www.googleapis.com/auth/gmail.readonly', 'https://www.googleapis.com/auth/gmail.compose'],
  });
  const [credential] = await world.credentials();
  expect(credential?.auth).toMatchObject({
    mcp_server_url: google.mcpUrl,
    expires_at: expect.any(String),
    refresh: {
      token_endpoint: google.tokenEndpoint,
      resource: google.mcpUrl,
      token_endpoint_auth: { type: 'client_secret_post' },
    },
  });
  for (let times = 1; times <= 3; times += 1) {
    world.sandbox.clock.advance(2 * hour);
    expect(await world.connectJson(['check', 'google'])).toMatchObject({ services: [{ status: 'connected' }] });
    expect(google.counters.refreshes).toBe(times);
  }
});

test('with --read-only asks for the scope that reads', async () => {
  const connected = await world.connectJson(await connecting(world.sandbox.services.google, '--read-only'));
  expect(connected['scopes']).toEqual(['https://www.googleapis.com/auth/gmail.readonly']);
});

test('without the parameters of the catalogue there is nothing to renew the token with, and that is said', async () => {
  await world.configure('services/google.yaml', (service) => {
    delete service.authorization.authorize_parameters;
  });
  const argv = await connecting(world.sandbox.services.google);
  expect(await world.connectJson(argv)).toMatchObject({ refreshable: false, expires_at: expect.any(String) });
});

test('is refused when another account is chosen there', async () => {
  const { google } = world.sandbox.services;
  const browse = (url: string) => visit(url, { person: 'ada', account: 'grace' });
  const { exit, stderr } = await world.connect(await connecting(google), { browse });
  expect([exit, stderr]).toEqual([3, expect.stringContaining('grace@example.test')]);
  expect(await world.credentials()).toEqual([]);
});

describe('the final slash of an issuer is the only thing that may differ', () => {
  test.each([
    ['another host', (issuer: string) => issuer.replace('127.0.0.1', 'localhost')],
    ['a path', (issuer: string) => `${issuer}/login`],
    ['two slashes', (issuer: string) => `${issuer}//`],
    ['an upper-case scheme', (issuer: string) => issuer.replace('http:', 'HTTP:')],
  ])('metadata that claims %s is refused before anybody is sent there', async (_, claim) => {
    const { google } = world.sandbox.services;
    google.control.claimIssuer(claim(google.issuer));
    const { exit, stderr } = await world.connect(await connecting(google));
    expect([exit, stderr]).toEqual([expect.any(Number), expect.stringContaining('[issuer_mismatch]')]);
    expect([exit === 0, google.counters.authorizations, await world.credentials()]).toEqual([false, 0, []]);
  });
});
