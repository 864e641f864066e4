import type { Configuration } from './definitions.ts';

/**
 * The hosts that the configuration itself names: the identity provider's, those that sign for CI jobs, and each service's MCP server and
 * authorization servers. People have reviewed them, so they may be inside the organization's own network; what those
 * hosts name in turn is text from outside and may not.
 */
export function reviewedHosts({ interface: { identity }, services }: Configuration): ReadonlySet<string> {
  const addresses = [...services.values()].flatMap(({ mcp_server_url, authorization }) => [
    mcp_server_url,
    ...authorization.issuers,
  ]);
  if (identity.mode === 'sso') {
    addresses.push(identity.issuer);
    const { groups_from: from } = identity;
    if (typeof from === 'object') addresses.push(from.overage);
  }
  if (identity.mode !== 'os') addresses.push(...(identity.workloads ?? []).map(({ issuer }) => issuer));
  return new Set(addresses.map((address) => new URL(address).hostname));
}
