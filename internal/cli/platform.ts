/** Opens the platform the way every command does: from the environment of its run. */

import { openPlatform, type Platform } from '../platform/client.ts';
import { Secret } from '../secret/secret.ts';
import type { CommandContext } from './program.ts';

/**
 * Opens the platform with the credential, address, signal and progress of a run. Of several credentials the first counts,
 * in the order of the SDK: key, bearer token, workload identity federation. Profiles on disk are not looked at. Throws as
 * {@link openPlatform} does, and `platform_key_missing` where the variables of federation are set in part.
 */
export async function platformFromEnvironment(
  context: Pick<CommandContext, 'environment' | 'signal' | 'progress'>,
  workspaceId?: string,
): Promise<Platform> {
  const { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token, ANTHROPIC_BASE_URL: baseUrl } = context.environment;
  // The variables that only federation has are looked at in its own file; a run with a key does not load it.
  const federated = federationVariables.some((name) => context.environment[name] !== undefined);
  const used = key === undefined ? 'ANTHROPIC_AUTH_TOKEN' : 'ANTHROPIC_API_KEY';
  const stored = key ?? token;
  if (stored !== undefined && federated) {
    context.progress.warn(`${used} is set and used: the variables of workload identity federation beside it are not`);
  }
  if (key !== undefined && token !== undefined) {
    context.progress.warn('ANTHROPIC_API_KEY is set and used: ANTHROPIC_AUTH_TOKEN beside it is not');
  }
  const federation =
    stored === undefined && federated ? (await import('./federation.ts')).federationFrom(context) : undefined;
  return await openPlatform({
    baseUrl,
    apiKey: key === undefined ? undefined : new Secret(key),
    authToken: token === undefined ? undefined : new Secret(token),
    federation,
    workspaceId,
    signal: context.signal,
    onWait: (text) => context.progress.warn(text),
  });
}

/** Those that somebody sets who wants federation. */
const federationVariables = [
  'ANTHROPIC_FEDERATION_RULE_ID',
  'ANTHROPIC_SERVICE_ACCOUNT_ID',
  'ANTHROPIC_IDENTITY_TOKEN_FILE',
  'ANTHROPIC_IDENTITY_TOKEN',
] as const;
