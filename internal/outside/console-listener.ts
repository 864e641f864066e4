/**
 * The socket of a console: http on loopback, https with a certificate of its own, or http behind proxies that are named.
 * Anywhere else nothing is opened. Who asks for what is judged behind it.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Server as HttpServer, IncomingMessage, ServerOptions } from 'node:http';
import { type AddressInfo, BlockList, isIP } from 'node:net';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { readTrusted } from './trusted-file.ts';

/** Where a console listens, and what stands before it. */
export interface ListeningPlace {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Files in PEM. */
  tls: { certificate: string; key: string } | undefined;
  /** Addresses or ranges whose word of whom they speak for counts. */
  trustedProxies: readonly string[];
}

/** Whose a connection is, as far as can be known. */
export interface Origin {
  /** The address of whoever asks: that of the connection, or what a trusted proxy says. */
  address: string;
  /** What limits count by: the address, and of IPv6 the network, since whoever has one address there has all of it. */
  network: string;
  /** Whether nobody on the way can read along: TLS here, TLS to a trusted proxy, or this machine alone. */
  isPrivate: boolean;
  /** Whether the connection itself comes from this machine, and from no proxy. */
  isHere: boolean;
}

/** An answer that is one text: it is sent as it is, without the streams that a response is made of. */
export interface PlainAnswer {
  status: number;
  headers: readonly (readonly [string, string])[];
  text: string;
}

/** Answers a request. */
export type ConsoleHandler = (
  request: Request,
  origin: Origin,
) => Response | PlainAnswer | Promise<Response | PlainAnswer>;

/** An open socket. */
export interface ConsoleListener {
  port: number;
  /** Takes no new connections, and ends those on which nothing is under way. */
  stopAccepting(): void;
  /** Waits for the last words of answers to be sent, and not longer than a moment. */
  flushed(): Promise<void>;
  /** Ends everything at once. */
  close(): void;
}

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
const keepAliveTimeoutMs = 65_000;
const flushMs = 2_000;
const mostConnections = 4_096;
const usualLookMs = 30_000;

const loopbackAddresses = new BlockList();
loopbackAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
loopbackAddresses.addAddress('::1', 'ipv6');

/** Told that the certificate was renewed, or why what is there now does not count: then the one before goes on. */
export type CertificateTold = (change: 'renewed' | AppError) => void;

/** Throws `usage` for a place where everybody on the way could read along, or `port_taken`. */
export async function listenForConsole(
  place: ListeningPlace,
  handler: ConsoleHandler,
  told: CertificateTold,
  lookEveryMs: number = usualLookMs,
): Promise<ConsoleListener> {
  const { host, port, tls } = place;
  const proxies = rangesOf(place.trustedProxies);
  if (!isLoopback(host) && tls === undefined && place.trustedProxies.length === 0) {
    throw new AppError('usage', `${quote(host)} is not loopback: without TLS everybody on the way reads along`, {
      hint: 'name --tls-cert and --tls-key, or the proxy that has them: --trusted-proxy <address>',
    });
  }
  const { getRequestListener } = await import('@hono/node-server');
  const { RESPONSE_ALREADY_SENT: alreadySent } = await import('@hono/node-server/utils/response');
  const peerOf = peersBeside(proxies);
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      const message = incoming as IncomingMessage;
      const answer = await handler(request, originOf(message, peerOf(message.socket), proxies));
      if (answer instanceof Response) return answer;
      const { status, headers, text } = answer;
      const length = String(Buffer.byteLength(text));
      outgoing.writeHead(status, Object.fromEntries([...headers, ['content-length', length]])).end(text);
      return alreadySent;
    },
    { overrideGlobalObjects: false },
  );
  const options = {
    maxHeaderSize: 24 * 1024,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: 1_000,
  };
  const over = new AbortController();
  const server: HttpServer =
    tls === undefined
      ? (await import('node:http')).createServer(options)
      : await certifiedServer(tls, { options, told, lookEveryMs, signal: over.signal });
  server.maxConnections = mostConnections;
  server.on('request', (request, response) => void listener(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host, port }, resolve);
  }).catch((cause: unknown) => {
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw taken
      ? new AppError('port_taken', `port ${port} of ${quote(host)} is in use by another program`, { cause })
      : new AppError('usage', `cannot listen at ${quote(host)}: ${why}`, { cause });
  });
  let open = true;
  // It may be closed before anybody waits for that.
  server.once('close', () => {
    open = false;
  });
  return {
    port: (server.address() as AddressInfo).port,
    stopAccepting() {
      server.close();
      server.closeIdleConnections();
    },
    async flushed() {
      for (let ms = 0; open && ms < flushMs; ms += 50) {
        server.closeIdleConnections();
        await clock.pause(50);
      }
    },
    close() {
      over.abort();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What proxies write who speak for somebody. */
const forwarding = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];

/** Whether only this machine reaches it. A name is none: what it means is decided elsewhere. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return host === 'localhost' || (family !== 0 && loopbackAddresses.check(host, family === 6 ? 'ipv6' : 'ipv4'));
}

interface Watched {
  options: ServerOptions;
  told: CertificateTold;
  lookEveryMs: number;
  signal: AbortSignal;
}

/** A server whose certificate is that of its files, as they are: new connections get a new one, and nothing is broken off. */
async function certifiedServer(
  tls: NonNullable<ListeningPlace['tls']>,
  { options, told, lookEveryMs, signal }: Watched,
): Promise<HttpServer> {
  const { createServer } = await import('node:https');
  const minVersion = 'TLSv1.2';
  let used = await certified(tls);
  const server = createServer({ ...options, ...used, minVersion });
  let refused = '';
  const look = async () => {
    try {
      const now = await certified(tls);
      if (now.cert === used.cert && now.key === used.key) return;
      // Two files are never replaced at once, nor is one that is half written any: what does not go together now may in a moment.
      if (!new X509Certificate(now.cert).checkPrivateKey(createPrivateKey(now.key))) throw new Error('another key');
      server.setSecureContext({ ...now, minVersion });
      used = now;
      refused = '';
      told('renewed');
    } catch (cause) {
      const error =
        cause instanceof AppError
          ? cause
          : new AppError('usage', 'certificate and private key do not go together', { cause });
      if (error.message !== refused) told(error);
      refused = error.message;
    }
  };
  void (async () => {
    while (!signal.aborted) {
      await clock.pause(lookEveryMs, signal);
      if (!signal.aborted) await look();
    }
  })();
  return server;
}

async function certified({ certificate, key }: { certificate: string; key: string }) {
  const read = async (path: string, what: string, forbidden: number, correction: string) => {
    const trust = { longestBytes: 256 * 1024, rootToo: true, links: true, forbidden, correction };
    const text = await readTrusted(path, trust);
    if (text === undefined) throw new AppError('usage', `there is no ${what} ${quote(path)}`);
    return text;
  };
  return {
    cert: await read(certificate, 'certificate', 0o022, 'chmod go-w'),
    // A group may read it: that is how systemd and Kubernetes hand one over.
    key: await read(key, 'private key', 0o027, 'chmod o-rwx,g-w'),
  };
}

/** Addresses and ranges such as `10.0.0.0/8`. Throws `usage`. */
function rangesOf(texts: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const text of texts) {
    const [address = '', bits] = text.split('/');
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : Number(bits);
    if (version === 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > most || prefix === 0) {
      throw new AppError('usage', `not an address or a range of addresses: ${quote(text)}`, {
        hint: 'such as --trusted-proxy 10.0.3.4 or --trusted-proxy 10.0.3.0/24; the whole internet is no proxy',
      });
    }
    ranges.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
  }
  return ranges;
}

function isIn(ranges: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && ranges.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

/** Who is at the other end of a connection. */
interface Peer {
  address: string;
  isProxy: boolean;
  isLoopback: boolean;
}

/** Looks who it is once for a connection, which many requests come over: looking takes longer than much that is asked. */
function peersBeside(proxies: BlockList): (socket: IncomingMessage['socket']) => Peer {
  const known = new WeakMap<IncomingMessage['socket'], Peer>();
  return (socket) => {
    const before = known.get(socket);
    if (before !== undefined) return before;
    const address = plain(socket.remoteAddress ?? '');
    const peer = { address, isProxy: isIn(proxies, address), isLoopback: isIn(loopbackAddresses, address) };
    known.set(socket, peer);
    return peer;
  };
}

/**
 * Whose a request is. The header that says for whom a proxy speaks counts only from one that is trusted, and of its list
 * only the last address that is none of them: everything before it is what somebody wrote who wanted to be somebody else.
 */
function originOf({ socket, headers }: IncomingMessage, from: Peer, proxies: BlockList): Origin {
  const { address: peer } = from;
  const encrypted = 'encrypted' in socket && socket.encrypted === true;
  if (!from.isProxy) {
    // A proxy that nobody named speaks for somebody else, whoever that is.
    const isHere = from.isLoopback && !forwarding.some((name) => headers[name] !== undefined);
    return { address: peer, network: networkOf(peer), isPrivate: encrypted || isHere, isHere };
  }
  const claimed = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((each) => plain(each.trim()))
    .filter((each) => each !== '');
  const last = claimed.findLast((each) => !isIn(proxies, each)) ?? peer;
  const address = isIP(last) === 0 ? peer : last;
  const isPrivate = String(headers['x-forwarded-proto'] ?? '').trim() === 'https';
  return { address, network: networkOf(address), isPrivate, isHere: false };
}

/** The first 64 bits of an IPv6 address. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = (text: string) => text.split(':').filter((each) => each !== '');
  const [before = '', after = ''] = address.replace(/%.*/, '').split('::');
  const known = groups(before);
  const missing = address.includes('::') ? 8 - known.length - groups(after).length : 0;
  return [...known, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...groups(after)]
    .slice(0, 4)
    .map((each) => Number.parseInt(each, 16).toString(16))
    .join(':');
}

/** An IPv4 address in the form of IPv6 is that address. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
