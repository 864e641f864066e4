/** Finds out what `judgeConnections` judges: the person's vault, and what the issuers of the catalogue say today. */

import { clock } from '../../clock/clock.ts';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { aboutVaultOf } from '../../identity/principal.ts';
import { discoverAuthorizationServer, type Expectation, expectationOf } from '../../oauth/authorization-server.ts';
import type { Fetch } from '../../outside/http.ts';
import { findVault, type OwnedVault } from '../../vault/resolve.ts';
import { connectionsOf, readCredentials } from '../credentials.ts';
import { type Finding, type IssuerToday, judgeConnections } from './findings.ts';
import type { Lookup } from './list.ts';

/** What was looked at and what was found. */
export interface Examination {
  vault: OwnedVault | undefined;
  connectionCount: number;
  credentialCount: number;
  findings: Finding[];
}

/** Examines the person's vault. Changes nothing, and sends nothing of the vault to anybody. */
export async function examineVault(request: Lookup & { fetch: Fetch }): Promise<Examination> {
  const { platform, principal, fetch } = request;
  const services = [...request.services];
  const vault = await findVault(request, principal);
  if (vault === undefined) return { vault, connectionCount: 0, credentialCount: 0, findings: [] };
  const { connections, count } = await readCredentials(platform, vault.id);
  const connected = services.filter((service) => connectionsOf(connections, service).length > 0);
  const findings = judgeConnections({
    services,
    connections,
    verifiedEmail: principal.verifiedEmail,
    credentialCount: count,
    issuers: await askIssuers(connected, fetch),
    now: clock.now(),
  });
  const told = findings.map((each) => ({ ...each, next: aboutVaultOf(principal, each.next) }));
  return { vault, connectionCount: connections.length, credentialCount: count, findings: told };
}

/** Only issuers of the catalogue are asked: an address that stands in a credential is anybody's who holds the key. */
async function askIssuers(services: readonly Service[], fetch: Fetch): Promise<Map<string, IssuerToday>> {
  const expected = new Map<string, Expectation>();
  for (const { authorization } of services) {
    for (const issuer of authorization.issuers) {
      const expectation = expectationOf(authorization, issuer);
      const others = expected.get(issuer);
      // Of two services that share one, each may have reviewed something of it.
      expected.set(issuer, {
        ...expectation,
        reviewedName: expectation.reviewedName ?? others?.reviewedName,
        pkceUnadvertised: expectation.pkceUnadvertised === true || others?.pkceUnadvertised === true,
      });
    }
  }
  return new Map(
    await Promise.all(
      [...expected].map(async ([issuer, expectation]) => [issuer, await askIssuer(expectation, fetch)] as const),
    ),
  );
}

async function askIssuer(expectation: Expectation, fetch: Fetch): Promise<IssuerToday> {
  try {
    const { token_endpoint } = await discoverAuthorizationServer(expectation, fetch);
    return { tokenEndpoint: token_endpoint };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'interrupted') throw error;
    return { unknown: error.message, impostor: error.code === 'issuer_mismatch' };
  }
}
