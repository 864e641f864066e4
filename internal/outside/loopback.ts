/**
 * The callback socket (RFC 8252 sections 7.3 and 8.3): literal loopback addresses only, open only while needed.
 * Who may answer the attempt is judged elsewhere; here is what a socket needs to be safe to have open.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../errors/app-error.ts';

/** Where the authorization server sends the browser back to. */
export interface RedirectPlace {
  host: '127.0.0.1' | 'localhost';
  /** A fixed port, for clients registered with one; undefined takes a free one. */
  port?: number | undefined;
  path: string;
}

/** What to do with a request to the redirect path or any other. */
export type Reply = { kind: 'status'; status: number } | { kind: 'captured' };

/** What the person reads at the end. */
export interface Outcome {
  ok: boolean;
}

/** An open listener. `close` is safe to call on every path and more than once. */
export interface LoopbackListener {
  redirectUri: string;
  /** `host:port`, as the Host header of a good request has it. */
  authority: string;
  /** Hands every request to `judge` until one is captured; later ones get a 410. */
  serve(judge: (request: IncomingMessage) => Reply): void;
  /** Tells the waiting page how it ended, gives the browser a moment to fetch it, and closes. */
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
 * would receive the code. Throws `port_taken`; there is no fallback to another port.
 */
export async function listenOnLoopback(place: RedirectPlace): Promise<LoopbackListener> {
  const first = await bind('127.0.0.1', place.port ?? 0);
  const port = (first.address() as AddressInfo).port;
  const servers = [first];
  if (place.host === 'localhost') {
    try {
      servers.push(await bind('::1', port));
    } catch (error) {
      // A machine without IPv6 has nobody to squat there; a port in use there is a squatter.
      if (isTaken(error)) {
        close(servers);
        throw portTaken(port, error);
      }
    }
  }

  let settle: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });
  let pageServed: () => void = () => {};
  const page = new Promise<void>((resolve) => {
    pageServed = resolve;
  });
  let captured = false;
  const authority = `${place.host}:${port}`;

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    judge: (request: IncomingMessage) => Reply,
  ) => {
    if ((request.url ?? '').length > longestUrl) return sendStatus(response, 414);
    if (captured) {
      if (request.method !== 'GET' || request.url !== '/done' || request.headers.host !== authority)
        return sendStatus(response, 410);
      const ended = await Promise.race([outcome, afterMs(pageWaitMs).then(() => undefined)]);
      sendPage(response, ended);
      response.once('close', pageServed);
      return;
    }
    const reply = judge(request);
    if (reply.kind === 'status') return sendStatus(response, reply.status);
    captured = true;
    // Away from the address that carries the code, at once.
    response.writeHead(303, { ...strictHeaders, location: '/done' }).end();
  };

  return {
    redirectUri: `http://${authority}${place.path}`,
    authority,
    serve(judge) {
      for (const server of servers) {
        server.on(
          'request',
          (request, response) => void answer(request, response, judge).catch(() => response.destroy()),
        );
      }
    },
    async finish(ended) {
      settle(ended);
      if (captured) await Promise.race([page, afterMs(pageGraceMs)]);
      close(servers);
    },
    close: () => close(servers),
  };
}

async function bind(address: string, port: number): Promise<Server> {
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
    throw error;
  }
  return server;
}

function close(servers: readonly Server[]): void {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
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
    setTimeout(resolve, milliseconds).unref();
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

function sendStatus(response: ServerResponse, status: number): void {
  response.writeHead(status, strictHeaders).end();
}

/** The page is static: nothing of a request is ever reflected into it. */
function sendPage(response: ServerResponse, outcome: Outcome | undefined): void {
  const [title, text] =
    outcome === undefined
      ? ['Still working', 'The terminal shows how it goes on. You can close this tab.']
      : outcome.ok
        ? ['Done', 'You can close this tab and go back to the terminal.']
        : ['That did not work', 'The terminal says why and what to do next.'];
  response.writeHead(200, { ...strictHeaders, 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif }
body { min-height: 90vh; display: grid; place-content: center; text-align: center; margin: 1.5rem }
h1 { font-size: 1.6rem; margin: 0 0 .4rem } p { margin: 0; opacity: .8 }
</style></head><body><main><h1>${title}</h1><p>${text}</p></main></body></html>
`);
}
