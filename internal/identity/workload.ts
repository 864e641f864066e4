/**
 * Who is operating where nobody sits: a CI job, proven by a token that the issuer which the configuration pins has signed
 * for us (P2). Nobody is ever asked to sign in here.
 */

import type { JWTPayload } from 'jose';
import { clock } from '../clock/clock.ts';
import type { Workload } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Fetch } from '../outside/http.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { passingPart, subjectFrom } from './lasting-subject.ts';
import type { Principal } from './principal.ts';
import { theirClock } from './their-clock.ts';
import { findWorkloadIssuer } from './workload-issuer.ts';
import { isHere, type TokenPlaces, tokenFrom, whereOf } from './workload-source.ts';
import { judgeWorkloadToken } from './workload-token.ts';

/** What a proof by a CI token needs. */
export interface WorkloadRun {
  workloads: readonly Workload[];
  places: TokenPlaces;
  /** How far the clocks of who signs may be from ours. */
  marginSeconds: number;
  fetch: Fetch;
}

/** A job that is proven. */
export interface ProvenWorkload {
  principal: Principal;
  issuedAt: Date;
  expiresAt: Date;
  token: Secret;
}

/**
 * The one workload whose rules a token here meets. Throws `identity_refused` where there is no token, where none is good,
 * each with its reason, and where one meets the rules of several: which groups it has would be a guess.
 */
export async function proveWorkload({ workloads, places, marginSeconds, fetch }: WorkloadRun): Promise<ProvenWorkload> {
  const here = workloads.filter((workload) => isHere(workload, places));
  if (here.length === 0) {
    const looked = [...new Set(workloads.map(whereOf))].join('; ');
    throw new AppError('identity_refused', `there is no token that says which job this is: looked for ${looked}`, {
      hint: 'let the job have one: docs/identity.md shows how, for GitHub Actions and GitLab',
    });
  }
  const [tokens, issuers] = [remembering<string>(), remembering<IssuerKeys>()];
  const clocks = new Map(here.map(({ issuer }) => [issuer, theirClock(issuer, marginSeconds)]));
  const tried = await Promise.allSettled(
    here.map(async (workload) => {
      // Whose keys count is asked while the token is on its way.
      const their = clocks.get(workload.issuer);
      const finding = issuers(workload.issuer, () =>
        findWorkloadIssuer(workload.issuer, their === undefined ? fetch : their.watch(fetch)),
      );
      finding.catch(() => {});
      const source = JSON.stringify([workload.token, workload.audience]);
      const token = await tokens(source, () => tokenFrom(workload, places, fetch));
      const judging = judgeWorkloadToken(token, workload, await finding, marginSeconds, clock.now());
      const claims = await judging.catch((error: unknown) => {
        throw their?.explained(error) ?? error;
      });
      return { workload, token, claims };
    }),
  );
  return theOne(workloads, tried);
}

/**
 * The same for a token that somebody hands us: of all workloads, wherever their own jobs have theirs. Throws as
 * {@link proveWorkload}.
 */
export async function proveHandedToken(
  workloads: readonly Workload[],
  token: string,
  keysOf: (issuer: string) => IssuerKeys,
  marginSeconds: number,
): Promise<ProvenWorkload> {
  const tried = await Promise.allSettled(
    workloads.map(async (workload) => ({
      workload,
      token,
      claims: await judgeWorkloadToken(token, workload, keysOf(workload.issuer), marginSeconds, clock.now()),
    })),
  );
  return theOne(workloads, tried);
}

/** The one that fits, or why there is none. */
function theOne(
  workloads: readonly Workload[],
  tried: readonly PromiseSettledResult<{ workload: Workload; token: string; claims: JWTPayload }>[],
): ProvenWorkload {
  const [first, ...others] = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  if (first === undefined) throw refusalOf(tried.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])));
  if (others.length > 0) {
    const numbers = [first, ...others].map(({ workload }) => workloads.indexOf(workload) + 1).join(' and ');
    throw new AppError('identity_refused', `this job is several at once: identity.workloads ${numbers} all fit`, {
      hint: 'let their claims exclude each other in config/interface.yaml',
    });
  }
  return {
    principal: workloadPrincipal(first.workload, first.claims),
    issuedAt: new Date((first.claims.iat ?? 0) * 1000),
    expiresAt: new Date((first.claims.exp ?? 0) * 1000),
    token: new Secret(first.token),
  };
}

/** The principal of a judged token. What it may do says the configuration alone, so no group comes from the token. */
function workloadPrincipal({ issuer, groups, subject_from: names }: Workload, claims: JWTPayload): Principal {
  const { sub = '' } = claims;
  if (names === undefined) {
    const passes = passingPart(claims);
    return { kind: 'workload', issuer, subject: sub, groups, label: sub, ...(passes !== undefined && { passes }) };
  }
  const subject = subjectFrom(claims, names);
  if (subject !== undefined) return { kind: 'workload', issuer, subject, groups, label: subject };
  const missing = names.filter((name) => subjectFrom(claims, [name]) === undefined).map((name) => quote(name));
  throw new AppError(
    'identity_refused',
    `the token of this job has no text in ${missing.join(', ')}, which its subject is made of`,
    {
      hint: 'correct subject_from of identity.workloads in config/interface.yaml',
    },
  );
}

/** Of one token its own error, so that its code decides how the run ends; of several a list. */
function refusalOf(reasons: readonly unknown[]): unknown {
  const [first, ...others] = reasons;
  const unexpected = reasons.find((each) => !(each instanceof AppError));
  if (unexpected !== undefined || others.length === 0) return unexpected ?? first;
  const lines = reasons.map((each) => (each instanceof AppError ? each.message : ''));
  return new AppError('identity_refused', ['this job is none of identity.workloads', ...new Set(lines)].join('\n'), {
    hint: 'compare what the job is with the claims in config/interface.yaml',
    cause: first,
  });
}

/** Does something once for each name. */
function remembering<Value>(): (name: string, make: () => Promise<Value>) => Promise<Value> {
  const made = new Map<string, Promise<Value>>();
  return (name, make) => {
    const value = made.get(name) ?? make();
    made.set(name, value);
    return value;
  };
}
