/** Which job a token speaks of, from run to run: its subject, or the claims that the configuration names for that. Pure. */
import type { JWTPayload } from 'jose';
import { quote } from '../text/quote.ts';
import { claimAt } from './groups.ts';
import type { Principal } from './principal.ts';

/** What a subject made of claims begins with: no issuer writes one so, and both are never the same job. */
const ofClaims = 'claims:';

/**
 * The subject that the claims make, each with its name: `claims:pipeline_slug=deploy&organization_slug=acme`. What is in them
 * is encoded, so that no two jobs make the same. Undefined where one of them is missing or is not a text, number or boolean.
 */
export function subjectFrom(claims: JWTPayload, names: readonly string[]): string | undefined {
  const pairs = names.map((name): [string, unknown] => [name, claimAt(claims, name.split('.'))]);
  if (!pairs.every(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && value !== '')) {
    return undefined;
  }
  return `${ofClaims}${new URLSearchParams(Object.fromEntries(pairs.map(([name, value]) => [name, String(value)])))}`;
}

/** Claims that are other ones with each commit or run, by the names that GitHub, GitLab, Buildkite, CircleCI and Bitbucket have. */
const passing = [
  'sha',
  'commit',
  'build_commit',
  'build_number',
  'build_id',
  'run_id',
  'run_number',
  'run_attempt',
  'job_id',
  'pipeline_id',
  'workflow_sha',
  'agent_id',
  'jti',
  'stepUuid',
  'pipelineUuid',
  'pipelineRunUuid',
  'oidc.circleci.com/job-id',
  'oidc.circleci.com/workflow-id',
  'oidc.circleci.com/pipeline-id',
] as const;

/** What a part of a subject is called that says which run it is, before its value: `run_id:9001`. */
const runNames = /^(?:run|build|job|step|agent|commit|sha)$|_(?:id|number|attempt|sha)$/i;

/**
 * The subject that the same job had before GitHub put numbers into it, which are never given twice: for repositories made or
 * renamed since July 2026, and where somebody chose it. To the vaults it is somebody else. Undefined for any other.
 */
export function subjectBeforeNumbers({ kind, subject }: Pick<Principal, 'kind' | 'subject'>): string | undefined {
  const numbered = /^repo:([^:/@]+)@\d+\/([^:/@]+)@\d+(?=:)/;
  return kind === 'workload' && numbered.test(subject) ? subject.replace(numbered, 'repo:$1/$2') : undefined;
}

/** Why a subject is another one with each commit, run or person, or undefined where nothing says so. */
export function passingPart(claims: JWTPayload): string | undefined {
  const { sub = '' } = claims;
  const parts = sub.split(/[:/]/);
  const named = passing.find((name) => {
    const value = claims[name];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || text === '') return false;
    // A short number may also be what a branch or an environment is called.
    const isNamed = parts.some((part, at) => part === text && runNames.test(parts[at - 1] ?? ''));
    return isNamed || (text.length > 8 && sub.includes(text));
  });
  if (named !== undefined) return `it has the claim ${quote(named)} in it, which changes`;
  if (parts.some((part) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(part))) return 'it has a commit in it';
  // CircleCI: org/<id>/project/<id>/user/<id>, of whoever started the pipeline.
  return /^org\/[^/]+\/project\/[^/]+\/user\//.test(sub) ? 'it has whoever started the job in it' : undefined;
}
