import { expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { unrecorded } from '../../test/support/unrecorded.ts';
import { Secret } from '../secret/secret.ts';
import { judgeAuthorizationServer } from './authorization-server.ts';
import type { OAuthClient } from './registration.ts';
import { revokeGrant } from './revoke.ts';

async function revoke(answer: Answer, metadata: Record<string, unknown> = {}, client: Partial<OAuthClient> = {}) {
  const server = await startHostileServer((line) => (line === 'POST /revoke' ? answer : undefined));
  const document = {
    issuer: server.origin,
    authorization_endpoint: `${server.origin}/authorize`,
    token_endpoint: `${server.origin}/token`,
    revocation_endpoint: `${server.origin}/revoke`,
    code_challenge_methods_supported: ['S256'],
    ...metadata,
  };
  const judged = judgeAuthorizationServer(document, { issuer: server.origin, requirePkce: true });
  const confirmed = await revokeGrant(judged, { clientId: 'us', authMethod: 'none', ...client }, new Secret('rt'), {
    allowLoopbackHttp: true,
    reviewedHosts: new Set(),
    recorder: unrecorded,
    warn: () => {},
  });
  return { confirmed, bodies: server.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body))) };
}

test('a grant is given back with the token and our client id [P8]', async () => {
  expect(await revoke({ status: 200 })).toEqual({ confirmed: true, bodies: [{ token: 'rt', client_id: 'us' }] });
});

test.each([201, 202, 204])('%i confirms it as well [A5.12]', async (status) => {
  expect((await revoke({ status })).confirmed).toBe(true);
});

test.each(['client_secret_basic', 'client_secret_post'] as const)(
  'a client with a secret proves itself with %s',
  async (authMethod) => {
    const server = await startHostileServer(() => ({ status: 200 }));
    const judged = judgeAuthorizationServer(
      {
        issuer: server.origin,
        authorization_endpoint: `${server.origin}/authorize`,
        token_endpoint: `${server.origin}/token`,
        revocation_endpoint: `${server.origin}/revoke`,
        code_challenge_methods_supported: ['S256'],
      },
      { issuer: server.origin, requirePkce: true },
    );
    const client = { clientId: 'us', authMethod, secret: new Secret('the client secret') };
    const rules = { allowLoopbackHttp: true, reviewedHosts: new Set<string>(), recorder: unrecorded, warn: () => {} };
    expect(await revokeGrant(judged, client, new Secret('rt'), rules)).toBe(true);
    const [{ headers, body } = { headers: {}, body: '' }] = server.requests;
    const form = Object.fromEntries(new URLSearchParams(body));
    if (authMethod === 'client_secret_post')
      expect(form).toMatchObject({ client_id: 'us', client_secret: 'the client secret' });
    else expect(headers.authorization).toBe(`Basic ${Buffer.from('us:the+client+secret').toString('base64')}`);
    expect(form['token']).toBe('rt');
  },
);

test.each<[string, Answer]>([
  ['refuses', { status: 400, json: { error: 'invalid_request' } }],
  ['fails', { status: 500 }],
  ['points elsewhere', { status: 307, headers: { location: 'https://evil.example' } }],
  ['hangs up', (response) => response.destroy()],
])('a server that %s has confirmed nothing, and nothing is thrown', async (_case, answer) => {
  const { confirmed, bodies } = await revoke(answer);
  expect([confirmed, bodies.length]).toEqual([false, 1]);
});

test('where a grant cannot be given back, nothing is sent', async () => {
  expect(await revoke({ status: 200 }, { revocation_endpoint: undefined })).toEqual({ confirmed: false, bodies: [] });
});
