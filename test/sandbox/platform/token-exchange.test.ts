import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { standingClock } from '../clock.ts';
import { githubJob, startWorkloadIssuer, type WorkloadIssuer } from '../workload-issuer.ts';
import { type FederationRule, platformAudience, type RuleOptions } from './federation-rule.ts';
import { type PlatformSandbox, startPlatform } from './start.ts';

const clock = standingClock(Date.now());
const other = { apiKey: 'other', workspaceId: 'wrkspc_other' };
let platform: PlatformSandbox;
let issuer: WorkloadIssuer;
let rule: FederationRule;

beforeAll(async () => {
  platform = await startPlatform({ clock, extraKeys: [other] });
  issuer = await startWorkloadIssuer();
});
afterAll(() => Promise.all([platform.close(), issuer.close()]));
beforeEach(() => {
  clock.set(Date.now());
  issuer.control.behave();
  rule = ruleWith();
});

function ruleWith(changes: Partial<RuleOptions> = {}): FederationRule {
  return platform.control.federate({
    issuer: issuer.issuer,
    match: { subject_prefix: 'repo:acme/agents:*' },
    ...changes,
  });
}

const betas = 'oauth-2025-04-20,oidc-federation-2026-04-01';

/** The body of an exchange by a rule, changed by `changes`; undefined leaves a field out. */
async function bodyOf(by: FederationRule, changes: Record<string, unknown> = {}) {
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: await issuer.sign(platformAudience),
    federation_rule_id: by.id,
    organization_id: by.environment['ANTHROPIC_ORGANIZATION_ID'],
    service_account_id: by.serviceAccountId,
    workspace_id: by.environment['ANTHROPIC_WORKSPACE_ID'],
    ...changes,
  };
}

async function exchange(body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${platform.baseUrl}/v1/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-beta': betas, ...headers },
    body: JSON.stringify(body),
  });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, json, error: json['error'] as { type: string; message: string } | undefined };
}

async function tokenBy(by: FederationRule): Promise<string> {
  return String((await exchange(await bodyOf(by))).json['access_token']);
}

async function listVaults(token: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${platform.baseUrl}/v1/vaults`, {
    headers: {
      authorization: `Bearer ${token}`,
      'anthropic-version': '2026-10-21',
      'anthropic-beta': 'managed-agents-2026-04-01,oauth-2025-04-20',
      ...headers,
    },
  });
  return [response.status, response.headers.get('anthropic-workspace-id')];
}

it('gives a token for an assertion that the rule fits, bound to its workspace', async () => {
  const { status, json } = await exchange(await bodyOf(rule));
  expect([status, json]).toEqual([
    200,
    {
      access_token: expect.stringMatching(/^sk-ant-oat01-/),
      token_type: 'Bearer',
      // Twice the five minutes that the assertion has left, and not the hour of the rule.
      expires_in: expect.closeTo(600, -1),
      scope: 'workspace:developer',
    },
  ]);
  expect(await listVaults(String(json['access_token']))).toEqual([200, platform.workspaceId]);
  expect(platform.issuedSecrets()).toContain(json['access_token']);
});

it('is what the official SDK speaks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'token-'));
  const path = join(folder, 'token');
  await writeFile(path, await issuer.sign(platformAudience));
  const client = new Anthropic({
    baseURL: platform.baseUrl,
    maxRetries: 0,
    config: {
      organization_id: rule.environment['ANTHROPIC_ORGANIZATION_ID'] ?? '',
      workspace_id: platform.workspaceId,
      authentication: {
        type: 'oidc_federation',
        federation_rule_id: rule.id,
        service_account_id: rule.serviceAccountId,
        identity_token: { source: 'file', path },
      },
    },
  });
  expect((await client.beta.vaults.list()).data).toEqual([]);
  await rm(folder, { recursive: true });
});

describe('an exchange is refused, and the reason not told:', () => {
  const refused: [string, (by: FederationRule) => Promise<object> | object][] = [
    ['an unknown rule', (by) => bodyOf(by, { federation_rule_id: 'fdrl_nobody' })],
    ['another organization', (by) => bodyOf(by, { organization_id: '00000000-0000-4000-8000-000000000000' })],
    ['another service account', (by) => bodyOf(by, { service_account_id: 'svac_other' })],
    ['a workspace that the rule is not for', (by) => bodyOf(by, { workspace_id: other.workspaceId })],
    ['another audience', async (by) => bodyOf(by, { assertion: await issuer.sign('https://api.anthropic.com/') })],
    [
      'another subject',
      async (by) => bodyOf(by, { assertion: await signed({ sub: 'repo:acme/other:ref:refs/heads/main' }) }),
    ],
    ['no subject', async (by) => bodyOf(by, { assertion: await signed({ sub: undefined }) })],
    ['no time of issue', async (by) => bodyOf(by, { assertion: await signed({ iat: undefined }) })],
    ['one that has expired', async (by) => bodyOf(by, { assertion: await signed({ exp: seconds() - 31 }) })],
    ['one of the future', async (by) => bodyOf(by, { assertion: await signed({ iat: seconds() + 60 }) })],
    ['one that lives for too long', async (by) => bodyOf(by, { assertion: await signed({ exp: seconds() + 3700 }) })],
    ['another issuer', async (by) => bodyOf(by, { assertion: await signed({ iss: 'https://evil.example' }) })],
    [
      'a stranger’s signature',
      async (by) => bodyOf(by, { assertion: await issuer.sign(platformAudience, {}, { signedBy: 'stranger' }) }),
    ],
    [
      'no signature',
      async (by) => bodyOf(by, { assertion: await issuer.sign(platformAudience, {}, { signedBy: 'nobody' }) }),
    ],
    [
      'the public key as a secret',
      async (by) => bodyOf(by, { assertion: await issuer.sign(platformAudience, {}, { signedBy: 'public-key' }) }),
    ],
    [
      'no key id',
      async (by) => bodyOf(by, { assertion: await issuer.sign(platformAudience, {}, { header: { kid: undefined } }) }),
    ],
  ];
  const seconds = () => Math.floor(clock.now() / 1000);
  const signed = (claims: object) => issuer.sign(platformAudience, claims as never);

  test.each(refused)('%s', async (_case, bodyFor) => {
    expect(await exchange(await bodyFor(rule))).toMatchObject({
      status: 401,
      error: { type: 'authentication_error', message: 'Authentication failed' },
    });
  });

  test('claims that differ', async () => {
    const strict = ruleWith({ match: { claims: { environment: 'production', ref: 'refs/heads/main' } } });
    expect((await exchange(await bodyOf(strict))).status).toBe(200);
    issuer.control.job({ ...githubJob, ref: 'refs/heads/topic' });
    expect((await exchange(await bodyOf(strict))).status).toBe(401);
  });

  test('a second time', async () => {
    const body = await bodyOf(rule);
    expect([(await exchange(body)).status, (await exchange(body)).status]).toEqual([200, 401]);
    const lenient = ruleWith({ checkJti: false });
    const again = await bodyOf(lenient);
    expect([(await exchange(again)).status, (await exchange(again)).status]).toEqual([200, 200]);
  });
});

test.each<[string, Record<string, unknown>, string]>([
  ['a malformed rule', { federation_rule_id: 'rule' }, 'federation_rule_id: is not a well-formed fdrl_ tagged ID'],
  ['no service account', { service_account_id: undefined }, 'service_account_id'],
  ['no assertion', { assertion: undefined }, 'assertion'],
  ['an assertion of more than 16 KiB', { assertion: `a.${'b'.repeat(16 * 1024)}.c` }, 'assertion: longer than 16 KiB'],
  ['another grant', { grant_type: 'refresh_token' }, 'grant_type'],
  ['an unknown field', { scope: 'org:admin' }, 'scope: unknown field'],
])('an exchange with %s is no request', async (_case, changes, said) => {
  const { status, error } = await exchange(await bodyOf(rule, changes));
  expect([status, error?.type, error?.message]).toEqual([400, 'invalid_request_error', expect.stringContaining(said)]);
});

test('an exchange without its beta values is refused', async () => {
  for (const value of ['oauth-2025-04-20', 'oidc-federation-2026-04-01']) {
    expect((await exchange(await bodyOf(rule), { 'anthropic-beta': value })).status).toBe(400);
  }
  expect((await fetch(`${platform.baseUrl}/v1/oauth/token`)).status).toBe(405);
});

test('a rule for several workspaces wants to be told which', async () => {
  const several = ruleWith({ workspaceIds: [platform.workspaceId, other.workspaceId] });
  const untold = await exchange(await bodyOf(several));
  expect([untold.status, untold.error?.message]).toEqual([400, expect.stringContaining('workspace_id_required')]);
  for (const [id, wanted] of [
    [other.workspaceId, other.workspaceId],
    ['default', platform.workspaceId],
  ]) {
    const { json } = await exchange(await bodyOf(several, { workspace_id: id }));
    expect(await listVaults(String(json['access_token']))).toEqual([200, wanted]);
  }
});

describe('a token', () => {
  test('lives as long as its rule says, by the clock of the sandbox', async () => {
    const token = await tokenBy(ruleWith({ tokenLifetimeSeconds: 60 }));
    clock.advance(59_000);
    expect(await listVaults(token)).toEqual([200, platform.workspaceId]);
    clock.advance(1_000);
    expect((await listVaults(token))[0]).toBe(401);
  });

  test('is taken back by hand', async () => {
    const token = await tokenBy(rule);
    platform.control.revokeTokens();
    expect((await listVaults(token))[0]).toBe(401);
  });

  test('cannot be moved to another workspace, and may name its own', async () => {
    const token = await tokenBy(rule);
    expect((await listVaults(token, { 'anthropic-workspace-id': other.workspaceId }))[0]).toBe(403);
    expect((await listVaults(token, { 'anthropic-workspace-id': platform.workspaceId }))[0]).toBe(200);
  });

  test('is a bearer token with a beta value, and nothing else', async () => {
    const token = await tokenBy(rule);
    expect((await listVaults(token, { 'anthropic-beta': 'managed-agents-2026-04-01' }))[0]).toBe(401);
    expect((await listVaults('', { authorization: '', 'x-api-key': token }))[0]).toBe(401);
  });

  test('of another scope opens nothing here', async () => {
    expect((await listVaults(await tokenBy(ruleWith({ oauthScope: 'workspace:inference' }))))[0]).toBe(403);
  });
});

test.each<[string, Partial<RuleOptions>]>([
  ['the audience alone', { match: { audience: platformAudience } }],
  ['any subject', { match: { subject_prefix: '*' } }],
  ['59 seconds', { tokenLifetimeSeconds: 59 }],
  ['more than a day', { tokenLifetimeSeconds: 86_401 }],
])('a rule for %s cannot be made', (_case, changes) => {
  expect(() => ruleWith(changes)).toThrow(RangeError);
});

test('an audience that the rule names counts instead of the platform’s own', async () => {
  const own = ruleWith({ match: { subject_prefix: 'repo:acme/*', audience: 'acme' } });
  const assertion = await issuer.sign('acme');
  expect((await exchange(await bodyOf(own, { assertion }))).status).toBe(200);
  expect((await exchange(await bodyOf(own))).status).toBe(401);
});
