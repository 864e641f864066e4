import type { Workload } from '../config/definitions.ts';
import { runningAccount } from '../outside/accounts.ts';
import { clockMarginOf, requireAssurance } from './assurance.ts';
import { judgeAccount } from './os-identity.ts';
import type { Proof, ProofRequest } from './proof.ts';

/**
 * Begins to prove who is operating, in the one way that the configuration allows. No flag, file or variable can say it
 * (P2): what is kept anywhere is verified again. Nobody is asked for anything before `prove` is called.
 */
export async function beginProof(request: ProofRequest): Promise<Proof> {
  const { identity, sudoUid } = request;
  if (identity.mode === 'workload' || (identity.mode === 'sso' && identity.workloads !== undefined && request.inCi)) {
    return await beginWorkload(request, identity.workloads ?? [], clockMarginOf(identity));
  }
  if (identity.mode === 'sso') {
    const { beginSso } = await import('./prove-sso.ts');
    return beginSso({ ...request, identity });
  }
  return {
    async abandon() {},
    async prove({ requirement } = {}) {
      const principal = judgeAccount(await runningAccount(request.stateFolder), sudoUid);
      requireAssurance(principal, requirement);
      return { principal, source: 'system', expiresAt: undefined, keptIn: undefined, token: undefined };
    },
  };
}

/** Begins to prove a CI job. Nobody signs in, so a requirement on how somebody did is never met. */
async function beginWorkload(
  { tokenPlaces, visit }: ProofRequest,
  workloads: readonly Workload[],
  marginSeconds: number,
): Promise<Proof> {
  const { proveWorkload } = await import('./workload.ts');
  const abandoned = new AbortController();
  const proving = proveWorkload({
    workloads,
    places: tokenPlaces,
    marginSeconds,
    fetch: (url, init) => visit.fetch(url, { ...init, signal: abandoned.signal }),
  });
  proving.catch(() => {});
  return {
    async abandon() {
      abandoned.abort();
      await proving.catch(() => {});
    },
    async prove({ requirement } = {}) {
      const { principal, expiresAt, token } = await proving;
      requireAssurance(principal, requirement);
      return { principal, source: 'fresh', expiresAt, keptIn: undefined, token };
    },
  };
}
