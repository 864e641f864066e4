import { describe, expect, test } from 'vitest';
import { type Answer, startHostileServer } from '../../test/support/hostile-server.ts';
import { guardedFetch } from '../outside/http.ts';
import {
  chooseIssuer,
  discoverAuthorizationServer,
  judgeAuthorizationServer,
  metadataAddresses,
} from './authorization-server.ts';

const fetch = guardedFetch({ allowLoopbackHttp: true, signal: new AbortController().signal });
const issuer = 'https://as.example';
const good = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  code_challenge_methods_supported: ['S256'],
};

const endpoints = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
];

describe('the metadata addresses', () => {
  test('of an issuer without a path are the two root forms [A1.5]', () => {
    const addresses = [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration',
    ];
    expect(metadataAddresses('https://as.example')).toEqual(addresses);
    expect(metadataAddresses('https://as.example/')).toEqual(addresses);
  });

  test('of an issuer with a path are the inserted forms, then the appended one [A1.5]', () => {
    expect(metadataAddresses('https://as.example/a/b')).toEqual([
      'https://as.example/.well-known/oauth-authorization-server/a/b',
      'https://as.example/.well-known/openid-configuration/a/b',
      'https://as.example/a/b/.well-known/openid-configuration',
    ]);
  });
});

describe('the issuer of the metadata', () => {
  const judge = (claimed: unknown, expected: string) =>
    judgeAuthorizationServer({ ...good, issuer: claimed }, { issuer: expected, requirePkce: true }).issuer;

  test.each([
    ['https://as.example', 'https://as.example'],
    ['https://as.example/', 'https://as.example'],
    ['https://as.example', 'https://as.example/'],
    ['https://as.example/a', 'https://as.example/a'],
  ])('%s may be the one expected as %s, and is kept as claimed [A1.6] [A1.14] [A5.1]', (claimed, expected) => {
    expect(judge(claimed, expected)).toBe(claimed);
  });

  test.each([
    ['https://evil.example', 'https://as.example'],
    ['https://as.example/a/', 'https://as.example/a'],
    ['https://as.example/a', 'https://as.example/a/'],
    ['https://as.example//', 'https://as.example'],
    ['https://AS.example', 'https://as.example'],
    ['https://as.example.', 'https://as.example'],
    ['https://as.example:443', 'https://as.example'],
    ['http://as.example', 'https://as.example'],
    ['https://\u0430s.example', 'https://as.example'],
    ['https://as.example?', 'https://as.example'],
  ])('%j is not the one expected as %s [A1.6] [A2.1] [A5.1] [c2] [connecting]', (claimed, expected) => {
    expect(() => judge(claimed, expected)).toThrow(expect.objectContaining({ code: 'issuer_mismatch' }));
  });
});

describe('an issuer whose metadata names another one', () => {
  const judge = (claimed: string, reviewedName: string | undefined) =>
    judgeAuthorizationServer({ ...good, issuer: claimed }, { issuer, reviewedName, requirePkce: true }).issuer;

  test('is taken where the catalogue names both, and is kept as claimed [A1.6] [A1.14]', () => {
    expect(judge('https://as.example/tenant', 'https://as.example/tenant')).toBe('https://as.example/tenant');
    expect(judge(issuer, 'https://as.example/tenant')).toBe(issuer);
  });

  test('goes by its own name where the other one is a pattern for every tenant [A6.1]', () => {
    const pattern = 'https://as.example/{tenantid}';
    const judged = judgeAuthorizationServer(
      { ...good, issuer: pattern },
      { issuer: 'https://as.example/organizations', reviewedName: pattern, requirePkce: true },
    );
    expect(judged.issuer).toBe('https://as.example/organizations');
  });

  test.each([
    ['https://as.example/tenant', undefined],
    ['https://as.example/tenant/', 'https://as.example/tenant'],
    ['https://as.example/other', 'https://as.example/tenant'],
    ['https://evil.example/', 'https://evil.example'],
  ])('is refused as %s where the catalogue says %s [A1.6] [c2]', (claimed, reviewedName) => {
    expect(() => judge(claimed, reviewedName)).toThrow(expect.objectContaining({ code: 'issuer_mismatch' }));
  });
});

describe('metadata', () => {
  const judge = (changes: Record<string, unknown>, requirePkce = true) =>
    judgeAuthorizationServer({ ...good, ...changes }, { issuer, requirePkce });

  test.each(['issuer', 'authorization_endpoint', 'token_endpoint'])(
    'without %s is refused, naming it [A1.23]',
    (member) => {
      expect(() => judge({ [member]: undefined })).toThrow(
        expect.objectContaining({ code: 'service_metadata', message: expect.stringContaining(`lacks "${member}"`) }),
      );
    },
  );

  test.each<[string, unknown]>([
    ...['issuer', ...endpoints, 'jwks_uri'].flatMap((name): [string, unknown][] => [
      [name, 7],
      [name, [issuer]],
    ]),
    ...[
      'grant_types_supported',
      'code_challenge_methods_supported',
      'token_endpoint_auth_methods_supported',
      'prompt_values_supported',
      'id_token_signing_alg_values_supported',
      'dpop_signing_alg_values_supported',
    ].flatMap((name): [string, unknown][] => [
      [name, 'S256'],
      [name, ['S256', 7]],
      [name, { 0: 'S256' }],
    ]),
    ['scopes_supported', 7],
    ['scopes_supported', ['read', 7]],
    ['authorization_response_iss_parameter_supported', 'true'],
    ['client_id_metadata_document_supported', 1],
  ])('whose %s is %j is refused, naming it and where it was read [A1.23]', (member, value) => {
    expect(() => judge({ [member]: value })).toThrow(
      expect.objectContaining({
        code: 'service_metadata',
        message: expect.stringMatching(new RegExp(`at "https://as.example", is wrong: "${member}" is n`)),
      }),
    );
  });

  test.each(
    endpoints.flatMap((name) =>
      ['/token', '', 'token', 'http://as.example/token', '//as.example/token'].map((address) => [name, address]),
    ),
  )('whose %s is %j is refused, saying whose it is [A1.19] [A1.23]', (name, address) => {
    expect(() => judge({ [name ?? '']: address })).toThrow(
      expect.objectContaining({
        code: 'url_refused',
        message: expect.stringContaining(`the ${name} that "${issuer}" publishes`),
      }),
    );
  });

  test('may list its scopes in one text; a number is no list [A5.11]', () => {
    expect(judge({ scopes_supported: 'read  offline_access' })['scopes_supported']).toEqual(['read', 'offline_access']);
  });

  test('is handed on with what was looked at, and nothing else', () => {
    expect(judge({ mtls_endpoint_aliases: 7, service_documentation: null })).toEqual(good);
  });

  test.each([undefined, [], ['plain'], ['s256'], 'S256', null])(
    'whose PKCE methods are %j is refused, naming the issuer [A1.8] [A2.6] [A3.4] [c6] [connecting]',
    (methods) => {
      expect(() => judge({ code_challenge_methods_supported: methods })).toThrow(
        expect.objectContaining({ code: 'service_metadata', message: expect.stringContaining(issuer) }),
      );
    },
  );

  test('may list further PKCE methods, and say nothing of them where signing in is all it does', () => {
    expect(judge({ code_challenge_methods_supported: ['plain', 'S256'] }).issuer).toBe(issuer);
    expect(judge({ code_challenge_methods_supported: undefined }, false).issuer).toBe(issuer);
  });

  test('may be silent about PKCE where somebody reviewed that, and not list others instead [A1.8] [A6.2]', () => {
    const reviewed = (methods: unknown) =>
      judgeAuthorizationServer(
        { ...good, code_challenge_methods_supported: methods },
        { issuer, requirePkce: true, pkceUnadvertised: true },
      );
    expect(reviewed(undefined).issuer).toBe(issuer);
    for (const listed of [[], ['plain'], 'S256'])
      expect(() => reviewed(listed)).toThrow(expect.objectContaining({ code: 'service_metadata' }));
  });
});

describe('the authorization server to use', () => {
  const named = (...authorizationServers: string[]) => ({ authorizationServers, withoutMetadata: false });

  test('is one that the service names and the catalogue pins, as the catalogue spells it [A1.4]', () => {
    expect(chooseIssuer(named('https://evil.example', 'https://as.example/'), [issuer], 'notion')).toBe(issuer);
    expect(
      chooseIssuer(named('https://b.example', 'https://a.example'), ['https://a.example', 'https://b.example'], 'x'),
    ).toBe('https://a.example');
  });

  test.each([[['https://evil.example']], [[]], [['https://as.example/x']]])(
    'is never %j [A1.4] [c11] [connecting]',
    (offered) => {
      expect(() => chooseIssuer(named(...offered), [issuer], 'notion')).toThrow(
        expect.objectContaining({ code: 'issuer_mismatch' }),
      );
    },
  );
});

describe('discovery', () => {
  async function discover(
    paths: Record<string, (origin: string) => Answer>,
    path = '',
    more: Partial<Parameters<typeof discoverAuthorizationServer>[0]> = {},
  ) {
    const server = await startHostileServer((line, _request, origin) => paths[line.replace(/^GET /, '')]?.(origin));
    const expectation = { issuer: `${server.origin}${path}`, requirePkce: true, ...more };
    const outcome = await discoverAuthorizationServer(expectation, fetch).catch((error: unknown) => error);
    return { outcome, lines: server.lines(), origin: server.origin };
  }
  const honest =
    (path = '') =>
    (origin: string): Answer => ({ json: { ...good, issuer: `${origin}${path}` } });
  const [oauth, openid] = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];

  test('asks one form after the other until there is a document [A1.5] [A1.7] [A3.2]', async () => {
    expect((await discover({ [oauth]: honest() })).lines).toEqual([`GET ${oauth}`]);
    const { outcome, lines, origin } = await discover({ [`/t${openid}`]: honest('/t') }, '/t');
    expect(lines).toEqual([`GET ${oauth}/t`, `GET ${openid}/t`, `GET /t${openid}`]);
    expect(outcome).toMatchObject({ issuer: `${origin}/t` });
  });

  test.each([
    [404, {}],
    [500, {}],
    [502, {}],
    [503, {}],
    [200, { headers: { 'content-type': 'text/html' }, text: '<html>' }],
  ])('goes on after a %i [A1.5]', async (status, answer) => {
    expect((await discover({ [oauth]: () => ({ status, ...answer }), [openid]: honest() })).outcome).toMatchObject({
      token_endpoint: good.token_endpoint,
    });
  });

  test.each([500, 503])('that finds a %i and nothing else says where, and to try again [A1.5]', async (status) => {
    const { outcome, lines, origin } = await discover({ [oauth]: () => ({ status }) });
    expect(outcome).toMatchObject({
      code: 'service_metadata',
      message: expect.stringContaining(`"${origin}${oauth}" answered ${status}`),
      hint: 'try again later',
    });
    expect(lines).toEqual([`GET ${oauth}`, `GET ${openid}`]);
  });

  test.each(['application/octet-stream', 'text/plain; charset=utf-8', 'application/problem+json', undefined])(
    'takes JSON as %s [A1.5]',
    async (type) => {
      const headers = type === undefined ? {} : { 'content-type': type };
      const document = (origin: string) => ({ headers, text: JSON.stringify({ ...good, issuer: origin }) });
      expect((await discover({ [oauth]: document })).lines).toEqual([`GET ${oauth}`]);
    },
  );

  test('takes a member that is null for one that is left out [A1.24]', async () => {
    const nulls = Object.fromEntries(
      [...endpoints.slice(2), 'scopes_supported', 'grant_types_supported', 'jwks_uri'].map((name) => [name, null]),
    );
    const { outcome, origin } = await discover({
      [oauth]: (at) => ({ json: { ...good, ...nulls, issuer: at } }),
    });
    expect(outcome).toEqual({ ...good, issuer: origin });
  });

  test('of an issuer that is not an address says so', async () => {
    await expect(discoverAuthorizationServer({ issuer: 'as.example', requirePkce: true }, fetch)).rejects.toMatchObject(
      { code: 'service_metadata', message: expect.stringContaining('"as.example"') },
    );
  });

  test('stops at a document of another issuer [A1.6] [c2]', async () => {
    const { outcome, lines } = await discover({ [oauth]: () => ({ json: good }), [openid]: honest() });
    expect(outcome).toMatchObject({ code: 'issuer_mismatch' });
    expect(lines).toEqual([`GET ${oauth}`]);
  });

  test('follows a redirect on the same origin only [c21]', async () => {
    const evil = await startHostileServer((_line, _request, origin) => honest()(origin));
    const near = await discover({
      [oauth]: () => ({ status: 301, headers: { location: '/moved' } }),
      '/moved': honest(),
    });
    expect(near.outcome).toMatchObject({ issuer: near.origin });
    const far = await discover({ [oauth]: () => ({ status: 301, headers: { location: `${evil.origin}/x` } }) });
    expect(far.outcome).toMatchObject({
      code: 'service_metadata',
      message: `the metadata of "${far.origin}" is not taken from another origin: "${far.origin}${oauth}" leads to "${evil.origin}"`,
      hint: expect.stringContaining('set authorization.issuers in its file'),
    });
    expect(evil.lines()).toEqual([]);
  });

  test('of a provider is the document of OpenID Connect, and the one of OAuth only where that is not fit [P2]', async () => {
    const asks = { openid: true, requirePkce: false };
    const withKeys = (issuer: string) => ({ json: { ...good, issuer, jwks_uri: `${issuer}/keys` } });
    const first = await discover({ [openid]: withKeys, [oauth]: withKeys }, '', asks);
    expect([first.outcome, first.lines]).toMatchObject([{ issuer: first.origin }, [`GET ${openid}`]]);
    const others = [honest(), () => ({ json: { ...good, jwks_uri: 'https://as.example/keys' } }), () => ({ json: [] })];
    for (const unfit of others) {
      const second = await discover({ [openid]: unfit, [oauth]: withKeys }, '', asks);
      expect([second.outcome, second.lines]).toMatchObject([
        { issuer: second.origin },
        [`GET ${openid}`, `GET ${oauth}`],
      ]);
    }
    const another = others[1] ?? honest();
    const none = await discover({ [openid]: another, [oauth]: another }, '', asks);
    expect(none.outcome).toMatchObject({ code: 'issuer_mismatch' });
    expect((await discover({ [openid]: honest(), [oauth]: honest() }, '', asks)).outcome).toMatchObject({
      code: 'service_metadata',
      message: expect.stringContaining('jwks_uri'),
    });
  });

  test('to another origin names both and a way out, for a provider; the other document counts all the same [P2]', async () => {
    const evil = await startHostileServer((_line, _request, origin) => honest()(origin));
    const away = () => ({ status: 302, headers: { location: `${evil.origin}${openid}` } });
    const asks = { openid: true, requirePkce: false };
    const refused = await discover({ [openid]: away, [oauth]: away }, '', asks);
    expect(refused.outcome).toMatchObject({
      code: 'service_metadata',
      message: `the metadata of "${refused.origin}" is not taken from another origin: "${refused.origin}${openid}" leads to "${evil.origin}"`,
      hint: expect.stringContaining('set identity.issuer in config/interface.yaml'),
    });
    const withKeys = (issuer: string) => ({ json: { ...good, issuer, jwks_uri: `${issuer}/keys` } });
    const found = await discover({ [openid]: away, [oauth]: withKeys }, '', asks);
    expect([found.outcome, evil.lines()]).toEqual([expect.objectContaining({ issuer: found.origin }), []]);
  });

  test('that finds nothing says what cannot be checked [A1.8]', async () => {
    expect((await discover({})).outcome).toMatchObject({ code: 'service_metadata', hint: expect.any(String) });
  });
});
