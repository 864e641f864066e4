/**
 * `fetch` on Node's own HTTP client, for the platform. The built-in one compiles a WebAssembly parser at its first
 * request: on Node 20 that costs a short command more processor time than everything else it does together. No
 * redirect is followed, so a key is only ever sent where it was meant to go.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Readable } from 'node:stream';

type Request = (url: URL, options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;

/** Sends a request and answers like `fetch`. What is no text, such as an upload, goes through the built-in `fetch`. */
export async function plainFetch(input: string | URL | globalThis.Request, init: RequestInit = {}): Promise<Response> {
  const { body, method = 'GET', signal } = init;
  if ((body !== undefined && body !== null && typeof body !== 'string') || input instanceof globalThis.Request) {
    return await fetch(input, { ...init, redirect: 'manual' });
  }
  const url = new URL(input);
  const headers = Object.fromEntries(new Headers(init.headers).entries());
  if (typeof body === 'string') headers['content-length'] = String(Buffer.byteLength(body));
  const request = await requestFor(url);
  return await new Promise((resolve, reject) => {
    request(url, { method, headers, ...(signal ? { signal } : {}) }, (response) => resolve(toResponse(response)))
      .once('error', reject)
      .end(body ?? undefined);
  });
}

/** The client of the URL's scheme, with connections kept for the requests that follow; idle ones end with the process. */
async function requestFor(url: URL): Promise<Request> {
  const { Agent, request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const agent = agents.get(url.protocol) ?? new Agent({ keepAlive: true });
  agents.set(url.protocol, agent);
  return (to, options, answered) => request(to, { ...options, agent }, answered);
}

const agents = new Map<string, import('node:http').Agent>();

/** The statuses that come without a body; `Response` refuses one for them. */
const bodiless = [101, 204, 205, 304];

function toResponse(message: IncomingMessage): Response {
  const status = message.statusCode ?? 0;
  const headers = new Headers();
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? '', message.rawHeaders[index + 1] ?? '');
  }
  if (bodiless.includes(status)) {
    message.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(message) as ReadableStream, { status, headers });
}
