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
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

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
  body: ReadableStream<Uint8Array> | null;
  /** Whether the client listens there for what belongs to none of its requests. */
  listens: boolean;
}

/** The SDK's name for the stream on which a client listens. */
const listeningStream = '_GET_stream';

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
  transport.onmessage = (message, extra) => {
    hear(message as RpcMessage, extra?.authInfo?.extra?.['caller'] as Caller);
  };
  await transport.start();
  return {
    get sessionId() {
      return transport.sessionId;
    },
    async handle(request, body, caller) {
      const last = request.headers.get('last-event-id') ?? '';
      // Before it is answered: what comes meanwhile may push the event out.
      const stream = last === '' ? listeningStream : await eventStore.getStreamIdForEventId(last);
      const authInfo: AuthInfo = { token: '', clientId: '', scopes: [], extra: { caller } };
      const answer = await transport.handleRequest(request, {
        authInfo,
        ...(body === undefined ? {} : { parsedBody: body }),
      });
      const listens = request.method === 'GET' && answer.status === 200 && stream === listeningStream;
      return { status: answer.status, headers: [...answer.headers], body: answer.body, listens };
    },
    async send(message, beside) {
      try {
        await transport.send(message as JSONRPCMessage, beside === undefined ? {} : { relatedRequestId: beside });
        return true;
      } catch {
        // The SDK's one reason: the stream of that request is gone, or its answer was sent before.
        return false;
      }
    },
    close: async () => await transport.close(),
  };
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
