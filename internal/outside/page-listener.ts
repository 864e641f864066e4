/**
 * The socket of the page of buttons: a literal loopback address and a free port. Requests that no browser of the person
 * would send do not get past it; who may ask for what is judged behind it.
 */

import type { AddressInfo, Socket } from 'node:net';
import { isUrl } from '../text/url.ts';
import { bindLoopback, closeServers, longestUrl, sendStatus } from './loopback.ts';
import { namesPeers, type Peer, peerOf } from './peer.ts';

/** Answers a request, as servers everywhere do it; it is told whose the connection is. */
export type Handler = (request: Request, peer: Peer) => Response | Promise<Response>;

/** A bound socket; a browser that comes before `serve` waits. */
export interface PageListener {
  /** `http://127.0.0.1:<port>`. */
  origin: string;
  /** Whether this machine says whose a connection is. */
  namesPeers: boolean;
  serve(handler: Handler): void;
  close(): void;
}

/** Binds a free port of 127.0.0.1. */
export async function listenForPage(): Promise<PageListener> {
  const { getRequestListener } = await import('@hono/node-server');
  const server = await bindLoopback('127.0.0.1', 0);
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = `http://${authority}`;
  return {
    origin,
    namesPeers: await namesPeers(server),
    serve(handler) {
      // Whose a connection is does not change; a page asks for many things over one.
      const peers = new WeakMap<Socket, Promise<Peer>>();
      const peerAt = (socket: Socket) => {
        const peer = peers.get(socket) ?? peerOf(socket);
        peers.set(socket, peer);
        return peer;
      };
      const listener = getRequestListener(
        async (request, { incoming }) => {
          const peer = await peerAt(incoming.socket as Socket);
          // A browser that went elsewhere meanwhile is no stranger: nobody hears this.
          return peer.kind === 'gone' ? new Response(null, { status: 408 }) : await handler(request, peer);
        },
        { overrideGlobalObjects: false },
      );
      server.on('request', (request, response) => {
        const { method, url: target = '', headers } = request;
        if (target.length > longestUrl) return sendStatus(response, 414);
        // DNS rebinding: a page of another name that leads here must not be answered.
        if (headers.host !== authority) return sendStatus(response, 421);
        if (method !== 'GET' && method !== 'POST') return sendStatus(response, 405);
        if (!isPlain(target, origin)) return sendStatus(response, 404);
        return void listener(request, response).catch(() => response.destroy());
      });
    },
    close: () => closeServers([server]),
  };
}

/** Whether a target means what it says: no dots, double slashes or whole addresses that a parser would have to clear up. */
function isPlain(target: string, origin: string): boolean {
  if (!target.startsWith('/') || target.startsWith('//') || !isUrl(target, origin)) return false;
  const { pathname, search } = new URL(target, origin);
  return pathname + search === target;
}
