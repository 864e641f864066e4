import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadConfiguration } from './load.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const actions = {
  issuer: 'https://token.actions.githubusercontent.com',
  audience: 'managed-agents-interface',
  token: 'github-actions',
  claims: { repository_id: '74', environment: ['production', 'staging'] },
  groups: ['ci'],
};
const sso = { mode: 'sso', issuer: 'https://login.example.com', client_id: 'us' };

async function load(identity: object, rest: object = {}) {
  await writeFile(join(folder, 'interface.yaml'), stringify({ identity, ...rest }));
  return (await loadConfiguration(folder)).interface.identity;
}

const alone = (...workloads: object[]) => ({ mode: 'workload', workloads });

test('jobs alone, or beside people who sign in', async () => {
  expect(await load(alone(actions))).toEqual({ mode: 'workload', workloads: [actions] });
  expect(await load({ ...sso, workloads: [actions] })).toMatchObject({ mode: 'sso', workloads: [actions] });
});

test.each(['MAI_ID_TOKEN', 'MAI_ID_TOKEN_GITLAB'])('a token in the variable %s', async (variable) => {
  const { groups: _, ...workload } = { ...actions, issuer: 'https://gitlab.example.com', token: { variable } };
  expect(await load(alone(workload))).toMatchObject({ workloads: [{ token: { variable }, groups: [] }] });
});

test('an issuer of its own needs no claim that says whose job it is, but one that narrows it', async () => {
  const own = { ...actions, issuer: 'https://oidc.example.com', token: { file: '/run/token' }, claims: { team: 'a' } };
  expect(await load(alone(own))).toMatchObject({ workloads: [{ claims: { team: 'a' } }] });
});

describe('refused is', () => {
  test.each<[string, object, RegExp]>([
    ['mode workload without one', { mode: 'workload' }, /identity\.workloads: missing/],
    ['no entry', alone(), /identity\.workloads: .*expected at least 1 entry/],
    ['an unknown key', alone({ ...actions, kind: 'x' }), /identity\.workloads\[0\]\.kind: unknown key/],
    ['an issuer without https', alone({ ...actions, issuer: 'http://ci.example.com' }), /issuer: expected https|https/],
    [
      'a variable of another kind',
      alone({ ...actions, token: { variable: 'USER' } }),
      /token\.variable: got "USER", expected MAI_ID_TOKEN/,
    ],
    ['the key of the platform', alone({ ...actions, token: { variable: 'ANTHROPIC_API_KEY' } }), /MAI_ID_TOKEN/],
    [
      'a file somewhere',
      alone({ ...actions, token: { file: 'token' } }),
      /token\.file: got "token", expected an absolute path/,
    ],
    ['no claim', alone({ ...actions, claims: {} }), /claims: expected one claim at least/],
    ['an empty list for a claim', alone({ ...actions, claims: { repository_id: [] } }), /expected what|list/],
    ['a claim that is an object', alone({ ...actions, claims: { repository_id: {} } }), /expected what the claim says/],
    ...['iss', 'aud', 'exp', 'iat', 'nbf'].map((name): [string, object, RegExp] => [
      `the claim ${name}`,
      alone({ ...actions, claims: { ...actions.claims, [name]: 'x' } }),
      new RegExp(`claims\\.${name}: is checked in any case`),
    ]),
    ['anybody at GitHub', alone({ ...actions, claims: { ref: 'refs/heads/main' } }), /signs for everybody/],
    [
      'whoever calls a public workflow',
      alone({ ...actions, claims: { job_workflow_ref: 'acme/agents/.github/workflows/agent.yml@refs/heads/main' } }),
      /signs for everybody/,
    ],
    [
      'anybody at GitLab',
      alone({
        ...actions,
        issuer: 'https://gitlab.com',
        token: { variable: 'MAI_ID_TOKEN' },
        claims: { ref_protected: 'true' },
      }),
      /expected one of sub, project_path.*gitlab\.com signs for everybody/,
    ],
    ...[
      ['https://agent.buildkite.com', { pipeline_slug: 'deploy' }],
      ['https://oidc.vercel.com', { project: 'site' }],
      ['https://app.terraform.io', { terraform_workspace_name: 'production' }],
    ].map(([issuer, claims]): [string, object, RegExp] => [
      `anybody at ${issuer}`,
      alone({ ...actions, issuer, claims, token: { variable: 'MAI_ID_TOKEN' } }),
      /claims: expected one of sub, .* signs for everybody/,
    ]),
    [
      'the runner of GitHub for GitLab',
      alone({ ...actions, issuer: 'https://gitlab.com' }),
      /no tokens of gitlab\.com/,
    ],
    [
      "a person's own ID token",
      { ...sso, workloads: [{ ...actions, issuer: sso.issuer, audience: 'us', claims: { sub: 'a' } }] },
      /audience: is identity\.client_id/,
    ],
    ['a job beside the accounts of one machine', { mode: 'os', workloads: [actions] }, /workloads: unknown key/],
  ])('%s', async (_case, identity, message) => {
    await expect(load(identity)).rejects.toThrow(message);
  });

  test.each(['people.principals.a', 'people.operators.principals[0]'])('a subject of a job in %s', async (path) => {
    const people = { principals: { a: {} }, operators: { principals: ['a'] } };
    const refused = load(alone(actions), { people });
    await expect(refused).rejects.toThrow(`${path}: with identity mode workload nobody has a subject of their own`);
    expect(await load({ ...sso, workloads: [actions] }, { people })).toBeDefined();
  });
});
