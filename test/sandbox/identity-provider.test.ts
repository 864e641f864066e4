import { get, type IncomingMessage } from 'node:http';
import * as client from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Forge, type IdentityProvider, startIdentityProvider } from './identity-provider.ts';
import { listenOnLoopback } from './listener.ts';
import { type PersonName, people } from './people.ts';
import { visit } from './visit.mjs';

let provider: IdentityProvider;
let configuration: client.Configuration;

beforeAll(async () => {
  provider = await startIdentityProvider();
  configuration = await client.discovery(new URL(provider.issuer), provider.clientId, undefined, client.None(), {
    execute: [client.allowInsecureRequests],
  });
});
afterAll(() => provider.close());
afterEach(() => provider.control.behave());

/** Signs a person in the way the executables do, and reads the verified claims. */
async function signIn(person: PersonName, path = '/callback'): Promise<client.IDToken | undefined> {
  const listener = await listenOnLoopback();
  listener.serve((_request, response) => response.end('done'));
  try {
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const expectedNonce = client.randomNonce();
    const expectedState = client.randomState();
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: `${listener.origin}${path}`,
      scope: 'openid profile email groups',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      nonce: expectedNonce,
      state: expectedState,
    });
    const page = await visit(url.href, { person });
    if (!page.url.startsWith(listener.origin)) throw new Error(page.body);
    const checks = { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true };
    return (await client.authorizationCodeGrant(configuration, new URL(page.url), checks)).claims();
  } finally {
    await listener.close();
  }
}

describe('signing in', () => {
  it('proves subject, name, address and groups in the ID token', async () => {
    expect(await signIn('ada')).toMatchObject({
      iss: provider.issuer,
      sub: people.ada.subject,
      aud: 'mai-cli',
      name: 'Ada Lovelace',
      email: 'ada@example.test',
      groups: ['support', 'editors'],
    });
    expect(await signIn('linus')).toMatchObject({ sub: people.linus.subject, groups: [] });
  });

  it('tells Ada from Mallory by the subject alone', async () => {
    const [ada, mallory] = [await signIn('ada'), await signIn('mallory')];
    expect(mallory?.['email']).toBe(ada?.['email']);
    expect(mallory?.sub).not.toBe(ada?.sub);
    expect(mallory?.sub.toLowerCase()).toBe(ada?.sub.toLowerCase());
  });

  it('announces and sends the issuer with the authorization response', () => {
    const metadata = configuration.serverMetadata();
    expect(metadata['authorization_response_iss_parameter_supported']).toBe(true);
    expect(metadata.supportsPKCE()).toBe(true);
  });

  it('returns to any loopback port but to no other path', async () => {
    await expect(signIn('ada', '/elsewhere')).rejects.toThrow('invalid_redirect_uri');
  });

  it('remembers what it issued', async () => {
    const before = provider.issuedSecrets().length;
    await signIn('ada');
    // A code with its verifier, an access token and an ID token.
    expect(provider.issuedSecrets().length).toBe(before + 4);
  });

  it.each<[string, (forge: Forge) => Promise<string>]>([
    ['another nonce', (forge) => forge({ nonce: 'another' })],
    ['another audience', (forge) => forge({ aud: 'another' })],
    ['another issuer', (forge) => forge({ iss: 'https://another.test' })],
    ['no subject', (forge) => forge({ sub: undefined })],
    ['no signature', (forge) => forge({ sub: people.grace.subject }, 'nobody')],
  ])('can be made to answer with an ID token with %s', async (_, make) => {
    provider.control.tamperTokenResponse(async (answer, forge) => ({ ...answer, id_token: await make(forge) }));
    await expect(signIn('ada')).rejects.toThrow();
  });

  it('can be made to answer with an ID token that a stranger signed', async () => {
    client.enableNonRepudiationChecks(configuration);
    expect((await signIn('ada'))?.sub).toBe(people.ada.subject);
    provider.control.tamperTokenResponse(async (answer, forge) => ({
      ...answer,
      id_token: await forge({ sub: people.grace.subject }, 'stranger'),
    }));
    await expect(signIn('ada')).rejects.toThrow();
  });
});

describe('the listener', () => {
  it('refuses a host name that was pointed at it', async () => {
    const { port } = new URL(provider.issuer);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: '127.0.0.1', port, headers: { host: `evil.test:${port}` } }, resolve).on('error', reject);
    });
    response.resume();
    expect(response.statusCode).toBe(421);
  });
});
