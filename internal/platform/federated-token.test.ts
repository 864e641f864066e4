import { describe, expect, test } from 'vitest';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import type { ExchangeSettings } from './exchange.ts';
import { federatedToken } from './federated-token.ts';

const calm = new AbortController().signal;
let count = 0;

/** An identity token that was never shown before; what is in it, nobody here looks at. */
const identityToken = async () => `aGVhZGVy.${count++}.c2lnbmF0dXJl`;

const settings = (baseUrl: string, changes: Partial<ExchangeSettings> = {}): ExchangeSettings => ({
  federation: {
    ruleId: 'fdrl_1',
    organizationId: 'o',
    serviceAccountId: 'svac_1',
    workspaceId: 'wrkspc_1',
    identityToken,
  },
  baseUrl,
  waitAsAsked: async () => false,
  ...changes,
});

const answer = (token: string) => ({ json: { access_token: token, token_type: 'Bearer', expires_in: 600 } });

test('an exchange is worded as the platform documents it', async () => {
  const server = await startHostileServer(() => answer('sk-ant-oat01-first'));
  const token = federatedToken(settings(`${server.origin}/`));
  expect(await token.current(calm)).toBe('sk-ant-oat01-first');
  expect(server.lines()).toEqual(['POST /v1/oauth/token']);
  expect(server.requests[0]?.headers).toMatchObject({
    'content-type': 'application/json',
    'anthropic-beta': 'oauth-2025-04-20,oidc-federation-2026-04-01',
  });
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: expect.stringMatching(/^aGVhZGVy\.\d+\.c2lnbmF0dXJl$/),
    federation_rule_id: 'fdrl_1',
    organization_id: 'o',
    service_account_id: 'svac_1',
    workspace_id: 'wrkspc_1',
  });
});

describe('a token', () => {
  test('is exchanged once, however many ask for it', async () => {
    const server = await startHostileServer(() => answer('sk-ant-oat01-shared'));
    const token = federatedToken(settings(server.origin));
    const all = await Promise.all(Array.from({ length: 20 }, () => token.current(calm)));
    expect([new Set(all).size, server.requests.length]).toEqual([1, 1]);
  });

  test('that was refused to many at once is replaced once', async () => {
    const server = await startHostileServer(() => answer(`sk-ant-oat01-number-${server.requests.length}`));
    const token = federatedToken(settings(server.origin));
    const first = await token.current(calm);
    const again = Array.from({ length: 20 }, async () => {
      token.refused(first);
      return await token.current(calm);
    });
    expect(new Set(await Promise.all(again))).toEqual(new Set(['sk-ant-oat01-number-2']));
    // A late refusal of the first one says nothing about the second.
    token.refused(first);
    expect([await token.current(calm), server.requests.length]).toEqual(['sk-ant-oat01-number-2', 2]);
  });

  test('whose exchange failed is asked for again by the next one who needs it', async () => {
    const server = await startHostileServer(() =>
      server.requests.length === 1 ? { status: 401, json: {} } : answer('sk-ant-oat01-later'),
    );
    const token = federatedToken(settings(server.origin));
    await expect(token.current(calm)).rejects.toMatchObject({ code: 'platform_refused' });
    expect(await token.current(calm)).toBe('sk-ant-oat01-later');
  });
});

describe('an exchange', () => {
  const silent = () => startHostileServer(() => () => {});

  test('that nobody answers ends in time, after three of them', async () => {
    const server = await silent();
    // Long enough for each request to arrive on a machine that is busy.
    const asked = federatedToken(settings(server.origin, { timeoutMs: 700 })).current(calm);
    await expect(asked).rejects.toMatchObject({
      code: 'platform_unreachable',
      message: expect.stringContaining('did not answer in time'),
    });
    expect(server.requests).toHaveLength(3);
  });

  test('whose answer stalls in its middle ends in time', async () => {
    const server = await startHostileServer(() => (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' });
      response.write('{');
    });
    const asked = federatedToken(settings(server.origin, { timeoutMs: 100 })).current(calm);
    await expect(asked).rejects.toMatchObject({ code: 'platform_unreachable' });
  });

  test('whose answer never ends is read no further than one with a token is long', async () => {
    let sent = 0;
    const server = await startHostileServer(() => (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const pour = () => {
        while (!response.destroyed && sent < 50_000_000 && response.write(' '.repeat(65_536))) sent += 65_536;
      };
      response.on('drain', pour);
      pour();
    });
    await expect(federatedToken(settings(server.origin)).current(calm)).rejects.toMatchObject({
      code: 'platform_unreachable',
    });
    expect(sent).toBeLessThan(20_000_000);
  });

  test('that is interrupted is interrupted for all but those who have to finish', async () => {
    const server = await startHostileServer(() =>
      server.requests.length === 1 ? () => {} : answer('sk-ant-oat01-for-the-end'),
    );
    const token = federatedToken(settings(server.origin));
    const interruption = new AbortController();
    const interrupted = token.current(interruption.signal);
    const finishing = token.current(calm);
    setTimeout(() => interruption.abort(), 50);
    await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' });
    expect(await finishing).toBe('sk-ant-oat01-for-the-end');
  });

  test('that is redirected goes nowhere else', async () => {
    const other = await startHostileServer(() => answer('sk-ant-oat01-stolen'));
    const server = await startHostileServer(() => ({ status: 307, headers: { location: `${other.origin}/` } }));
    await expect(federatedToken(settings(server.origin)).current(calm)).rejects.toMatchObject({
      code: 'platform_refused',
    });
    expect(other.lines()).toEqual([]);
  });
});

test.each<[string, number, unknown, string, RegExp]>([
  [
    'an opaque refusal',
    401,
    { error: { type: 'authentication_error', message: 'Authentication failed' } },
    '401 "Authentication failed"',
    /Console .* "wrkspc_1"/,
  ],
  [
    'the refusal of an OAuth server',
    400,
    { error: 'invalid_grant', error_description: 'no' },
    '400 "invalid_grant: no"',
    /Console/,
  ],
  [
    'a request that is none',
    400,
    { error: { message: 'organization_id: Field required' } },
    '400 "organization_id: Field required"',
    /check ANTHROPIC_FEDERATION_RULE_ID/,
  ],
  ['nothing that can be read', 403, undefined, '403', /Console/],
  ['controls', 401, { error: { message: 'a\u001b[2J\nb' } }, '401 "a\\u001b[2J\\nb"', /Console/],
])('%s is explained', async (_case, status, json, said, hint) => {
  const server = await startHostileServer(() => ({ status, ...(json === undefined ? { text: '<html>' } : { json }) }));
  const asked = federatedToken(settings(server.origin)).current(calm);
  await expect(asked).rejects.toMatchObject({
    code: 'platform_refused',
    message: expect.stringContaining(`(rule "fdrl_1"): the platform answered ${said}`),
    hint: expect.stringMatching(hint),
  });
});
