/**
 * The MCP messages of both dialects, without the SDK: until 2025-11-25 a connection begins with `initialize`; since
 * 2026-07-28 there is no beginning, and every request says its version in `_meta` and in headers.
 */
import { isRecord } from '../text/record.ts';

/** How we name ourselves to MCP servers. */
export const clientInfo = { name: 'managed-agents-interface', version: '1' } as const;

/** A message and the headers that go with it. */
export interface McpMessage {
  headers: Readonly<Record<string, string>>;
  body: { jsonrpc: '2.0'; id: number; method: string; params: Record<string, unknown> };
}

const accept = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** The first request of the dialects until 2025-11-25. */
export function initializeRequest(): McpMessage {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  return { headers: accept, body: { jsonrpc: '2.0', id: 1, method: 'initialize', params } };
}

/** The list of the tools in those dialects, in the session that the server began, if it did. */
export function listRequest(session: string | null): McpMessage {
  const headers = session === null ? accept : { ...accept, 'mcp-session-id': session };
  return { headers, body: { jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} } };
}

/** The version of the dialect without a handshake. */
export const modernVersion = '2026-07-28';

/** Any request of the dialect of 2026-07-28 (its basic/transports/streamable-http, "Request Metadata"). */
export function modernRequest(method: string, params: Readonly<Record<string, unknown>> = {}): McpMessage {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': modernVersion,
    'io.modelcontextprotocol/clientInfo': clientInfo,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const name = params['name'];
  return {
    headers: {
      ...accept,
      'mcp-protocol-version': modernVersion,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': headerValue(name) } : {}),
    },
    body: { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } },
  };
}

/** A value as the dialect carries it in a header: encoded where it is not plain ASCII, or looks encoded already. */
function headerValue(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** Errors that only the specification from 2026-07-28 on defines: header mismatch, missing capability, unsupported version. */
const [newestModernError, oldestModernError] = [-32020, -32099];
const methodNotFound = -32601;

/** Whether what answered an `initialize` speaks the newer dialect only: its errors say so, or it knows no such method. */
export function speaksModernOnly(answer: unknown): boolean {
  const error = isRecord(answer) ? answer['error'] : undefined;
  const code = isRecord(error) ? error['code'] : undefined;
  if (typeof code !== 'number') return false;
  return code === methodNotFound || (code <= newestModernError && code >= oldestModernError);
}

/** The version that what answered an `initialize` names; undefined where it names none. */
export function protocolVersionOf(answer: unknown): unknown {
  const result = isRecord(answer) ? answer['result'] : undefined;
  return isRecord(result) ? result['protocolVersion'] : undefined;
}
