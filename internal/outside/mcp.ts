/**
 * MCP servers: a fresh token is tried with one exchange, a tool call where one is named. Nothing else is ever asked of
 * them. The SDK speaks the dialects until 2025-11-25; of the one of 2026-07-28 its transport carries our message.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { AppError } from '../errors/app-error.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { Fetch, FetchInit } from './http.ts';
import { clientInfo, modernRequest, speaksModernOnly } from './mcp-messages.ts';

/** One exchange. */
export interface Exchange {
  mcpServerUrl: string;
  token: Secret;
  /** The tool to call; left out, the connection is only begun. */
  call?: { tool: string; arguments: Record<string, unknown> } | undefined;
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
  const asked = exchange.call === undefined ? 'anything' : quote(exchange.call.tool);
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

async function handshakeAndCall({ mcpServerUrl, token, call, signal }: Exchange, fetch: Fetch): Promise<unknown> {
  const transport = transportTo(mcpServerUrl, token, fetch);
  const client = new Client(clientInfo);
  try {
    // The SDK's own types disagree with each other under exactOptionalPropertyTypes.
    await client.connect(transport as Transport, { timeout: timeoutMs, signal });
    if (call === undefined) return undefined;
    const options = { timeout: timeoutMs, signal };
    return await client.callTool({ name: call.tool, arguments: call.arguments }, undefined, options);
  } finally {
    await client.close();
  }
}

/** One request of the dialect of 2026-07-28: the tool call, else the question what the server can do. */
async function callWithoutHandshake({ mcpServerUrl, token, call, signal }: Exchange, fetch: Fetch): Promise<unknown> {
  const { headers, body } =
    call === undefined
      ? modernRequest('server/discover')
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
    return call === undefined || !('result' in answer) ? undefined : answer.result;
  } finally {
    await transport.close();
  }
}

function transportTo(
  mcpServerUrl: string,
  token: Secret,
  fetch: Fetch,
  headers: Readonly<Record<string, string>> = {},
) {
  return new StreamableHTTPClientTransport(new URL(mcpServerUrl), {
    fetch: (url, init) => fetch(String(url), init as FetchInit),
    requestInit: { headers: { ...headers, authorization: `Bearer ${token.reveal()}` } },
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
