/**
 * A real provider that nobody here wrote: Debian's glewlwyd signs a person in, and guards an MCP server made of the public
 * SDK's own parts. Its metadata names no refresh_token among its grants, it registers with 200, its `auth_time` is 0, the
 * audience of its access tokens is a scope, it refreshes without an ID token and refuses with an empty 400.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { atAuthorization } from '../support/begin.ts';
import { keepSignIns } from '../support/kept-sign-in.ts';
import { sandboxPerTest } from '../support/sandboxed-commands.ts';
import { skipped } from '../support/skip.ts';
import { missingGlewlwyd, startGlewlwyd } from './glewlwyd.ts';
import { startGuardedServer } from './guarded-server.ts';

const world = sandboxPerTest();
afterEach(() => {
  vi.useRealTimers();
});

/** How long its tokens are good: long enough for a few requests on a busy machine, short enough to wait for the end. */
const tokenSeconds = 10;
/** With the waits before it longer than its tokens and the clock skew that is borne, and by itself no clock that is wrong. */
const laterMs = 55_000;

const expiryOf = (credential?: { auth: object }) =>
  String((credential?.auth as { expires_at?: string } | undefined)?.expires_at);

describe.skipIf(skipped(missingGlewlwyd()))('with glewlwyd', () => {
  test('login, whoami, connect, refresh after expiry, disconnect', async () => {
    const provider = await startGlewlwyd(tokenSeconds);
    const service = await startGuardedServer(provider.issuer);
    await keepSignIns(world);
    // It knows neither offline_access nor prompt=consent, and gives a refresh token without being asked.
    await world.configure('interface.yaml', (file) => {
      const { issuer, clientId: client_id, redirectPort: port } = provider;
      const { keep } = file.identity;
      file.identity = { mode: 'sso', issuer, client_id, scopes: ['openid'], redirect: { port }, keep };
    });
    const folder = await world.machine();
    const setting = {
      folder,
      browse: atAuthorization((address, { headers }) => provider.visit(address, headers)),
      person: undefined,
    };
    const alone = { folder, person: undefined };

    const signedIn = await world.connect(['login', '--timeout', '15'], setting);
    expect([signedIn.exit, signedIn.stdout]).toEqual([0, expect.stringMatching(/^signed in as .*, kept/)]);
    const me = await world.connectJson(['whoami'], alone);
    expect(me).toMatchObject({ kind: 'sso', issuer: provider.issuer, proven_by: 'kept', auth_time: null });

    const { subject } = me as { subject: string };
    await world.configure('interface.yaml', (file) => {
      file.people = { groups: {}, principals: { [subject]: { notion: { read: 'on' } } } };
    });
    await world.configure('services/notion.yaml', (file) => {
      file.mcp_server_url = service.mcpUrl;
      file.authorization = { issuers: [provider.issuer], registration: 'dynamic' };
      file.account = { tool: 'whoami', name: 'sub', match: 'none' };
      file.tools = { read: ['whoami'] };
    });
    // What its tokens say that they are for is a scope, and a person has to know that.
    const refused = await world.connect(['notion', '--timeout', '15'], setting);
    expect([refused.exit, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/says that it is for "mcp", (?:.|\n)*--accept-audience/),
    ]);
    const connected = await world.connectJson(['notion', '--timeout', '15', '--accept-audience'], setting);
    expect(connected).toMatchObject({ account: subject, change: 'created', refreshable: true, status: 'valid' });

    // Twice, since each refresh token is good once: the second is the one that the first refresh brought.
    for (const _ of [1, 2]) {
      const [before] = await world.credentials();
      await sleep(tokenSeconds * 1000 + 500);
      const { services } = await world.connectJson(['check', 'notion'], alone);
      expect(services).toMatchObject([{ status: 'connected' }]);
      const [after] = await world.credentials();
      // Another end, and not always a later one: the first is half a minute away, however short the token lives.
      expect(expiryOf(after)).not.toBe(expiryOf(before));
    }

    // After the end of the ID token nothing proves who it is: it is renewed without one.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + laterMs });
    const ended = await world.connect(['whoami'], alone);
    expect([ended.exit, ended.stderr]).toEqual([4, expect.stringContaining('renews it without an ID token')]);
    vi.useRealTimers();
    expect((await world.connect(['login', '--timeout', '15'], setting)).exit).toBe(0);
    expect(await world.connectJson(['disconnect', 'notion'], alone)).toMatchObject({ change: 'disconnected' });
    expect(await world.credentials()).toEqual([]);
  }, 90_000);
});
