/** A small HTTP server on loopback that answers whatever a test tells it to: the other side, gone wrong. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request that arrived. */
export interface SeenRequest {
  method: string;
  /** Path and query as received. */
  target: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** What to answer: JSON with 200 unless told, nothing in particular, or anything at all with the response in hand. */
export type Answer =
  | { status?: number; headers?: Record<string, string>; json?: unknown; text?: string }
  | ((response: ServerResponse) => unknown);

/** A running server. It ends with the test that started it. */
export interface HostileServer {
  origin: string;
  /** Every request so far, oldest first. */
  requests: SeenRequest[];
  /** The requests as `METHOD /path?query`. */
  lines(): string[];
}

/** Starts a server; a request that `answer` has no answer for gets a 404. */
export async function startHostileServer(
  answer: (line: string, request: SeenRequest, origin: string) => Answer | undefined,
): Promise<HostileServer> {
  const requests: SeenRequest[] = [];
  let origin = '';
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url: target = '', headers } = request;
      const seen = { method, target, headers, body };
      requests.push(seen);
      const given = answer(`${method} ${target}`, seen, origin) ?? { status: 404 };
      if (typeof given === 'function') return given(response);
      const { status = 200, headers: sent = {}, json, text: plain = '' } = given;
      if (json === undefined) return response.writeHead(status, sent).end(plain);
      return response.writeHead(status, { 'content-type': 'application/json', ...sent }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin, requests, lines: () => requests.map(({ method, target }) => `${method} ${target}`) };
}
