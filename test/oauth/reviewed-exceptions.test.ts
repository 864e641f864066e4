/**
 * What a service may do against the rules once somebody has reviewed it. Every refusal names the one line that lets it
 * pass, and here each is followed: what the hint says is written into the file, and the next run connects or says the next
 * thing. The draft of `add` has the same lines, not in force.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ErrorCode } from '../../internal/errors/exit-codes.ts';
import { type Attack, hostileWorld } from './hostile-world.ts';
import { type Script, startScriptedService } from './scripted-service.ts';

const world = hostileWorld();
afterEach(() => world.forget());

/** The lines of `authorization` that a hint names. */
function lineIn(stderr: string): Record<string, unknown> {
  const [, line = ''] = /^service-connection: hint: .*, under authorization, (\w+: .*)$/m.exec(stderr) ?? [];
  return parse(line);
}

/** Connects as often as there is a hint to follow; the codes of the refusals on the way. */
async function followHints(attack: Omit<Attack, 'ends'>) {
  const service = attack.service ?? (await startScriptedService(attack.script));
  const authorization: Record<string, unknown> = {};
  const refusals: ErrorCode[] = [];
  for (let runs = 0; runs < 4; runs += 1) {
    const outcome = await world.connect({
      ...attack,
      service,
      configure: (file, started) => {
        attack.configure?.(file, started);
        Object.assign(file.authorization, authorization);
      },
    });
    if (outcome.exit === 0) return { outcome, refusals, authorization, service };
    const { stderr } = outcome;
    refusals.push((/\[(\w+)\]$/m.exec(stderr)?.[1] ?? stderr) as ErrorCode);
    expect(outcome.consents, 'nobody is asked for anything before it was reviewed').toEqual([]);
    const line = lineIn(stderr);
    expect(Object.keys(line), stderr).toHaveLength(1);
    expect(authorization, 'a hint that was followed does not come again').not.toMatchObject(line);
    Object.assign(authorization, line);
  }
  throw new Error(`hints without an end: ${refusals.join(', ')}`);
}

const silent: Script = {
  metadata: ({ honest }) => ({ json: { ...honest, code_challenge_methods_supported: undefined } }),
};
const otherName: Script = {
  metadata: ({ honest, origin }) => ({ json: { ...honest, issuer: `${origin}/backend/oauthproxy` } }),
  authorization: ({ honest, request, origin }) =>
    redirect(request.target, { ...honest, iss: `${origin}/backend/oauthproxy` }),
};
const appId = 'api://0f1e2d3c-1111-2222-3333-444455556666';
const otherResource: Script = { resource: ({ honest }) => ({ json: { ...honest, resource: appId } }) };

/** Sends the browser back with these parameters. */
function redirect(target: string | undefined, parameters: Record<string, unknown>) {
  const to = new URL(target ?? '', 'http://x').searchParams.get('redirect_uri');
  return { status: 302, headers: { location: `${to}?${new URLSearchParams(parameters as Record<string, string>)}` } };
}

describe('a refusal that a review can lift names the line that does [A6.1] [A6.2] [A6.3] [A6.4]', () => {
  test.each<[string, Script, ErrorCode[], (origin: string) => object]>([
    [
      'an issuer that goes by another name',
      otherName,
      ['issuer_mismatch'],
      (origin) => ({ metadata_issuers: { [origin]: `${origin}/backend/oauthproxy` } }),
    ],
    ['PKCE that nobody advertises [A6.2]', silent, ['service_metadata'], () => ({ pkce: 'unadvertised' })],
    ['a resource that is no URL [A6.3]', otherResource, ['service_metadata'], () => ({ resource: appId })],
    [
      'a resource at another host',
      { resource: ({ honest }) => ({ json: { ...honest, resource: 'https://gateway.example.com/v1/mcp' } }) },
      ['service_metadata'],
      () => ({ resource: 'https://gateway.example.com/v1/mcp' }),
    ],
    [
      'all of them, one after the other [A6.1] [A6.2]',
      {
        ...otherName,
        ...otherResource,
        metadata: ({ honest, origin }) => ({
          json: { ...honest, issuer: `${origin}/backend/oauthproxy`, code_challenge_methods_supported: null },
        }),
      },
      ['service_metadata', 'issuer_mismatch', 'service_metadata'],
      (origin) => ({
        resource: appId,
        metadata_issuers: { [origin]: `${origin}/backend/oauthproxy` },
        pkce: 'unadvertised',
      }),
    ],
  ])('%s', async (_case, script, refused, reviewed) => {
    const { refusals, authorization, outcome, service } = await followHints({ script });
    expect([refusals, authorization]).toEqual([refused, reviewed(service.origin)]);
    // Whatever was let pass, S256 is sent, and the resource as it names itself.
    for (const { searchParams } of outcome.consents) {
      expect(searchParams.get('code_challenge_method')).toBe('S256');
      expect(searchParams.get('resource')).toBe(
        (reviewed(service.origin) as { resource?: string }).resource ?? service.mcpUrl,
      );
    }
    expect(service.tokenRequests().every((form) => (form.get('code_verifier') ?? '').length >= 43)).toBe(true);
  });

  test('the metadata of every tenant: the pattern in its place, and the tenant that was asked is who it is [A6.1]', async () => {
    const service = await startScriptedService(
      { metadata: ({ honest, origin }) => ({ json: { ...honest, issuer: `${origin}/{tenantid}` } }) },
      '/organizations',
    );
    const { refusals, authorization } = await followHints({
      service,
      configure: (file) => {
        file.authorization.issuers = [`${service.origin}/organizations`];
      },
    });
    expect(refusals).toEqual(['issuer_mismatch']);
    expect(authorization).toEqual({
      metadata_issuers: { [`${service.origin}/organizations`]: `${service.origin}/{tenantid}` },
    });
  });

  test.each<[string, object]>([
    ['another name than the reviewed one', { metadata_issuers: { ORIGIN: 'ORIGIN/other' } }],
    ['the reviewed name of another kind', { resource: 'ORIGIN/backend/oauthproxy' }],
  ])('and lets nothing else pass: %s [A6.1]', async (_case, reviewed) => {
    const service = await startScriptedService(otherName);
    const own = JSON.parse(JSON.stringify(reviewed).replaceAll('ORIGIN', service.origin));
    await world.attack({
      service,
      configure: (file) => Object.assign(file.authorization, own),
      ends: 'issuer_mismatch',
    });
  });

  test('PKCE methods without S256 are no silence: no line lets them pass [A6.2]', async () => {
    const { stderr } = await world.attack({
      script: { metadata: ({ honest }) => ({ json: { ...honest, code_challenge_methods_supported: ['plain'] } }) },
      configure: (file) => Object.assign(file.authorization, { pkce: 'unadvertised' }),
      ends: 'service_metadata',
    });
    expect(stderr).not.toContain('under authorization');
  });
});

describe('a server that no bearer token gets into is refused before anybody is asked [A7.5]', () => {
  test.each<[string, object, string]>([
    ['DPoP', { dpop_bound_access_tokens_required: true }, 'bound to a key (DPoP, RFC 9449)'],
    ['mTLS', { tls_client_certificate_bound_access_tokens: true }, 'bound to a client certificate'],
    ['no bearer method', { bearer_methods_supported: [] }, 'not sent in a header'],
    ['bearer in the body', { bearer_methods_supported: ['body'] }, 'not sent in a header'],
  ])('in its metadata: %s', async (_case, said, why) => {
    const { consents, service, stderr } = await world.attack({
      script: { resource: ({ honest }) => ({ json: { ...honest, ...said } }) },
      ends: 'service_metadata',
      said: why,
    });
    expect([consents, service.lines()]).toEqual([[], expect.not.arrayContaining(['POST /register'])]);
    expect(stderr).toContain('the platform sends bearer tokens');
  });

  test('in its challenge, and only where it has no other', async () => {
    const challenge = (header: string): Script => ({
      challenge: () => ({ status: 401, headers: { 'www-authenticate': header } }),
    });
    await world.attack({ script: challenge('DPoP algs="ES256"'), ends: 'service_metadata', said: 'DPoP' });
    expect((await world.connect({ script: challenge('DPoP algs="ES256", Bearer realm="x"') })).exit).toBe(0);
  });

  test('in its registration', async () => {
    const { consents } = await world.attack({
      script: { registration: ({ honest }) => ({ status: 201, json: { ...honest, dpop_bound_access_tokens: true } }) },
      ends: 'registration_refused',
      said: 'DPoP',
    });
    expect(consents).toEqual([]);
  });

  test('and may offer DPoP beside bearer tokens', async () => {
    const script: Script = {
      resource: ({ honest }) => ({
        json: {
          ...honest,
          bearer_methods_supported: ['header', 'body'],
          dpop_bound_access_tokens_required: false,
          dpop_signing_alg_values_supported: ['ES256'],
        },
      }),
      metadata: ({ honest }) => ({ json: { ...honest, dpop_signing_alg_values_supported: ['ES256'] } }),
    };
    expect((await world.connect({ script })).exit).toBe(0);
  });
});

describe('the draft of a service that is against the rules', () => {
  test('names each line with its risk, none in force; nobody signs in before they are [A6.4]', async () => {
    const service = await startScriptedService({
      ...otherName,
      ...otherResource,
      metadata: ({ honest, origin }) => ({
        json: { ...honest, issuer: `${origin}/backend/oauthproxy`, code_challenge_methods_supported: null },
      }),
    });
    const added = await world.connect({
      service: await startScriptedService(),
      argv: ['add', service.mcpUrl, '--name', 'drafted'],
    });
    expect([added.exit, added.visited, added.consents], added.stderr).toEqual([0, [], []]);
    const path = join(added.folder, 'config', 'services', 'drafted.yaml');
    const draft = await readFile(path, 'utf8');
    expect(parse(draft).authorization).toEqual({ issuers: [service.origin], registration: 'dynamic' });
    expect(draft.match(/# Not in force, .* The risk: /g)).toHaveLength(3);

    const uncommented = draft.replace(/^ {2}# (metadata_issuers|pkce|resource): /gm, '  $1: ');
    await writeFile(path, uncommented);
    const { authorization } = parse(uncommented);
    const connected = await world.connect({ service, configure: (file) => Object.assign(file, { authorization }) });
    expect([connected.exit, connected.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  });
});
