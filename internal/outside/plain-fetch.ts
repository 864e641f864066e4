/** `fetch` for the platform. Its address is the operator's own choice, so it may be in a private network. */

import { FormData, Headers } from './fetch-types.ts';
import { multipartOf } from './multipart.ts';
import type { Proxies } from './proxies.ts';
import { type Answer, type Send, sender } from './send.ts';

/** One for each set of proxies, so that its connections are kept. */
const senders = new WeakMap<Proxies, Send>();
const direct = sender();

function senderThrough(proxies: Proxies): Send {
  const send = senders.get(proxies) ?? sender({}, proxies);
  senders.set(proxies, send);
  return send;
}

/** Sends what is said in the words of `fetch`: an address, and text or a form. */
export async function sendPlainly(
  input: Parameters<typeof fetch>[0],
  init: RequestInit = {},
  proxies?: Proxies,
): Promise<Answer> {
  const { method = 'GET', signal } = init;
  const send = proxies === undefined ? direct : senderThrough(proxies);
  return await send(new URL(input as string | URL), {
    method,
    headers: new Headers(init.headers),
    body: bodyOf(init.body),
    signal: signal ?? undefined,
  });
}

function bodyOf(body: RequestInit['body']) {
  if (body === undefined || body === null || typeof body === 'string') return body ?? undefined;
  // Of the libraries' own class, or of ours.
  if (body instanceof FormData || Object.prototype.toString.call(body) === '[object FormData]') {
    return multipartOf(body as Iterable<[string, string | File]>);
  }
  throw new TypeError('only text and forms can be sent to the platform');
}
