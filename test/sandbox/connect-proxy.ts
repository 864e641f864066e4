import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';

/** A proxy that only makes tunnels (CONNECT), as the ones of companies do, and wants to know who asks. */
export interface ConnectProxy {
  /** With the credentials in it. */
  readonly url: string;
  /** Its own origin, without credentials. */
  readonly origin: string;
  readonly password: string;
  /** Every tunnel that was asked for, as `host:port`, and whether the credentials were right. */
  readonly asked: readonly { readonly authority: string; readonly known: boolean }[];
  /** Whether a port of this machine is its end of a tunnel: who is asked from there was asked through it. */
  isEndOfTunnel(port: number | undefined): boolean;
  /** Answers every tunnel with this instead; undefined behaves again. */
  answer(page?: { status: number; type?: string; body?: string }): void;
  /** Names that nobody but the proxy can look up. */
  lookUp(host: string, port: number): void;
  close(): Promise<void>;
}

/** Starts one on a free loopback port. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const password = 'tunnel/pass word';
  const wanted = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;
  const asked: { authority: string; known: boolean }[] = [];
  const open = new Set<Socket>();
  const ends = new Set<number | undefined>();
  const names = new Map<string, number>();
  let page: { status: number; type?: string; body?: string } | undefined;
  const server = createServer((_request, response) => response.writeHead(400).end());
  server.on('connect', (request, client: Socket, head) => {
    open.add(client);
    client.once('close', () => open.delete(client)).on('error', () => {});
    const authority = request.url ?? '';
    const known = request.headers['proxy-authorization'] === wanted;
    asked.push({ authority, known });
    const refuse = (status: number, type = 'text/plain', body = '') =>
      client.end(
        `HTTP/1.1 ${status} No\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    if (page !== undefined || !known) return void refuse(page?.status ?? 407, page?.type, page?.body);
    const { hostname, port } = new URL(`http://${authority}`);
    const upstream = connect(names.get(hostname) ?? Number(port || 80), '127.0.0.1', () => {
      ends.add(upstream.localPort);
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    open.add(upstream);
    upstream.once('close', () => open.delete(upstream)).on('error', () => client.destroy());
    client.once('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const host = `127.0.0.1:${port}`;
  return {
    url: `http://ada:${encodeURIComponent(password)}@${host}`,
    origin: `http://${host}`,
    password,
    asked,
    isEndOfTunnel: (end) => end !== undefined && ends.has(end),
    answer(other) {
      page = other;
    },
    lookUp(name, to) {
      names.set(name, to);
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
