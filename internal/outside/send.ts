/**
 * One request on Node's own HTTP client, answered like `fetch`: what both doors to the network send with. The built-in
 * one cannot be told which address to connect to, and compiles a WebAssembly parser at its first request: on Node 20
 * that costs a short command more processor time than everything else it does together.
 */
import type { AgentOptions, ClientRequest, Agent as HttpAgent, IncomingMessage, RequestOptions } from 'node:http';
import { Readable } from 'node:stream';

/** What is sent. */
export interface Outgoing {
  method: string;
  headers: Headers;
  body: string | undefined;
  signal: AbortSignal | undefined;
}

/** Sends and resolves with the head of the answer. No redirect is followed: nothing goes where it was not meant to go. */
export type Send = (url: URL, outgoing: Outgoing) => Promise<Response>;

type Request = (url: URL, options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;

/**
 * Makes a sender with connections of its own, kept for the requests that follow; idle ones do not keep the process
 * alive. The options hold for every one of these connections, and no other sender uses them.
 */
export function sender(options: AgentOptions = {}): Send {
  const agents = new Map<string, HttpAgent>();
  return async (url, { method, headers, body, signal }) => {
    signal?.throwIfAborted();
    const { Agent, request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
    const agent = agents.get(url.protocol) ?? new Agent({ ...options, keepAlive: true });
    agents.set(url.protocol, agent);
    const fields = Object.fromEntries(headers.entries());
    if (body !== undefined) fields['content-length'] = String(Buffer.byteLength(body));
    return await new Promise((resolve, reject) => {
      const answered = (message: IncomingMessage) => {
        try {
          resolve(toResponse(message));
        } catch (cause) {
          // Such as a status of 999, which no Response can have.
          message.destroy();
          reject(cause);
        }
      };
      (request as Request)(url, { method, headers: fields, agent, ...(signal ? { signal } : {}) }, answered)
        .on('error', (error) => reject(signal?.aborted ? signal.reason : error))
        .end(body);
    });
  };
}

/** The statuses that come without a body; `Response` refuses one for them. */
const bodiless = [204, 205, 304];

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
