import type { JWTPayload } from 'jose';
import { describe, expect, test } from 'vitest';
import { passingPart, subjectFrom } from './lasting-subject.ts';
import { requireLasting } from './principal.ts';

const commit = (at: number) => String(at).repeat(40).slice(0, 40);

/** Tokens of the third run of one pipeline, as each platform documents them; `from` is what makes one vault of it. */
const platforms: readonly [string, (run: number) => JWTPayload, string[] | undefined][] = [
  [
    'GitHub',
    (run) => ({
      sub: 'repo:acme/agents:ref:refs/heads/main',
      repository_id: '74',
      sha: commit(run),
      run_id: `90${run}`,
    }),
    undefined,
  ],
  [
    'GitHub with immutable subjects',
    (run) => ({ sub: 'repo:acme@65/agents@74:environment:production', sha: commit(run), run_id: `90${run}` }),
    undefined,
  ],
  [
    'GitHub with a template that names the run',
    (run) => ({ sub: `repo:acme/agents:run_id:90${run}`, repository_id: '74', run_id: `90${run}` }),
    ['repository_id'],
  ],
  [
    'GitLab',
    (run) => ({
      sub: 'project_path:acme/agents:ref_type:branch:ref:main',
      pipeline_id: `${1000 + run}`,
      sha: commit(run),
    }),
    undefined,
  ],
  [
    'Buildkite',
    (run) => ({
      sub: `organization:acme:pipeline:deploy:ref:refs/heads/main:commit:${commit(run)}:step:agent`,
      organization_slug: 'acme',
      pipeline_slug: 'deploy',
      build_number: run,
      build_commit: commit(run),
    }),
    ['organization_slug', 'pipeline_slug'],
  ],
  [
    'CircleCI',
    (run) => ({
      sub: `org/8f0e/project/2c1d/user/u${run}`,
      'oidc.circleci.com/project-id': '2c1d',
      'oidc.circleci.com/job-id': `j${run}`,
    }),
    ['oidc.circleci.com/project-id'],
  ],
  [
    'Kubernetes',
    (run) => ({
      sub: 'system:serviceaccount:agents:triage',
      'kubernetes.io': { namespace: 'agents', pod: { name: `triage-${run}` } },
    }),
    undefined,
  ],
  [
    'Bitbucket',
    (run) => ({
      sub: `{repo-1}:{0000000${run}-step}`,
      repositoryUuid: '{repo-1}',
      stepUuid: `{0000000${run}-step}`,
    }),
    ['repositoryUuid'],
  ],
];

describe.each(platforms)('a pipeline of %s', (_case, token, names) => {
  const runs = [1, 2, 3].map(token);

  test('keeps one subject from run to run, or is refused for vaults until its claims are named [P1]', () => {
    expect(runs.map((claims) => passingPart(claims) !== undefined)).toEqual(runs.map(() => names !== undefined));
    const subjects = new Set(runs.map((claims) => (names === undefined ? claims.sub : subjectFrom(claims, names))));
    expect(subjects.size).toBe(1);
    expect([...subjects][0]).toBeTypeOf('string');
  });
});

test('what a branch or an environment is called is no run of it', () => {
  for (const [sub, lasts] of [
    ['repo:acme/agents:environment:1', true],
    ['repo:acme/agents:ref:refs/heads/12', true],
    ['repo:acme/agents:run_number:12', false],
    ['repo:acme/agents:run:12', false],
  ] as const) {
    expect([sub, passingPart({ sub, run_number: '12', run_attempt: '1' }) === undefined]).toEqual([sub, lasts]);
  }
});

test('no two jobs make the same subject, and none what an issuer writes', () => {
  expect(subjectFrom({ a: 'x&b=y', b: 'z' }, ['a', 'b'])).not.toBe(subjectFrom({ a: 'x', b: 'y&b=z' }, ['a', 'b']));
  expect(subjectFrom({ a: 1, b: true }, ['a', 'b'])).toBe('claims:a=1&b=true');
  expect(subjectFrom({ k: { n: 'agents' } }, ['k.n'])).toBe('claims:k.n=agents');
  for (const claims of [{}, { a: '' }, { a: null }, { a: ['x'] }, { a: {} }])
    expect(subjectFrom(claims, ['a'])).toBeUndefined();
});

test('a job that does not last has no vault, and the way out is named', () => {
  const job = { kind: 'workload', issuer: 'https://ci.example', subject: 's', groups: [], label: 's' } as const;
  expect(() => requireLasting(job)).not.toThrow();
  expect(() => requireLasting({ ...job, passes: 'it has a commit in it' })).toThrow(
    expect.objectContaining({ code: 'identity_refused', hint: expect.stringContaining('subject_from') }),
  );
});
