/**
 * MCP servers: a fresh token is tried with one exchange, a tool call where one is named, or the list of tools is read for
 * a person to review. Nothing else is ever asked of them. The SDK speaks the dialects until 2025-11-25; of the one of
 * 2026-07-28 its transport carries our message.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { type JSONRPCMessage, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { AppError } from '../errors/app-error.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { Fetch, FetchInit } from './http.ts';
import { clientInfo, modernRequest, speaksModernOnly } from './mcp-messages.ts';

/** One exchange. */
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
    return await handshakeAndCall(exchange, watched.fetch).catch(async (error: unknown) => {
      if (watched.speaksModernOnly()) return await callWithoutHandshake(exchange, watched.fetch);
      throw error;
    });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (exchange.signal.aborted)
      throw new AppError('interrupted', 'interrupted while the new token was tried', { cause });
    const turnedAway = watched.turnedAway();
    if (turnedAway !== undefined) {
      const { status, challenge } = turnedAway;
      throw new TokenTurnedAway(status, challenge, `${host} does not let the new token in (${status})`, cause);
    }
    throw new AppError('service_refused', `${host} did not answer ${asked} with the new token`, { cause });
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
): Promise<unknown> {
  // One of its own: the SDK never takes its listeners off, and a list of many pages would leave a warning.
  const signal = AbortSignal.any([ended]);
  const transport = transportTo(mcpServerUrl, token, fetch);
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
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
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
    if ('error' in answer) throw new Error(`JSON-RPC error ${answer.error.code}`);
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

/** The same fetch, and what the messages that were posted with it were answered with: the SDK keeps that to itself. */
function watch(fetch: Fetch) {
  let turnedAway: { status: 401 | 403; challenge: string | null } | undefined;
  /** What answered the first message, which is the `initialize`. */
  let first: { json: unknown } | undefined;
  return {
    turnedAway: () => turnedAway,
    speaksModernOnly: () => speaksModernOnly(first?.json),
    fetch: async (url: string, init: FetchInit = {}): Promise<Response> => {
      const response = await fetch(url, init);
      if (init.method !== 'POST') return response;
      const { status, headers } = response;
      turnedAway =
        status === 401 || status === 403 ? { status, challenge: headers.get('www-authenticate') } : undefined;
      const isFirst = first === undefined;
      first ??= { json: undefined };
      if (!isFirst || !/^application\/json\b/i.test(headers.get('content-type') ?? '')) return response;
      const text = await response.text();
      first = { json: parsed(text) };
      return new Response(text === '' ? null : text, { status, headers });
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
