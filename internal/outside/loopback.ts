/**
 * The callback socket (RFC 8252 sections 7.3 and 8.3): literal loopback addresses only, open only while needed.
 * Who may answer the attempt is judged elsewhere; here is what a socket needs to be safe to have open.
 */

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Outcome } from '../markup/callback-page.ts';
import { namesPeers, type Peer, peerOf } from './peer.ts';

/** Where the authorization server sends the browser back to. */
export interface RedirectPlace {
  host: '127.0.0.1' | 'localhost';
  /** A fixed port, for clients registered with one; undefined takes a free one. */
  port?: number | undefined;
  path: string;
}

/** What to do with a request to the redirect path or any other. */
export type Reply =
  | { kind: 'status'; status: number }
  /** The browser goes on to another place, with cookies of ours. */
  | { kind: 'sent on'; to: URL; cookies: string[] }
  /** A page that says what is the matter; nothing of the request is taken. */
  | { kind: 'told'; outcome: Outcome }
  /** The answer is taken; cookies are taken back. */
  | { kind: 'captured'; cookies?: string[] };

/** What of a request is longer than anybody looks at: its address (414), or that with its cookies and other headers (431). */
export type TooLong = 'address' | 'headers';

/** An open listener. `close` is safe to call on every path and more than once. */
export interface LoopbackListener {
  redirectUri: string;
  /** `host:port`, as the Host header of a good request has it. */
  authority: string;
  /** Whether this machine says whose a connection is: then `judge` is told. */
  namesPeers: boolean;
  /** How many connections had to be turned away because others held every place. */
  dropped(): number;
  /**
   * Hands every request to `judge` until one is captured; later ones get a 410. `tooLong` hears of what is turned away
   * unread, since somebody waits for it perhaps.
   */
  serve(judge: (request: IncomingMessage, peer: Peer) => Reply, tooLong?: (what: TooLong) => void): void;
  /** Tells the waiting page how it ended, gives the browsers that are told something a moment to fetch it, and closes. */
  finish(outcome: Outcome): Promise<void>;
  close(): void;
}

/** Longer addresses are not looked at. */
export const longestUrl: number = 8 * 1024;
const mostSockets = 20;
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
/** How long the page waits for the outcome, and how long a captured browser has to ask for the page. */
const pageWaitMs = 10_000;
const pageGraceMs = 2_000;

/**
 * Binds before anything is registered or opened, so that nobody else can take the port in between. With the host
 * name `localhost` both loopback families are bound: a browser may try the other one first, and a squatter there
 * would receive the code. Throws `port_taken`; for a fixed port there is no fallback to another one.
 *
 * @param returnTo where the browser goes with its answer captured, instead of a page of the listener's own that waits.
 *   Only the browser that brings the right state is ever told.
 */
export async function listenOnLoopback(place: RedirectPlace, returnTo?: URL): Promise<LoopbackListener> {
  const servers = await bindPlace(place);
  const [first] = servers;
  const { port } = first.address() as AddressInfo;

  let settle: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });
  let pageServed: () => void = () => {};
  const page = new Promise<void>((resolve) => {
    pageServed = resolve;
  });
  let captured = false;
  let dropped = 0;
  /** Settles when both who take part in a contested sign-in were told so. */
  let bothTold: () => void = () => {};
  const told = new Promise<void>((resolve) => {
    bothTold = resolve;
  });
  let telling = 0;
  const authority = `${place.host}:${port}`;
  // Only the browser whose answer was taken is sent there.
  const donePath = `/done/${randomBytes(16).toString('base64url')}`;
  for (const server of servers) server.on('drop', () => (dropped += 1));

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    judge: (request: IncomingMessage, peer: Peer) => Reply,
    tooLong: (what: TooLong) => void,
  ) => {
    if ((request.url ?? '').length > longestUrl) {
      tooLong('address');
      return sendStatus(response, 414);
    }
    // Asked first: between what is judged and what is done about it, nothing may come.
    const peer = await peerOf(request.socket);
    // A browser that went elsewhere meanwhile is no stranger: what it asked for has no effect, and it may come back.
    if (peer.kind === 'gone') return void response.destroy();
    if (captured) {
      if (request.method !== 'GET' || request.url !== donePath || request.headers.host !== authority)
        return sendStatus(response, 410);
      if (returnTo !== undefined || peer.kind === 'other') return sendStatus(response, 410);
      const ended = await Promise.race([outcome, afterMs(pageWaitMs).then(() => undefined)]);
      response.once('close', pageServed);
      return await sendPage(response, 200, ended);
    }
    const reply = judge(request, peer);
    switch (reply.kind) {
      case 'status':
        return sendStatus(response, reply.status);
      case 'sent on':
        return void response
          .writeHead(302, { ...strictHeaders, location: reply.to.href, 'set-cookie': reply.cookies })
          .end();
      case 'told':
        telling += 1;
        if (telling === 2) response.once('close', bothTold);
        return await sendPage(response, 403, reply.outcome);
      case 'captured': {
        captured = true;
        const cookies = reply.cookies === undefined ? {} : { 'set-cookie': reply.cookies };
        // Away from the address that carries the code, at once.
        response.writeHead(303, { ...strictHeaders, ...cookies, location: returnTo?.href ?? donePath }).end();
        if (returnTo !== undefined) response.once('close', pageServed);
      }
    }
  };

  return {
    redirectUri: `http://${authority}${place.path}`,
    authority,
    namesPeers: await namesPeers(first),
    dropped: () => dropped,
    serve(judge, tooLong = () => {}) {
      for (const server of servers) {
        server.on(
          'request',
          (request, response) => void answer(request, response, judge, tooLong).catch(() => response.destroy()),
        );
        // Whoever listens for it has to answer: what Node says otherwise is a status and nothing else as well.
        server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
          const isTooLong = error.code === 'HPE_HEADER_OVERFLOW';
          if (isTooLong) tooLong('headers');
          if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
          const status = isTooLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
          socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
        });
      }
    },
    async finish(ended) {
      settle(ended);
      if (captured) await Promise.race([page, afterMs(pageGraceMs)]);
      // Who comes second is told as well, where it is a matter of a moment.
      else if (telling > 0) await Promise.race([told, afterMs(pageGraceMs)]);
      closeServers(servers);
    },
    close: () => closeServers(servers),
  };
}

/** How many free ports of one family are tried before one has to be free in the other as well. */
const mostTries = 10;

/** The sockets of a place, all on one port. Throws `port_taken`. */
async function bindPlace({ host, port: fixed }: RedirectPlace): Promise<[Server, ...Server[]]> {
  for (let tries = 1; ; tries += 1) {
    const first = await bindLoopback('127.0.0.1', fixed ?? 0);
    if (host !== 'localhost') return [first];
    const { port } = first.address() as AddressInfo;
    try {
      return [first, await bindLoopback('::1', port)];
    } catch (error) {
      // A machine without IPv6 has nobody to squat there; a port in use there is a squatter.
      if (!isTaken(error)) return [first];
      closeServers([first]);
      if (fixed !== undefined || tries === mostTries) throw portTaken(port, error);
    }
  }
}

/** Binds one literal loopback address, with the limits that a socket needs to be safe to have open. Throws `port_taken`. */
export async function bindLoopback(address: '127.0.0.1' | '::1', port: number): Promise<Server> {
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Node looks at the two limits above every 30 s only, unless told.
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = mostSockets;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host: address, port, exclusive: true }, resolve);
    });
  } catch (error) {
    if (isTaken(error) && address === '127.0.0.1') throw portTaken(port, error);
    if (isForbidden(error) && address === '127.0.0.1') throw portForbidden(port, error);
    throw error;
  }
  return server;
}

/** Closes servers and drops whoever is still connected. */
export function closeServers(servers: readonly Server[]): void {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

/** Ports below 1024 on some systems, and what Windows keeps for itself: nobody has them, and nobody gets them. */
function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');
}

function portForbidden(port: number, cause: unknown): AppError {
  return new AppError('port_taken', `the system does not give out port ${port} of this machine (EACCES)`, {
    hint: 'the sign-in must come back to exactly this port: register another one above 1024 and set redirect.port to it; on Windows "netsh interface ipv4 show excludedportrange protocol=tcp" lists those that are kept',
    cause,
  });
}

function portTaken(port: number, cause: unknown): AppError {
  return new AppError('port_taken', `port ${port} on this machine is in use by another program`, {
    hint: 'the sign-in must come back to exactly this port: end the other program and run this again',
    cause,
  });
}

/** Resolves after a while without keeping the process alive for it. */
function afterMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}

const strictHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
};

/** Answers with a status and a few words that are always the same: nobody is left in front of an empty page. */
export function sendStatus(response: ServerResponse, status: number): void {
  const words = `Nothing was done: nobody is meant to come here like this (${status}). The terminal says where to go on.\n`;
  response.writeHead(status, { ...strictHeaders, 'content-type': 'text/plain; charset=utf-8' }).end(words);
}

/** The page is static: its words are those of {@link Outcome}, and nothing of a request is ever reflected into it. */
async function sendPage(response: ServerResponse, status: number, outcome: Outcome | undefined): Promise<void> {
  const { callbackPage } = await import('../markup/callback-page.ts');
  response
    .writeHead(status, { ...strictHeaders, 'content-type': 'text/html; charset=utf-8' })
    .end(await callbackPage(outcome));
}
