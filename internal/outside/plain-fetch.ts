/** `fetch` for the platform. Its address is the operator's own choice, so it may be in a private network. */
import { sender } from './send.ts';

const send = sender();

/** Sends a request and answers like `fetch`. What is no text, such as an upload, goes through the built-in `fetch`. */
export async function plainFetch(input: string | URL | globalThis.Request, init: RequestInit = {}): Promise<Response> {
  const { body, method = 'GET', signal } = init;
  if ((body !== undefined && body !== null && typeof body !== 'string') || input instanceof globalThis.Request) {
    return await fetch(input, { ...init, redirect: 'manual' });
  }
  return await send(new URL(input), {
    method,
    headers: new Headers(init.headers),
    body: body ?? undefined,
    signal: signal ?? undefined,
  });
}
