/**
 * MCP servers: a fresh token is tried with one exchange, a tool call where one is named, or the list of tools is read for
 * a person to review. Nothing else is ever asked of them. The SDK speaks the dialects until 2025-11-25; of the one of
 * 2026-07-28 its transport carries our message.
 */

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type JSONRPCMessage,
  McpError,
  ResultSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { concealed, type Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { isUrl } from '../text/url.ts';
import { Response } from './fetch-types.ts';
import { type Fetch, type FetchInit, TooLong } from './http.ts';
import {
  clientInfo,
  type McpMessage,
  modernRequest,
  modernVersion,
  protocolVersionOf,
  speaksModernOnly,
} from './mcp-messages.ts';
import { withoutTools } from './tool-stream.ts';

export interface Exchange {
  mcpServerUrl: string;
  /** Left out where the server is to answer anybody. */
  token: Secret | undefined;
  /** The tool to call; left out, the connection is only begun. */
  call?: { tool: string; arguments: Record<string, unknown> } | undefined;
  /** Asks for the list of tools instead. */
  listing?: Listing | undefined;
  fetch: Fetch;
  signal: AbortSignal;
}

/** How a list of tools is taken in. */
export interface Listing {
  /** Begins anew, also where another version of the protocol has to be tried. */
  begin(): Taking;
}

/** Takes tools in, one by one. */
export interface Taking {
  /** Takes in what is known by its very text; false where it is not, so that it has to be parsed. */
  takeKnown(text: string): boolean;
  take(tool: unknown, text?: string): void;
}

/** The server turned the token away. Callers read its challenge: more scopes may be what it wants. */
export class TokenTurnedAway extends AppError {
  override readonly name: string = 'TokenTurnedAway';
  readonly status: 401 | 403;
  /** The `WWW-Authenticate` header. */
  readonly challenge: string | null;

  constructor(status: 401 | 403, challenge: string | null, message: string, cause: unknown) {
    super('service_refused', message, { cause });
    this.status = status;
    this.challenge = challenge;
  }
}

const timeoutMs = 20_000;

/**
 * Tries the token and returns what the tool answered, undefined without one. Throws {@link TokenTurnedAway},
 * `service_refused`, `service_unreachable` or `interrupted`.
 */
export async function exchangeWith(exchange: Exchange): Promise<unknown> {
  const watched = watch(exchange);
  const nothing = exchange.listing === undefined ? 'anything' : 'what its tools are';
  const asked = exchange.call === undefined ? nothing : quote(exchange.call.tool);
  const host = quote(new URL(exchange.mcpServerUrl).host);
  // Who showed no token is not told of one.
  const withToken = exchange.token === undefined ? '' : ' with the new token';
  try {
    return requireComplete(await inItsDialect(exchange, watched), `${host} did not answer ${asked}`);
  } catch (error) {
    // An answer that broke off while it was read: the SDK would wait for another one.
    const cause = watched.broken() ?? error;
    if (cause instanceof TooLong && exchange.listing !== undefined) throw tooLongList(host, cause);
    if (cause instanceof AppError) throw cause;
    if (exchange.signal.aborted) {
      const what = exchange.token === undefined ? `${host} was asked` : 'the new token was tried';
      throw new AppError('interrupted', `interrupted while ${what}`, { cause });
    }
    const failed = watched.failed();
    const said = saidBy(failed, cause);
    if (failed?.status === 401 || failed?.status === 403) {
      const { status, challenge } = failed;
      const turnedAway = exchange.token === undefined ? 'lets in nobody unknown' : 'does not let the new token in';
      throw new TokenTurnedAway(status, challenge, `${host} ${turnedAway}: ${said}`, cause);
    }
    if (failed !== undefined && (await speaksOldTransport(exchange, failed))) {
      throw new AppError(
        'service_refused',
        `${host} speaks only the HTTP+SSE transport of 2024-11-05 at this address`,
        {
          hint: 'look up its address for streamable HTTP, often /mcp instead of /sse, and set mcp_server_url to it',
          cause,
        },
      );
    }
    const hint =
      failed?.location === undefined
        ? {}
        : {
            hint: 'if that is where the service is now, review it and set mcp_server_url to it; no token was sent there',
          };
    throw new AppError(
      'service_refused',
      `${host} did not answer ${asked}${withToken}${said === undefined ? '' : `: ${said}`}`,
      { ...hint, cause },
    );
  }
}

/**
 * The exchange in the dialect that the server speaks: begun with a handshake, and begun again where its answer says that
 * it takes another version of that, or only the dialect without one.
 */
async function inItsDialect(exchange: Exchange, watched: Watched): Promise<unknown> {
  let first: JSONRPCMessage | undefined;
  const hear = (message: JSONRPCMessage) => {
    first ??= message;
  };
  try {
    return await handshakeAndCall(exchange, watched, { hear });
  } catch (error) {
    const failed = watched.failed();
    const next = otherVersion(first ?? parsed(failed?.text ?? ''), failed);
    if (next === undefined || exchange.signal.aborted) throw error;
    return next === modernVersion
      ? await callWithoutHandshake(exchange, watched)
      : await handshakeAndCall(exchange, watched, { version: next });
  }
}

/** The version to go on in after a handshake that failed; undefined where what answered it speaks of no version. */
function otherVersion(answer: unknown, failed: Failed | undefined): string | undefined {
  if (speaksModernOnly(answer) || protocolVersionOf(answer) === modernVersion) return modernVersion;
  // Some say it in words: HTTP 400, and which versions they take.
  if (failed?.status !== 400 || !/version/i.test(failed.text)) return undefined;
  return SUPPORTED_PROTOCOL_VERSIONS.slice(1).find((version) => failed.text.includes(version)) ?? modernVersion;
}

/** The dialect of 2026-07-28 has results that are none yet: the server wants to hear more first. */
function requireComplete(result: unknown, notAnswered: string): unknown {
  const type = isRecord(result) ? result['resultType'] : undefined;
  if (type === undefined || type === null || type === 'complete') return result;
  throw new AppError('service_refused', `${notAnswered}: it wants to hear more first (${quote(type)})`, {
    hint: "have account in the service's file name a tool that answers by itself",
  });
}

/** What the server said instead of an answer, harmless and short: status, content type and first line. */
function saidBy(failed: Failed | undefined, cause: unknown): string | undefined {
  if (failed === undefined) return cause instanceof McpError ? shortly(cause.message) : undefined;
  if (failed.location !== undefined) return `${failed.status}, it sends on to ${quote(failed.location)}`;
  const line = failed.text.split(/[\r\n\u2028\u2029]+/).find((each) => each.trim() !== '');
  const type = failed.type === undefined ? [] : [shortly(failed.type)];
  return [failed.status, ...type, line === undefined ? 'nothing else' : shortly(line.trim())].join(', ');
}

/** Secrets are taken out before it is cut: half of one would no longer be known as one. */
function shortly(text: string): string {
  return quote(concealed(text).slice(0, longestLine));
}

const longestLine = 120;

/** Whether what refuses every message opens a stream to whoever asks for one: the transport before streamable HTTP. */
async function speaksOldTransport({ mcpServerUrl, token, fetch }: Exchange, { status }: Failed): Promise<boolean> {
  if (![400, 404, 405, 406, 415].includes(status)) return false;
  const headers = { accept: 'text/event-stream', ...(token && { authorization: `Bearer ${token.reveal()}` }) };
  try {
    const response = await fetch(mcpServerUrl, { headers });
    await response.body?.cancel();
    return response.ok && /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
  } catch {
    // It was only asked in order to say more about an error that is told all the same.
    return false;
  }
}

/** How long a list of tools may be, all its pages together: four times the longest that was seen. */
const largestListBytes = 8 * 1024 * 1024;
/** How many pages of tools are read. */
const mostPages = 200;

function tooLongList(host: string, cause: TooLong): AppError {
  return new AppError('service_refused', `the list of tools of ${host} is too long: ${cause.size}`, {
    hint: 'nothing was pinned; ask whoever runs the service for an address with fewer tools, such as one that only reads',
    cause,
  });
}

/**
 * Reads the tools that a server offers, each handed over as it comes. Throws as {@link exchangeWith} does, and
 * `service_refused` for a list that is longer than 8 MiB or has no end.
 */
export async function listTools(exchange: Omit<Exchange, 'call' | 'listing'>, listing: Listing): Promise<void> {
  await exchangeWith({ ...exchange, listing });
}

/** Asks for page after page; what a page still holds was not taken out of it as it came. */
async function allPages(
  { mcpServerUrl }: Exchange,
  taking: Taking,
  ask: (params: { cursor?: string }) => Promise<unknown>,
): Promise<undefined> {
  const host = quote(new URL(mcpServerUrl).host);
  const seen = new Set<string>();
  let params: { cursor?: string } = {};
  let pages = 0;
  while (pages < mostPages) {
    const answer = requireComplete(await ask(params), `${host} did not answer what its tools are`);
    if (!isRecord(answer) || !Array.isArray(answer['tools'])) {
      throw new AppError('service_refused', `${host} did not answer with a list of its tools`);
    }
    for (const tool of answer['tools']) taking.take(tool);
    pages += 1;
    const { nextCursor: cursor } = answer;
    if (typeof cursor !== 'string') return undefined;
    if (seen.has(cursor)) break;
    seen.add(cursor);
    params = { cursor };
  }
  throw new AppError('service_refused', `the list of tools of ${host} has no end: ${pages} pages were read`, {
    hint: 'nothing was pinned; tell whoever runs the service',
  });
}

async function handshakeAndCall(
  exchange: Exchange,
  watched: Watched,
  { version, hear }: { version?: string; hear?: (message: JSONRPCMessage) => void },
): Promise<unknown> {
  const { mcpServerUrl, token, call, signal: ended } = exchange;
  // One of its own: the SDK never takes its listeners off, and a list of many pages would leave a warning.
  const signal = AbortSignal.any([ended, watched.ended]);
  const transport = transportTo(mcpServerUrl, token, watched.fetch);
  if (hear !== undefined) transport.onmessage = hear;
  if (version !== undefined) beginIn(version, transport);
  const client = new Client(clientInfo);
  try {
    // The SDK's own types disagree with each other under exactOptionalPropertyTypes.
    await client.connect(transport as Transport, { timeout: timeoutMs, signal });
    const options = { timeout: timeoutMs, signal };
    // Not through the client's own method: it would compile the schemas that the server sends. Nor with its schema: one
    // tool that says something wrong would hide all the others.
    const taking = watched.listing();
    if (taking !== undefined) {
      const ask = (params: { cursor?: string }) =>
        client.request({ method: 'tools/list', params }, ResultSchema, {
          ...options,
          signal: AbortSignal.any([signal]),
        });
      return await allPages(exchange, taking, ask);
    }
    if (call === undefined) return undefined;
    return await client.callTool({ name: call.tool, arguments: call.arguments }, undefined, options);
  } finally {
    await client.close();
  }
}

/** The dialect of 2026-07-28: the tool call or the pages of tools, else the question what the server can do. */
async function callWithoutHandshake(exchange: Exchange, watched: Watched): Promise<unknown> {
  const { call } = exchange;
  const taking = watched.listing();
  if (taking !== undefined) {
    return await allPages(exchange, taking, (params) =>
      askOnce(exchange, watched, modernRequest('tools/list', params)),
    );
  }
  if (call !== undefined) {
    return await askOnce(
      exchange,
      watched,
      modernRequest('tools/call', { name: call.tool, arguments: call.arguments }),
    );
  }
  await askOnce(exchange, watched, modernRequest('server/discover'));
  return undefined;
}

/** One request without a handshake. */
async function askOnce(
  { mcpServerUrl, token, signal }: Exchange,
  watched: Watched,
  { headers, body }: McpMessage,
): Promise<unknown> {
  const transport = transportTo(mcpServerUrl, token, watched.fetch, headers);
  const limit = AbortSignal.any([signal, watched.ended, clock.deadline(timeoutMs)]);
  try {
    const answer = await new Promise<JSONRPCMessage>((resolve, reject) => {
      limit.addEventListener('abort', () => reject(limit.reason), { once: true });
      transport.onmessage = (message) => {
        if ('id' in message && message.id === body.id && !('method' in message)) resolve(message);
      };
      transport
        .start()
        .then(() => transport.send(body))
        .catch(reject);
    });
    if ('error' in answer) throw new McpError(answer.error.code, answer.error.message);
    return 'result' in answer ? answer.result : undefined;
  } finally {
    await transport.close();
  }
}

function transportTo(
  mcpServerUrl: string,
  token: Secret | undefined,
  fetch: Fetch,
  headers: Readonly<Record<string, string>> = {},
) {
  return new StreamableHTTPClientTransport(new URL(mcpServerUrl), {
    fetch: (url, init) => fetch(String(url), init as FetchInit),
    requestInit: { headers: { ...headers, ...(token && { authorization: `Bearer ${token.reveal()}` }) } },
  });
}

/** Has a handshake begin with another version than the SDK's newest, which is all that it offers. */
function beginIn(version: string, transport: StreamableHTTPClientTransport): void {
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => {
    const first = !Array.isArray(message) && 'method' in message && message.method === 'initialize';
    await send(first ? { ...message, params: { ...message.params, protocolVersion: version } } : message, options);
  };
}

/** An answer that was no success, to a message that was posted. */
interface Failed {
  status: number;
  /** The `WWW-Authenticate` header. */
  challenge: string | null;
  /** The content type, where it names one. */
  type: string | undefined;
  /** Where a redirect that was not followed points, without its query. */
  location: string | undefined;
  text: string;
}

interface Watched {
  /** What the last message was answered with, if that was no success. */
  failed(): Failed | undefined;
  /** What broke off an answer while it was read. */
  broken(): unknown;
  /** Aborted once an answer broke off. */
  ended: AbortSignal;
  /** Begins to take in a list, where one is asked for. */
  listing(): Taking | undefined;
  fetch: Fetch;
}

/**
 * The same fetch, and how the last message that was posted with it failed: the SDK keeps most of that to itself. Where a
 * list is asked for, its tools are taken out of the answers as they come.
 */
function watch({ fetch, listing }: Exchange): Watched {
  let failed: Failed | undefined;
  let broken: unknown;
  let taking: Taking | undefined;
  let left = largestListBytes;
  const ended = new AbortController();
  const reading = (response: Response): Response => {
    const type = response.headers.get('content-type') ?? '';
    const events = /^text\/event-stream\b/i.test(type);
    const { body, status, headers } = response;
    if (taking === undefined || body === null || !(events || /\bjson\b/i.test(type))) return response;
    const { takeKnown, take } = taking;
    async function* pieces() {
      try {
        const counted = async function* (from: AsyncIterable<Uint8Array>) {
          for await (const piece of from) {
            left -= piece.byteLength;
            yield piece;
          }
        };
        yield* withoutTools(counted(body as unknown as AsyncIterable<Uint8Array>), events, (text) => {
          if (!takeKnown(text)) take(parsed(text), text);
        });
      } catch (error) {
        if (error instanceof AppError) {
          broken ??= error;
          ended.abort(error);
        }
        throw error;
      }
    }
    return new Response(pieces(), { status, headers });
  };
  return {
    failed: () => failed,
    broken: () => broken,
    ended: ended.signal,
    listing() {
      taking = listing?.begin();
      return taking;
    },
    fetch: async (url, init = {}) => {
      const response = await fetch(url, taking === undefined ? init : { ...init, largestBytes: Math.max(left, 0) });
      if (init.method !== 'POST') return response.ok ? reading(response) : response;
      failed = undefined;
      if (response.ok) return reading(response);
      const { status, headers } = response;
      const text = await response.text();
      const [challenge, location] = ['www-authenticate', 'location'].map((name) => headers.get(name)) as [
        string | null,
        string | null,
      ];
      failed = {
        status,
        challenge,
        type: headers.get('content-type') ?? undefined,
        location:
          status < 400 && location !== null && isUrl(location, url) ? withoutQuery(new URL(location, url)) : undefined,
        text,
      };
      return new Response(text === '' ? null : text, { status, headers });
    },
  };
}

function withoutQuery({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
