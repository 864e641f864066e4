/**
 * One request on Node's own HTTP client: what both doors to the network send with. The built-in `fetch` cannot be told
 * which address to connect to, and compiles a WebAssembly parser at its first request: on Node 20 that costs a short
 * command more processor time than everything else it does together.
 */
import type { AgentOptions, ClientRequest, Agent as HttpAgent, IncomingMessage, RequestOptions } from 'node:http';
import type { TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ConnectionOptions } from 'node:tls';
import { Headers } from './fetch-types.ts';
import type { Multipart } from './multipart.ts';
import type { Proxies, WayOut } from './proxies.ts';

/** What is sent. */
export interface Outgoing {
  method: string;
  headers: Headers;
  body: string | Multipart | undefined;
  signal: AbortSignal | undefined;
  /** Done once somebody is there, before the first byte is sent: what can be used once is noted as used here. */
  beforeSending?: (() => Promise<void>) | undefined;
}

/** The head of an answer, and its body as it comes. */
export interface Answer {
  status: number;
  headers: Headers;
  /** To be read or left, else its connection stays open. Undefined where the status says that there is none. */
  pieces: AsyncIterable<Uint8Array> | undefined;
  /** Ends the connection without reading. */
  leave(): void;
}

/** Sends and resolves with the head of the answer. No redirect is followed: nothing goes where it was not meant to go. */
export type Send = (url: URL, outgoing: Outgoing) => Promise<Answer>;

type Request = (url: URL, options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;

/**
 * Makes a sender with connections of its own, kept for the requests that follow; idle ones do not keep the process
 * alive. The options hold for every one of these connections, and no other sender uses them; what they say of addresses
 * holds where we connect, and not where a proxy does.
 */
export function sender(options: AgentOptions = {}, proxies?: Proxies): Send {
  const agents = new Map<string, HttpAgent>();
  return async (url, { method, headers, body, signal, beforeSending }) => {
    signal?.throwIfAborted();
    const { Agent, request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
    const proxy = proxies?.for(url);
    const way = `${url.protocol} ${proxy?.url.origin}`;
    const agent = agents.get(way) ?? new Agent({ ...options, keepAlive: true });
    if (!agents.has(way) && proxy !== undefined) leaveThrough(agent, proxy, url.protocol);
    agents.set(way, agent);
    const fields = Object.fromEntries(headers.entries());
    if (typeof body === 'string') fields['content-length'] = String(Buffer.byteLength(body));
    else if (body !== undefined) {
      fields['content-type'] = body.contentType;
      fields['content-length'] = String(body.length);
    }
    return await new Promise((resolve, reject) => {
      const answered = (message: IncomingMessage) => {
        const status = message.statusCode ?? 0;
        if (status <= 599) return resolve(answerOf(message, status));
        message.destroy();
        reject(new RangeError(`not a status of an answer: ${status}`));
      };
      const options = { method, headers: fields, agent, maxHeaderSize, ...(signal ? { signal } : {}) };
      const sent = (request as Request)(url, options, answered).on('error', (error) =>
        reject(signal?.aborted ? signal.reason : error),
      );
      // An abort just as an answer ends is an error of its connection, which Node no longer listens to by then.
      sent.once('socket', (socket) => socket.off('error', ignored).on('error', ignored));
      const failed = (error: unknown) => {
        reject(error);
        sent.destroy();
      };
      const sendOff = () => {
        if (typeof body !== 'object') sent.end(body);
        else pipeline(body.pieces(), sent).catch(reject);
      };
      if (beforeSending === undefined) sendOff();
      else onConnected(sent, url, () => beforeSending().then(sendOff, failed));
    });
  };
}

/** Has an agent make its connections through a proxy; what is said on them is between both ends. */
function leaveThrough(agent: HttpAgent, proxy: WayOut, protocol: string): void {
  agent.createConnection = (options, opened) => {
    const { host, port, servername, signal } = options as ConnectionWanted;
    const name = host?.includes(':') ? `[${host}]` : host;
    const connect = async (): Promise<Duplex> => {
      const { tunnelThrough } = await import('./proxies.ts');
      const socket = await tunnelThrough(proxy, `${name}:${port}`, signal);
      if (protocol !== 'https:') return socket;
      const { connect: overTls } = await import('node:tls');
      const { lookup: _, path: __, ...tls } = options as ConnectionWanted;
      const secured = overTls({ ...tls, socket, servername: servername ?? '' });
      await new Promise<void>((resolve, reject) => {
        secured
          .once('secureConnect', resolve)
          .once('error', reject)
          .once('close', () => reject(hungUp()));
      });
      return secured;
    };
    connect().then(
      (socket) => opened?.(null, socket),
      (error: Error) => opened?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  };
}

function hungUp(): Error {
  return Object.assign(new Error('the line was cut'), { code: 'ECONNRESET' });
}

/** What an agent is asked for: the options of the request among them. */
type ConnectionWanted = TcpNetConnectOpts & ConnectionOptions & { signal?: AbortSignal };

/** Policies of browsers that pages are sent with grow beyond the 16 KiB that Node takes unless told. */
const maxHeaderSize = 64 * 1024;

/** Calls back once somebody is there at the other end; what does not come to that is an error of the request. */
function onConnected(sent: ClientRequest, { protocol }: URL, connected: () => void): void {
  sent.once('socket', (socket) => {
    if (!socket.connecting) return connected();
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', connected);
  });
}

/** Told elsewhere. */
const ignored = () => {};

/** The statuses that come without a body. */
const bodiless = [204, 205, 304];

function answerOf(message: IncomingMessage, status: number): Answer {
  const headers = new Headers();
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? '', message.rawHeaders[index + 1] ?? '');
  }
  // Whoever reads is told. Where nobody does, an answer that breaks off is nobody's error, and not the end of the process.
  message.on('error', ignored);
  const empty = bodiless.includes(status);
  if (empty) message.resume();
  return {
    status,
    headers,
    pieces: empty ? undefined : piecesOf(message),
    leave: () => void message.destroy(),
  };
}

/** The body. Whoever is done with it before its end, or before its beginning, ends the connection. */
function piecesOf(message: IncomingMessage): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const pieces: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]();
      return {
        next: () => pieces.next(),
        async return() {
          message.destroy();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
