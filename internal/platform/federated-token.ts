/**
 * Workload identity federation: a CI job shows the platform what its own CI platform has signed and is given a token that
 * lasts for minutes, so that no key is stored anywhere (RFC 7523). Holding that token is ours:
 * the SDK would exchange once for each of its clients and once for each request that a 401 befalls, and renew in the
 * background, where nothing could interrupt it. The token stays in memory (P3).
 */
import { clock } from '../clock/clock.ts';
import { type ExchangedToken, type ExchangeSettings, exchangeToken } from './exchange.ts';

/** The token of the platform that a run holds. */
export interface FederatedToken {
  /** A token with some time left, exchanged for where there is none; whoever asks meanwhile waits for the same exchange. */
  current(signal: AbortSignal): Promise<string>;
  /** Forgets a token that the platform refused, unless it was replaced meanwhile. */
  refused(token: string): void;
}

/** With less time than this left a token may expire on its way. The platform issues none for less than 60 s. */
const marginMs = 30_000;

/**
 * Prepares the token of a run; asks for nothing yet. Using it throws `platform_refused` or `platform_unreachable` when the
 * exchange fails (nothing was asked of the platform then), `identity_refused` for what is no JWT, or what
 * `identityToken` throws.
 */
export function federatedToken(settings: ExchangeSettings): FederatedToken {
  let held: ExchangedToken | undefined;
  let under: { exchange: Promise<ExchangedToken>; signal: AbortSignal } | undefined;
  return {
    refused(token) {
      if (held?.token === token) held = undefined;
    },
    async current(signal) {
      for (;;) {
        if (held !== undefined && held.expiresAt - clock.now().getTime() > marginMs) return held.token;
        under ??= {
          signal,
          exchange: exchangeToken(settings, signal)
            .then((token) => {
              held = token;
              return token;
            })
            .finally(() => {
              under = undefined;
            }),
        };
        const { exchange: waited, signal: interruption } = under;
        try {
          return (await waited).token;
        } catch (error) {
          // What interrupted somebody else is no reason for whoever has to finish.
          if (!interruption.aborted || signal.aborted) throw error;
        }
      }
    },
  };
}
