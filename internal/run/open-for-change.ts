/** Opens the platform for who changes what belongs to everybody: agents, environments, skills, signatures of owner records. */
import type { Configuration } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { accountName } from '../outside/accounts.ts';
import type { Platform } from '../platform/client.ts';
import { actorOf, isByKey, requireOperator, sharedDelegation } from './actor.ts';
import { browserVisit } from './browser-visit.ts';
import { platformForReading, prepareFromEnvironment } from './platform.ts';
import type { Ports } from './ports.ts';
import { beginOperatorProof } from './project.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';

/** What is about to be done, in words that follow "may not", and the command that does it. */
export interface SharedChange {
  what: string;
  command: string;
}

/**
 * Opens the platform for a change of what belongs to everybody: for an operator or a job that is one, or, where the key alone
 * is enough, for whoever holds it; at a server nobody does. The configuration has to be a trusted one unless {@link isByKey}. Throws `not_allowed` and
 * what proving throws.
 */
export async function openForChange(
  ports: Ports,
  configuration: Configuration | undefined,
  change: SharedChange,
): Promise<Platform> {
  const openFor = await prepareFromEnvironment(ports, configuration?.interface.platform, configuration);
  if (configuration === undefined || (ports.proof === undefined && isByKey(configuration))) {
    return openFor({ kind: 'key_holder', account: accountName() }, sharedDelegation(undefined, configuration));
  }
  const operator = await proveOperator(ports, configuration, change);
  return openFor(actorOf(operator), sharedDelegation(operator, configuration));
}

/** Opens the platform as {@link openForChange} does; where nothing is changed, for whoever looks, who need not be anybody. */
export async function openShared(
  ports: Ports,
  configuration: TrustedConfiguration,
  change: SharedChange | undefined,
): Promise<Platform> {
  return change === undefined
    ? await platformForReading(ports, configuration.interface.platform)
    : await openForChange(ports, configuration, change);
}

/** Proves somebody who may change what belongs to everybody. Throws `not_allowed` for anybody else. */
async function proveOperator(
  ports: Ports,
  configuration: Configuration,
  { what, command }: SharedChange,
): Promise<Principal> {
  const { identity } = configuration.interface;
  if (ports.environment.CI !== undefined && identity.mode === 'sso' && identity.workloads === undefined) {
    throw new AppError('sign_in_needed', `a CI job cannot sign in, and the key alone is not enough to ${what}`, {
      hint: 'name the job in identity.workloads and its group in people.operators (docs/identity.md); platform.changes_by_key: allow would let everybody with the key do it',
    });
  }
  const visit = browserVisit(ports, command, reviewedHosts(configuration));
  const proof = await beginOperatorProof(ports, configuration, visit);
  const { principal } = await proof.prove({ command });
  requireOperator(principal, configuration, what);
  return principal;
}
