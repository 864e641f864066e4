/** What ends a session ends its tokens; most configurations have none, and load none of it. */
import type { Platform } from '../platform/client.ts';
import type { Ports } from './ports.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';

/**
 * Takes back the tokens of sessions that have ended, and ends those that they began, where this machine has issued them; of such as
 * could not be ended only the tokens.
 */
export async function endTokensOf(
  ports: Ports,
  run: { configuration: TrustedConfiguration; platform: Platform },
  sessions: readonly string[],
  ended = true,
): Promise<void> {
  if (run.configuration.interface.session_tokens === undefined || sessions.length === 0) return;
  const { endTokens, ofSessions } = await import('./session-tokens.ts');
  await endTokens(ports, run, ofSessions(sessions), { ended });
}

/** The sessions that one began, which end with it, where this machine has issued their tokens. */
export async function begunBySession(
  ports: Ports,
  run: { configuration: TrustedConfiguration; platform: Platform },
  session: string,
): Promise<string[]> {
  if (run.configuration.interface.session_tokens === undefined) return [];
  const { begunBy, ofSessions } = await import('./session-tokens.ts');
  return await begunBy(ports, run, ofSessions([session]));
}
