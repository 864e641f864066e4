import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import type { BetaRule } from './route.ts';
import type { TokenExchange } from './token-exchange.ts';
import type { Workspace } from './workspace.ts';

const managedAgentsBeta = 'managed-agents-2026-04-01';

/**
 * Values that the header may carry although they mean nothing here. The real list is longer; what is missing from
 * it is refused, as documented for unknown values.
 */
const otherBetas = new Set([
  'oauth-2025-04-20',
  'oidc-federation-2026-04-01',
  'files-api-2025-04-14',
  'mcp-client-2025-11-20',
  'mcp-tunnels-2026-06-22',
  'user-profiles-2026-09-04',
  'webhooks-2026-10-07',
]);

const apiVersions = new Set(['2023-06-01', '2026-10-21']);

/**
 * Documented: a key belongs to one workspace, and is sent as a bearer token or in x-api-key. A token that was exchanged is
 * fixed to its workspace, and is a bearer token only.
 */
export function admittedWorkspace(
  headers: IncomingHttpHeaders,
  keys: ReadonlyMap<string, Workspace>,
  tokens: Pick<TokenExchange, 'workspaceOfToken'>,
): Workspace {
  const bearer = headers.authorization?.match(/^Bearer (.+)$/i)?.[1];
  const key = bearer ?? headers['x-api-key'];
  const workspace =
    (typeof key === 'string' ? keys.get(key) : undefined) ?? tokens.workspaceOfToken(bearer ?? '', headers);
  if (workspace === undefined) throw new ApiError(401, 'invalid API key');
  const wanted = headers['anthropic-workspace-id'];
  if (wanted !== undefined && wanted !== workspace.id) {
    throw chosenError(choices.wrongWorkspaceHeader, 'anthropic-workspace-id: not the workspace of this key');
  }
  return workspace;
}

/** W3C Trace Context, version 00. An id of zeros is none. */
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace that a request belongs to, as the documented header says; undefined where it says none. */
export function traceOf(headers: IncomingHttpHeaders): string | undefined {
  const said = headers['traceparent'];
  return typeof said === 'string' ? traceparent.exec(said)?.[1] : undefined;
}

/** Checks the headers of W3C Trace Context and Baggage. */
export function checkTrace(headers: IncomingHttpHeaders): void {
  if (headers['traceparent'] !== undefined && traceOf(headers) === undefined) {
    throw chosenError(choices.traceContext, 'traceparent: malformed');
  }
  if (headers['baggage'] !== undefined) throw chosenError(choices.traceContext, 'baggage: not taken');
}

/** Checks the two headers that select a shape of the API. */
export function checkVersions(headers: IncomingHttpHeaders, beta: BetaRule, endpoint: string): void {
  const version = headers['anthropic-version'];
  if (typeof version !== 'string' || !apiVersions.has(version)) {
    throw chosenError(choices.apiVersion, 'anthropic-version: missing or unknown version');
  }
  const betas = betasOf(headers);
  if (betas.includes('skills-2025-10-02')) {
    throw chosenError(choices.notEmulated, 'anthropic-beta: skills-2025-10-02 is not emulated');
  }
  const unknown = betas.find((value) => value !== managedAgentsBeta && !otherBetas.has(value));
  if (unknown !== undefined) {
    throw invalidRequest(`Unexpected value(s) \`${unknown}\` for the \`anthropic-beta\` header.`);
  }
  if (beta === 'unneeded' || betas.includes(managedAgentsBeta)) return;
  if (beta === 'hidden') throw new ApiError(404, `no such endpoint: ${endpoint}`);
  throw chosenError(choices.missingBeta, `anthropic-beta: ${managedAgentsBeta} is required`);
}

/** Documented: several values are joined by commas, or the header is repeated. */
export function betasOf(headers: IncomingHttpHeaders): string[] {
  const header = headers['anthropic-beta'] ?? [];
  return [header]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
