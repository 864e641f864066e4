/** `service-connection` led astray: a service that names addresses of this machine, its network or its cloud. */
import { describe, expect, test } from 'vitest';
import { visit } from '../sandbox/visit.mjs';
import { ask } from '../support/ask.ts';
import { atAuthorization } from '../support/begin.ts';
import type { CommandOutcome } from '../support/command.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { type SilentListener, startSilentListener } from '../support/silent-listener.ts';

const world = sandboxPerTest();

/** What the hostile service says where; what is left out it says as an honest one would. */
interface Lies {
  /** The `resource_metadata` of its challenge. */
  challenge?: string;
  /** Where it sends whoever asks for its resource metadata. */
  redirect?: string;
  authorizationServer?: string;
  /** Endpoints of its authorization server. */
  endpoints?: Record<string, string>;
}

/** Connects to a service that lies. Its browser side agrees to everything. */
async function connectTo(lies: Lies): Promise<{ outcome: CommandOutcome; service: HostileServer }> {
  const service = await startHostileServer((line, _request, origin) => {
    const [, path = ''] = line.split(' ');
    if (path === '/mcp') {
      const named = lies.challenge ?? `${origin}/.well-known/oauth-protected-resource/mcp`;
      return { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${named}"` } };
    }
    if (path.startsWith('/.well-known/oauth-protected-resource')) {
      if (lies.redirect !== undefined) return { status: 302, headers: { location: lies.redirect } };
      return { json: { resource: `${origin}/mcp`, authorization_servers: [lies.authorizationServer ?? origin] } };
    }
    if (path === '/.well-known/oauth-authorization-server') {
      return {
        json: {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          registration_endpoint: `${origin}/register`,
          code_challenge_methods_supported: ['S256'],
          ...lies.endpoints,
        },
      };
    }
    return path === '/register' ? { status: 201, json: { client_id: 'us' } } : undefined;
  });
  // Even a configuration that was taken in by the lie sends nothing there.
  await world.configure('services/notion.yaml', (content) => {
    content.mcp_server_url = `${service.origin}/mcp`;
    content.authorization.issuers = [lies.authorizationServer ?? service.origin];
  });
  const outcome = await world.connect(['notion'], {
    browse: atAuthorization(async (url, begun) => {
      if (new URL(url).origin !== service.origin) return await visit(url, { person: 'ada', begun });
      return await ask(`${begun.redirectUri}?code=the-code&state=${begun.state}`, { headers: begun.headers });
    }),
  });
  return { outcome, service };
}

/** Expects that the command refused an address, opened no connection to it, and kept nothing. */
async function expectRefused(outcome: CommandOutcome, listener: SilentListener): Promise<void> {
  expect([outcome.exit, outcome.stderr]).toEqual([1, expect.stringContaining('[url_refused]')]);
  expect([listener.connections(), await world.credentials()]).toEqual([0, []]);
}

describe('an address inside is not asked, though sandbox mode allows literal loopback: [connecting]', () => {
  test.each([
    ['the challenge names metadata there', (origin: string): Lies => ({ challenge: `${origin}/prm` })],
    ['the metadata names an authorization server there', (origin: string): Lies => ({ authorizationServer: origin })],
    ['clients register there', (origin: string): Lies => ({ endpoints: { registration_endpoint: `${origin}/r` } })],
    ['tokens are given out there', (origin: string): Lies => ({ endpoints: { token_endpoint: `${origin}/token` } })],
  ])('%s', async (_case, lies) => {
    for (const host of ['localhost', '[::ffff:7f00:1]']) {
      const listener = await startSilentListener();
      await expectRefused((await connectTo(lies(`https://${host}:${listener.port}`))).outcome, listener);
    }
    const listener = await startSilentListener();
    const { outcome } = await connectTo(lies('https://169.254.169.254'));
    await expectRefused(outcome, listener);
    expect(outcome.stderr).toContain('"169.254.169.254" is not a public address');
  });

  test('a redirect leads there [connecting]', async () => {
    const listener = await startSilentListener();
    const { outcome, service } = await connectTo({ redirect: `http://localhost:${listener.port}/` });
    expect([outcome.exit, listener.connections()]).toEqual([1, 0]);
    expect(service.lines()).toContain('GET /.well-known/oauth-protected-resource/mcp');
  });
});
