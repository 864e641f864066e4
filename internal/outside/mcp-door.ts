/**
 * The server's side of streamable HTTP for one MCP session, as the SDK does it: which answer goes on which stream, what a
 * client may send, and resuming a stream that broke off. What the messages mean is not its business.
 */
import { randomUUID } from 'node:crypto';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import {
  type EventStore,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { type JSONRPCMessage, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';
import { isRecord } from '../text/record.ts';

/** The id of a request. */
export type RequestId = string | number;

/** A message of JSON-RPC, as it was parsed. */
export interface RpcMessage {
  jsonrpc: '2.0';
  id?: RequestId;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

/** One session's door. `Caller` is what is known of who sent a request. */
export interface McpDoor<Caller> {
  /** Undefined before it was begun. */
  readonly sessionId: string | undefined;
  /** Answers a request whose body, where it may have one, was read. */
  handle(request: Request, body: unknown, caller: Caller): Promise<DoorAnswer>;
  /** Sends to the client: an answer where its request came from, anything else beside a request, or where the client listens. False where nobody is there to have it. */
  send(message: RpcMessage, beside?: RequestId): Promise<boolean>;
  close(): Promise<void>;
}

/** An answer, in parts: whoever sends it makes its own response of it. */
export interface DoorAnswer {
  status: number;
  headers: [string, string][];
  /** A text is all of it. */
  body: ReadableStream<Uint8Array> | string | null;
  /** Whether what comes in it was waited for already: it is begun at once. */
  waited: boolean;
  /** Whether the client listens there for what belongs to none of its requests. */
  listens: boolean;
}

/** The SDK's name for the stream on which a client listens. */
const listeningStream = '_GET_stream';

/** How long an answer is waited for before a stream of events is begun for it. */
export const soonMs = 20;

/** How long an answer may be that goes out as one piece, whether or not anybody takes it; a longer one is a stream, which is counted. */
export const longestPiece = 64 * 1024;

/** How much of what was sent is kept for a client whose stream broke off: messages, and their length as JSON. */
const mostEvents = 100;
const mostKept = 1024 * 1024;

/** Opens one. `hear` is given each message that the client sends, once the SDK has found nothing wrong with it. */
export async function openMcpDoor<Caller>(
  hear: (message: RpcMessage, caller: Caller) => void,
  begun: (sessionId: string) => void,
): Promise<McpDoor<Caller>> {
  const eventStore = recentEvents();
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: begun,
    eventStore,
  });
  /** Calls that may be answered in one piece, by their ids; and those of them that the SDK hears of after all. */
  const quick = new Map<string, QuickCall>();
  const late = new Set<string>();
  let closed = false;
  transport.onmessage = (message, extra) => {
    // It was heard when it came.
    if ('id' in message && 'method' in message && late.delete(keyOf(message.id))) return;
    hear(message as RpcMessage, extra?.authInfo?.extra?.['caller'] as Caller);
  };
  await transport.start();
  const inStream = async (request: Request, body: unknown, authInfo: AuthInfo): Promise<Response> =>
    await transport.handleRequest(request, { authInfo, ...(body === undefined ? {} : { parsedBody: body }) });
  /**
   * Most calls are answered at once and say nothing else: they cost no stream, which is more than half of what they cost. One that
   * is late, or has something to say before, becomes a stream of the SDK's as if it had come then.
   */
  const handleQuick = async (
    request: Request,
    call: RpcMessage & { id: RequestId },
    caller: Caller,
  ): Promise<DoorAnswer> => {
    const key = keyOf(call.id);
    const { promise: answered, resolve } = deferred<string | undefined>();
    const { promise: inStreamNow, resolve: isInStream } = deferred();
    const state: QuickCall = { isLate: false, answer: resolve, inStreamNow };
    quick.set(key, state);
    const stop = clock.after(soonMs, () => {
      state.isLate = true;
      resolve(undefined);
    });
    hear(call, caller);
    const text = await answered;
    stop();
    if (text !== undefined) {
      const headers: [string, string][] = [
        ['content-type', 'application/json'],
        ['cache-control', 'no-cache, no-transform'],
        ['mcp-session-id', transport.sessionId ?? ''],
      ];
      return { status: 200, headers, body: text, listens: false, waited: true };
    }
    late.add(key);
    try {
      const { status, headers, body } = await inStream(request, call, authInfoOf(caller));
      return { status, headers: [...headers], body, listens: false, waited: true };
    } finally {
      late.delete(key);
      quick.delete(key);
      isInStream();
    }
  };
  return {
    get sessionId() {
      return transport.sessionId;
    },
    async handle(request, body, caller) {
      if (!closed && isQuick(request, body, transport.sessionId)) return await handleQuick(request, body, caller);
      const last = request.headers.get('last-event-id') ?? '';
      // Before it is answered: what comes meanwhile may push the event out.
      const stream = last === '' ? listeningStream : await eventStore.getStreamIdForEventId(last);
      const answer = await inStream(request, body, authInfoOf(caller));
      const listens = request.method === 'GET' && answer.status === 200 && stream === listeningStream;
      return { status: answer.status, headers: [...answer.headers], body: answer.body, listens, waited: false };
    },
    async send(message, beside) {
      const of = message.method === undefined ? message.id : beside;
      const call = of === undefined ? undefined : quick.get(keyOf(of));
      try {
        if (call !== undefined) {
          const whole = message.method === undefined && !call.isLate ? JSON.stringify(message) : undefined;
          const text = whole !== undefined && whole.length <= longestPiece ? whole : undefined;
          if (text !== undefined) quick.delete(keyOf(of as RequestId));
          else call.isLate = true;
          call.answer(text);
          if (text !== undefined) return true;
          await call.inStreamNow;
        }
        await transport.send(message as JSONRPCMessage, beside === undefined ? {} : { relatedRequestId: beside });
        return true;
      } catch {
        // The SDK's one reason: the stream of that request is gone, or its answer was sent before.
        return false;
      }
    },
    async close() {
      closed = true;
      await transport.close();
    },
  };
}

/** A call that may be answered in one piece. */
interface QuickCall {
  /** It is about to become a stream: what comes now waits for that. */
  isLate: boolean;
  /** Answers it; undefined says that it becomes a stream. */
  answer(text: string | undefined): void;
  /** Settled when it is one. */
  inStreamNow: Promise<void>;
}

/**
 * Whether a request is one call and nothing else, that the SDK would find nothing wrong with. Whatever is unusual about it is
 * left to the SDK.
 */
function isQuick(
  { method, headers }: Request,
  body: unknown,
  sessionId: string | undefined,
): body is RpcMessage & { id: RequestId } {
  if (method !== 'POST' || sessionId === undefined || headers.get('mcp-session-id') !== sessionId) return false;
  const accept = headers.get('accept') ?? '';
  const version = headers.get('mcp-protocol-version');
  if (
    headers.get('content-type') !== 'application/json' ||
    !accept.includes('application/json') ||
    !accept.includes('text/event-stream') ||
    (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
  ) {
    return false;
  }
  if (!isRecord(body) || Object.keys(body).some((name) => !members.has(name))) return false;
  const { jsonrpc, id, method: of, params } = body;
  const isId = typeof id === 'string' || Number.isSafeInteger(id);
  return jsonrpc === '2.0' && isId && of === 'tools/call' && isRecord(params) && params['_meta'] === undefined;
}

const members = new Set(['jsonrpc', 'id', 'method', 'params']);

function authInfoOf(caller: unknown): AuthInfo {
  return { token: '', clientId: '', scopes: [], extra: { caller } };
}

/** 1 and "1" are two ids. */
export function keyOf(id: RequestId): string {
  return JSON.stringify(id);
}

/** The latest messages of one session, by the stream that they were sent on. */
function recentEvents(): EventStore & Required<Pick<EventStore, 'getStreamIdForEventId'>> {
  const events: { id: string; stream: string; message: JSONRPCMessage; length: number }[] = [];
  let kept = 0;
  let count = 0;
  return {
    async storeEvent(stream, message) {
      count += 1;
      const id = `${count}-${randomUUID()}`;
      const { length } = JSON.stringify(message);
      events.push({ id, stream, message, length });
      kept += length;
      while (events.length > mostEvents || kept > mostKept) kept -= events.shift()?.length ?? 0;
      return id;
    },
    async getStreamIdForEventId(id) {
      return events.find((event) => event.id === id)?.stream;
    },
    async replayEventsAfter(last, { send }) {
      const from = events.findIndex(({ id }) => id === last);
      const stream = events[from]?.stream ?? '';
      for (const { id, message, stream: of } of events.slice(from + 1)) {
        // What only began a stream is no message.
        if (of === stream && 'jsonrpc' in message) await send(id, message);
      }
      return stream;
    },
  };
}
