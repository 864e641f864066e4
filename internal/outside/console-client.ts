/**
 * Requests to the console that the reviewed configuration names: it may be in a private network. https only, or http on
 * loopback in sandbox mode; no redirects, and answers that are read as they come.
 */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { Headers } from './fetch-types.ts';
import { checkedUrl, type HttpRules } from './http.ts';
import { sender } from './send.ts';

/** An answer: its head, and its body as it comes. */
export interface ConsoleAnswer {
  status: number;
  /** In how many seconds it may be asked again, where it says so and means this request. */
  retryAfterSeconds: number | undefined;
  /** Throws `console_unreachable` where it breaks off or nothing comes for too long. */
  pieces(): AsyncIterable<Uint8Array>;
  /** Ends the connection: whoever answers notices, and what waits for a piece fails. */
  leave(): void;
}

/** Sends one request. Throws `console_unreachable`. */
export type AskConsole = (
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<ConsoleAnswer>;

/** How long the head of an answer may take, and how long nothing may come of its body: it says something every 15 s. */
const headMs = 30_000;
const silenceMs = 60_000;

/** How to ask a console. Throws `url_refused` for an address that nothing is sent to. */
export function consoleClient(
  origin: string,
  { allowLoopbackHttp, proxies }: Pick<HttpRules, 'allowLoopbackHttp' | 'proxies'>,
): AskConsole {
  const base = checkedUrl(origin, allowLoopbackHttp, 'console in config/interface.yaml');
  const send = sender({}, proxies);
  const unreachable = (cause: unknown) => {
    let reason = 'connection failed';
    for (let current = cause; current instanceof Error; current = current.cause) {
      if (current.name === 'TimeoutError') reason = 'no answer in time';
      else if ('code' in current && typeof current.code === 'string') reason = current.code;
    }
    return new AppError('console_unreachable', `the console ${quote(base.host)} cannot be reached: ${reason}`, {
      cause,
    });
  };
  return async (path, headers, body) => {
    const ended = new AbortController();
    const late = (ms: number) => clock.after(ms, () => ended.abort(new DOMException('', 'TimeoutError')));
    const stop = late(headMs);
    const answer = await send(new URL(path, base), {
      method: 'POST',
      headers: new Headers(headers),
      body,
      signal: ended.signal,
    })
      .catch((error: unknown) => {
        throw unreachable(error);
      })
      .finally(stop);
    return {
      status: answer.status,
      retryAfterSeconds: secondsIn(answer.headers.get('retry-after')),
      leave: answer.leave,
      async *pieces() {
        const reader = answer.pieces?.[Symbol.asyncIterator]();
        try {
          while (reader !== undefined) {
            const still = late(silenceMs);
            const next = await reader.next().finally(still);
            if (next.done === true) return;
            yield next.value;
          }
        } catch (error) {
          throw unreachable(error);
        } finally {
          answer.leave();
        }
      },
    };
  };
}

/** A whole number of seconds; anything else says nothing. */
function secondsIn(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^[0-9]{1,4}$/.test(retryAfter) ? Number(retryAfter) : undefined;
}
