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
import type { Fetch, FetchInit } from './http.ts';
import { clientInfo, modernRequest, modernVersion, protocolVersionOf, speaksModernOnly } from './mcp-messages.ts';

export interface Exchange {
  mcpServerUrl: string;
  /** Left out where the server is to answer anybody. */
  token: Secret | undefined;
  /** The tool to call; left out, the connection is only begun. */
  call?: { tool: string; arguments: Record<string, unknown> } | undefined;
  /** Asks for a page of the list of tools instead. */
  listing?: { cursor?: string } | undefined;
  fetch: Fetch;
  signal: AbortSignal;
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
  const watched = watch(exchange.fetch);
  const nothing = exchange.listing === undefined ? 'anything' : 'what its tools are';
  const asked = exchange.call === undefined ? nothing : quote(exchange.call.tool);
  const host = quote(new URL(exchange.mcpServerUrl).host);
  try {
    return requireComplete(await inItsDialect(exchange, watched), `${host} did not answer ${asked}`);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (exchange.signal.aborted)
      throw new AppError('interrupted', 'interrupted while the new token was tried', { cause });
    const failed = watched.failed();
    const said = saidBy(failed, cause);
    if (failed?.status === 401 || failed?.status === 403) {
      const { status, challenge } = failed;
      throw new TokenTurnedAway(status, challenge, `${host} does not let the new token in: ${said}`, cause);
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
      `${host} did not answer ${asked} with the new token${said === undefined ? '' : `: ${said}`}`,
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
    return await handshakeAndCall(exchange, watched.fetch, { hear });
  } catch (error) {
    const failed = watched.failed();
    const next = otherVersion(first ?? parsed(failed?.text ?? ''), failed);
    if (next === undefined || exchange.signal.aborted) throw error;
    return next === modernVersion
      ? await callWithoutHandshake(exchange, watched.fetch)
      : await handshakeAndCall(exchange, watched.fetch, { version: next });
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

/** How many pages of tools are read: more tools than any agent may have. */
const mostPages = 10;

/** What a server listed. */
export interface ListedTools {
  /** As it gave them. */
  tools: unknown[];
  /** False where there are more, which were not read. */
  whole: boolean;
}

/** The tools that a server offers, at most {@link mostPages} pages. Throws as {@link exchangeWith} does. */
export async function listTools(exchange: Omit<Exchange, 'call' | 'listing'>): Promise<ListedTools> {
  const tools: unknown[] = [];
  let listing: { cursor?: string } = {};
  for (let page = 0; page < mostPages; page += 1) {
    const answer = (await exchangeWith({ ...exchange, listing })) as
      | { tools?: unknown; nextCursor?: unknown }
      | undefined;
    if (!Array.isArray(answer?.tools)) {
      throw new AppError(
        'service_refused',
        `${quote(new URL(exchange.mcpServerUrl).host)} did not answer with a list of its tools`,
      );
    }
    for (const tool of answer.tools) tools.push(tool);
    if (typeof answer?.nextCursor !== 'string') return { tools, whole: true };
    listing = { cursor: answer.nextCursor };
  }
  return { tools, whole: false };
}

async function handshakeAndCall(
  { mcpServerUrl, token, call, listing, signal: ended }: Exchange,
  fetch: Fetch,
  { version, hear }: { version?: string; hear?: (message: JSONRPCMessage) => void },
): Promise<unknown> {
  // One of its own: the SDK never takes its listeners off, and a list of many pages would leave a warning.
  const signal = AbortSignal.any([ended]);
  const transport = transportTo(mcpServerUrl, token, fetch);
  if (hear !== undefined) transport.onmessage = hear;
  if (version !== undefined) beginIn(version, transport);
  const client = new Client(clientInfo);
  try {
    // The SDK's own types disagree with each other under exactOptionalPropertyTypes.
    await client.connect(transport as Transport, { timeout: timeoutMs, signal });
    const options = { timeout: timeoutMs, signal };
    // Not through the client's own method: it would compile the schemas that the server sends. Nor with its schema: one
    // tool that says something wrong would hide all the others.
    if (listing !== undefined)
      return await client.request({ method: 'tools/list', params: listing }, ResultSchema, options);
    if (call === undefined) return undefined;
    return await client.callTool({ name: call.tool, arguments: call.arguments }, undefined, options);
  } finally {
    await client.close();
  }
}

/** One request of the dialect of 2026-07-28: the tool call, else the question what the server can do. */
async function callWithoutHandshake(
  { mcpServerUrl, token, call, listing, signal }: Exchange,
  fetch: Fetch,
): Promise<unknown> {
  const { headers, body } =
    call === undefined
      ? listing === undefined
        ? modernRequest('server/discover')
        : modernRequest('tools/list', listing)
      : modernRequest('tools/call', { name: call.tool, arguments: call.arguments });
  const transport = transportTo(mcpServerUrl, token, fetch, headers);
  const limit = AbortSignal.any([signal, clock.deadline(timeoutMs)]);
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
    return (call ?? listing) === undefined || !('result' in answer) ? undefined : answer.result;
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
  fetch: Fetch;
}

/** The same fetch, and how the last message that was posted with it failed: the SDK keeps most of that to itself. */
function watch(fetch: Fetch): Watched {
  let failed: Failed | undefined;
  return {
    failed: () => failed,
    fetch: async (url, init = {}) => {
      const response = await fetch(url, init);
      if (init.method !== 'POST') return response;
      failed = undefined;
      if (response.ok) return response;
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
