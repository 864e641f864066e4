/** Whether a fresh token works, and whose account it belongs to. Asking and judging are separate. */

import type { Service } from '../../config/definitions.ts';
import { judgeChallenge } from '../../oauth/protected-resource.ts';
import type { Fetch } from '../../outside/http.ts';
import { concealed, type Secret } from '../../secret/secret.ts';
import { isRecord } from '../../text/record.ts';
import { InsufficientScope } from '../scopes.ts';

/** The account behind a connection, in the service's own words: text from outside. */
export interface Account {
  name: string;
  workspace: string | undefined;
}

/**
 * Tries the fresh token, with the tool that names the account where the service's file has one. Undefined when it has
 * none, or the answer does not name an account. Throws {@link InsufficientScope} where the service wants more scopes,
 * else `service_refused`, `service_unreachable` or `interrupted`.
 */
export async function readAccount(
  service: Service,
  token: Secret,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Account | undefined> {
  const { account, mcp_server_url: mcpServerUrl } = service;
  const { exchangeWith, TokenTurnedAway } = await import('../../outside/mcp.ts');
  const call = account === undefined ? undefined : { tool: account.tool, arguments: account.arguments };
  try {
    const result = await exchangeWith({ mcpServerUrl, token, call, fetch, signal });
    return account === undefined ? undefined : judgeAccountAnswer(result, account);
  } catch (error) {
    if (error instanceof TokenTurnedAway) throw insufficientScope(error, service) ?? error;
    throw error;
  }
}

/** The step-up that a 403 asks for (RFC 6750 section 3.1), undefined where it is about something else. */
function insufficientScope(
  { status, challenge }: { status: number; challenge: string | null },
  service: Service,
): InsufficientScope | undefined {
  if (status !== 403) return undefined;
  const { error, scopes } = judgeChallenge(challenge, service.mcp_server_url);
  return error === 'insufficient_scope' ? new InsufficientScope(service, scopes ?? []) : undefined;
}

const longestName = 200;

/** Takes the account's name and workspace out of a tool result: structured content, else its text read as JSON. */
export function judgeAccountAnswer(
  result: unknown,
  paths: { name: string; workspace?: string | undefined },
): Account | undefined {
  for (const value of answersOf(result)) {
    const name = at(value, paths.name);
    if (name !== undefined)
      return { name, workspace: paths.workspace === undefined ? undefined : at(value, paths.workspace) };
  }
  return undefined;
}

function answersOf(result: unknown): unknown[] {
  if (!isRecord(result) || result['isError'] === true) return [];
  const blocks = Array.isArray(result['content']) ? result['content'] : [];
  const parsed = blocks.flatMap((block) =>
    isRecord(block) && typeof block['text'] === 'string' ? parse(block['text']) : [],
  );
  return [result['structuredContent'], ...parsed];
}

function parse(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

function at(value: unknown, path: string): string | undefined {
  let current = value;
  for (const key of path.split('.')) {
    current = isRecord(current) && Object.hasOwn(current, key) ? current[key] : undefined;
  }
  if (typeof current !== 'string' || current === '') return undefined;
  // A service that answers with the token it was called with must not get it into metadata that others read (P3).
  if (concealed(current) !== current) return undefined;
  // Cut visibly: what is left of a long name must not pass for a shorter one, such as an address.
  return current.length > longestName ? `${current.slice(0, longestName - 1)}…` : current;
}
