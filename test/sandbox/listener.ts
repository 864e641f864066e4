import { randomInt } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';

/** A server on a port of the loopback address that nobody else has. */
export interface LoopbackListener {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly origin: string;
  readonly port: number;
  /** Serves requests; until then they wait for an answer. */
  serve(listener: RequestListener): void;
  /** Stops listening and drops open connections, so that nothing keeps the process alive. */
  close(): Promise<void>;
}

/**
 * Binds first and serves later, because an issuer has to know its own port before it can be built.
 * A request whose `Host` is not the bound authority is refused: a page that rebinds its own name to
 * loopback does not get in.
 */
export async function listenOnLoopback(wantedPort = 0): Promise<LoopbackListener> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: wantedPort }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the listener has no port');
  const authority = `127.0.0.1:${address.port}`;

  return {
    origin: `http://${authority}`,
    port: address.port,
    serve(listener) {
      server.on('request', (request, response) => {
        if (request.headers.host === authority) return listener(request, response);
        response.writeHead(421).end();
      });
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Ports that systems do not give to connections and listeners that ask for any. */
const [lowestPort, highestPort] = [20_000, 30_000];

/**
 * Finds a port that is free now, for a redirect URI that has to be registered before anybody listens on it. It is one
 * that nothing else on a busy machine is given by chance in the meantime.
 */
export async function freeLoopbackPort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowestPort, highestPort);
    const free = await listenOnLoopback(port).then(
      (listener) => listener.close().then(() => true),
      () => false,
    );
    if (free) return port;
  }
}
