/** Opens the platform the way every command does: from the environment of its run. */

import { openPlatform, type Platform } from '../platform/client.ts';
import { Secret } from '../secret/secret.ts';
import type { CommandContext } from './program.ts';

/** Opens the platform with the key, address, signal and progress of a run. Throws as {@link openPlatform} does. */
export async function platformFromEnvironment(
  context: Pick<CommandContext, 'environment' | 'signal' | 'progress'>,
  workspaceId?: string,
): Promise<Platform> {
  const { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token, ANTHROPIC_BASE_URL: baseUrl } = context.environment;
  return await openPlatform({
    baseUrl,
    apiKey: key === undefined ? undefined : new Secret(key),
    authToken: token === undefined ? undefined : new Secret(token),
    workspaceId,
    signal: context.signal,
    onWait: (text) => context.progress.warn(text),
  });
}
