/**
 * One session of MCP: a client behind streamable HTTP, and a server that was started for it alone. What passes between them is
 * judged here: calls and lists of tools by the token of the request, everything else by whether it was asked for.
 */
import { clock, giveWay } from '../clock/clock.ts';
import type { PlainAnswer } from '../outside/console-listener.ts';
import {
  type DoorAnswer,
  keyOf,
  longestPiece,
  type McpDoor,
  openMcpDoor,
  type RequestId,
  type RpcMessage,
  soonMs,
} from '../outside/mcp-door.ts';
import { type StdioServer, startStdioServer } from '../outside/stdio-server.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { isRecord, recordIn } from '../text/record.ts';
import type { Caller } from './access.ts';
import { type Bounded, bounded, type Say } from './bounded.ts';
import type { Limits } from './trust-file.ts';

/** How a session is begun, and who hears of it. */
export interface SessionStart {
  program: string;
  words: readonly string[];
  /** Names of variables that the server has as we have them. */
  passed: readonly string[];
  besideTools: readonly ('resources' | 'prompts')[];
  limits: Limits;
  caller: Caller;
  /** Announces a call before it is passed on; what it returns hears how it ended. Where it throws, nothing is called. */
  announce(call: AnnouncedCall): Promise<(outcome: 'success' | 'failure' | 'unknown') => void>;
  /** A line for whoever runs this. Texts of others in it are quoted by whoever gives it. */
  say: Say;
  begun(session: WrappedSession, id: string): void;
  ended(session: WrappedSession): void;
}

/** A call of a tool, without what is in it. */
export interface AnnouncedCall {
  caller: Caller;
  tool: string;
  verdict: string;
  /** SHA-256 of the canonical arguments. */
  input: string;
}

/** A request of the client that the server has not answered. */
interface Waiting {
  id: RequestId;
  method: string;
  caller: Caller;
  stream: Stream;
  progress: unknown;
  settle: ((outcome: 'success' | 'failure' | 'unknown') => void) | undefined;
  stopWaiting(): void;
}

/** One answer that is being sent. */
interface Stream {
  open: boolean;
  /** Bytes that were handed over, and nobody has taken yet. */
  untaken: number;
  close(): void;
}

/** What a request carries besides its message. */
interface Sender {
  caller: Caller;
  stream: Stream;
}

/** What a client may ask for, of what it may have a say in. */
const always = new Set(['initialize', 'ping', 'tools/list', 'tools/call', 'logging/setLevel']);
const byKind = {
  resources: new Set([
    'resources/list',
    'resources/read',
    'resources/templates/list',
    'resources/subscribe',
    'resources/unsubscribe',
    'completion/complete',
  ]),
  prompts: new Set(['prompts/list', 'prompts/get', 'completion/complete']),
};
const told = new Set(['notifications/initialized', 'notifications/cancelled', 'notifications/progress']);
/**
 * What a server may ask its client. Not for its roots: they are folders of another machine, and there are servers that take
 * them in the place of those that they were started with.
 */
const askable = new Set(['ping', 'sampling/createMessage', 'elicitation/create']);
/** What a client has that is not passed on. */
const ofClients = ['roots', 'tasks', 'experimental'] as const;
/** What a server has that depends on what is let through. */
const besides = ['resources', 'prompts', 'completions', 'tasks', 'experimental'] as const;

const [invalidRequest, methodNotFound, invalidParams, notAllowed, serverGone] = [
  -32600, -32601, -32602, -32003, -32000,
];
/** Beyond this a server waits until its client has taken some of it, in bytes. */
const mostUntaken = 1024 * 1024;
/** How long a stream of a session that has ended may take to say why. */
const lastWordsMs = 1_000;
/** How much a server may have asked its client without an answer, and a client its server. */
const mostAsked = 64;

/** A session, from the request that begins it to its end. */
export class WrappedSession {
  readonly caller: Caller;
  readonly #start: SessionStart;
  readonly #waiting = new Map<string, Waiting>();
  /** Requests of the server that the client has not answered. */
  readonly #asked = new Set<string>();
  readonly #streams = new Set<Stream>();
  /** Where the client listens for what belongs to none of its requests. */
  #listening: Stream | undefined;
  readonly #door: McpDoor<Sender>;
  readonly #server: StdioServer;
  #usedAt = clock.monotonic();
  #over: Promise<void> | undefined;
  readonly #said: Bounded;

  private constructor(start: SessionStart, door: McpDoor<Sender>) {
    this.#start = start;
    this.#said = bounded(start.say, 'server said more');
    this.#door = door;
    this.caller = start.caller;
    this.#server = startStdioServer({
      program: start.program,
      words: start.words,
      variables: start.caller.variables,
      passed: start.passed,
      longestLine: start.limits.line,
      hear: (line) => {
        try {
          this.#hearServer(line);
        } catch (error) {
          this.#unheard(error);
        }
      },
      tooLong: () => this.#tooLong(),
      said: (line) => this.#tell('server says', { text: quote(line) }),
    });
    void this.#server.ended.then(({ why }) => this.end(`the server is gone: ${why}`));
  }

  /** Starts a server for one caller. */
  static async begin(start: SessionStart): Promise<WrappedSession> {
    let session: WrappedSession | undefined;
    const door = await openMcpDoor<Sender>(
      (message, sender) => {
        const heard = session;
        if (heard !== undefined) heard.#hearClient(message, sender).catch((error: unknown) => heard.#unheard(error));
      },
      (id) => {
        if (session !== undefined && session.#over === undefined) start.begun(session, id);
      },
    );
    session = new WrappedSession(start, door);
    return session;
  }

  /** For how long nobody has used it, in milliseconds; 0 while something is under way. */
  get idleMs(): number {
    return this.#waiting.size > 0 ? 0 : clock.monotonic() - this.#usedAt;
  }

  /** Whether a request with one of these messages would take the place of one that waits. */
  isWaitingFor(messages: readonly unknown[]): boolean {
    const ids = messages.flatMap((each) =>
      isRecord(each) && isId(each['id']) && 'method' in each ? [keyOf(each['id'])] : [],
    );
    return ids.some((id) => this.#waiting.has(id)) || new Set(ids).size < ids.length;
  }

  /** Answers a request of its own caller. `body` is what was parsed of it, undefined where it has none. */
  async handle(request: Request, body: unknown, caller: Caller): Promise<Response | PlainAnswer> {
    this.#usedAt = clock.monotonic();
    const stream: Stream = { open: true, untaken: 0, close: () => {} };
    const answer = await this.#door.handle(request, body, { caller, stream });
    if (request.method === 'DELETE' && answer.status === 200) await this.end('its client has ended it');
    const { status, headers } = answer;
    if (typeof answer.body === 'string') {
      stream.open = false;
      return { status, headers, text: answer.body };
    }
    if (answer.body === null || !isEvents(answer)) {
      stream.open = false;
      return new Response(answer.body, { status, headers });
    }
    const reader = answer.body.getReader();
    this.#streams.add(stream);
    // What it is to have may have been handed over already.
    this.#holdBack();
    const over = () => {
      stream.open = false;
      this.#streams.delete(stream);
      if (this.#listening === stream) this.#listening = undefined;
      this.#holdBack();
    };
    stream.close = () => void reader.cancel().catch(() => {});
    if (request.method === 'GET') {
      // What goes on with a stream that broke off takes nobody's place.
      if (answer.listens) this.#listening = stream;
      return new Response(this.#untilExpiry(reader, stream, caller, over), { status, headers });
    }
    if (answer.waited) return new Response(this.#taken(reader, stream, over), { status, headers });
    // Most requests are answered at once: their answer goes out as one piece, which costs half of what a stream does.
    const { pieces, next } = await readSoon(reader);
    if (next !== undefined) return new Response(this.#taken(reader, stream, over, pieces, next), { status, headers });
    over();
    const text = Buffer.concat(pieces).toString('utf8');
    const only = onlyMessage(text);
    if (only === undefined) return new Response(text, { status, headers });
    // Both forms are taken by every client, and this one costs it no stream.
    return new Response(only, { status, headers: [...headers.filter(([name]) => !isType(name)), jsonType] });
  }

  /** Ends it, its server, and whatever waits for that. */
  end(why: string): Promise<void> {
    this.#over ??= this.#endNow(why);
    return this.#over;
  }

  async #endNow(why: string): Promise<void> {
    // Answers that are on their way come first.
    const waiting = [...this.#waiting.values()];
    await Promise.all(waiting.map(async ({ id }) => await this.#refuse(id, serverGone, why, 'unknown')));
    await this.#door.close();
    // What they were told last is on its way to them; who takes nothing is not waited for.
    for (const stream of this.#streams) clock.after(lastWordsMs, () => stream.close());
    this.#start.say('session ended', { why: quote(why) });
    await this.#server.end();
    this.#start.ended(this);
  }

  /** What could not be dealt with ends the session that it came in, and none of anybody else. */
  #unheard(error: unknown): void {
    void this.end(`a message could not be dealt with: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** A message of the client, which the SDK has found nothing wrong with. */
  async #hearClient(message: RpcMessage, { caller, stream }: Sender): Promise<void> {
    const { id, method, params = {} } = message;
    if (method === undefined) {
      // Only what the server has asked is answered.
      if (id !== undefined && this.#asked.delete(keyOf(id))) this.#tellServer(message);
      return;
    }
    if (id === undefined) {
      if (told.has(method)) this.#tellServer(message);
      return;
    }
    const { limits, besideTools, announce } = this.#start;
    const waiting: Waiting = {
      id,
      method,
      caller,
      stream,
      progress: isRecord(params['_meta']) ? params['_meta']['progressToken'] : undefined,
      settle: undefined,
      stopWaiting: clock.after(limits.call_seconds * 1000, () => void this.#late(id)),
    };
    this.#waiting.set(keyOf(id), waiting);
    if (!(always.has(method) || besideTools.some((kind) => byKind[kind].has(method)))) {
      return await this.#refuse(id, methodNotFound, `${quote(method)} is not let through here`, undefined);
    }
    if (this.#waiting.size > mostAsked) {
      return await this.#refuse(id, serverGone, 'too much is asked at once', undefined);
    }
    if (method === 'tools/call') {
      const tool = params['name'];
      const input = digestOf(params['arguments']);
      if (typeof tool !== 'string' || input === undefined || 'task' in params) {
        return await this.#refuse(id, invalidParams, 'that names no tool, or says too much', undefined);
      }
      const verdict = caller.verdictOn(tool);
      try {
        const settle = await announce({ caller, tool, verdict, input });
        // It may have ended meanwhile, or somebody has waited too long.
        if (this.#waiting.get(keyOf(id)) !== waiting) return settle('failure');
        waiting.settle = settle;
      } catch {
        return await this.#refuse(id, serverGone, 'the call cannot be recorded, so it is not made', undefined);
      }
      if (verdict === 'off') {
        this.#tell('call refused', { tool: quote(tool) });
        return await this.#refuse(id, notAllowed, `the tool ${quote(tool)} is off for this token`, 'failure');
      }
    }
    if (!this.#tellServer(method === 'initialize' ? withoutRoots(message) : message))
      await this.#refuse(id, serverGone, 'the server takes nothing', 'failure');
  }

  /** A line of the server. What is no answer to anything, and no message at all, goes no further. */
  #hearServer(line: string): void {
    const message = recordIn(line) as RpcMessage | undefined;
    if (message?.jsonrpc !== '2.0') {
      if (line.trim() !== '') this.#tell('server says what is no message', { text: quote(line) });
      return;
    }
    const { id, method } = message;
    if (typeof method === 'string' && id !== undefined && !isId(id)) {
      // To nobody is it a notification, and no client could answer it.
      this.#tell('server says what is no message', { text: quote(line) });
      if (typeof id === 'number') this.#answerServer(id, 'an id is a text or an integer', invalidRequest);
      return;
    }
    if (typeof method === 'string') {
      void this.#passOn(message, line.length);
      return;
    }
    const waiting = isId(id) ? this.#waiting.get(keyOf(id)) : undefined;
    if (waiting === undefined) {
      this.#tell('server answers what nobody asked', { id: quote(id) });
      return;
    }
    const { result, error } = message;
    if (isRecord(error) === isRecord(result)) {
      return void this.#refuse(waiting.id, serverGone, 'the server gave no answer that can be read', 'unknown');
    }
    void this.#answer(
      waiting,
      isRecord(error) ? message : { ...message, result: this.#permitted(waiting, result ?? {}) },
      isRecord(error) || result?.['isError'] === true ? 'failure' : 'success',
      line.length,
    );
  }

  /** A result without what the token of its request does not speak of. */
  #permitted({ method, caller }: Waiting, result: Record<string, unknown>): Record<string, unknown> {
    if (method === 'tools/list') {
      const tools: unknown[] = Array.isArray(result['tools']) ? result['tools'] : [];
      const may = (tool: unknown) =>
        isRecord(tool) && typeof tool['name'] === 'string' && caller.verdictOn(tool['name']) !== 'off';
      return { ...result, tools: tools.filter(may) };
    }
    if (method !== 'initialize' || !isRecord(result['capabilities'])) return result;
    const capabilities = { ...result['capabilities'] };
    const { besideTools } = this.#start;
    const kept: readonly string[] = besideTools.length === 0 ? [] : [...besideTools, 'completions'];
    for (const kind of besides) if (!kept.includes(kind)) delete capabilities[kind];
    return { ...result, capabilities };
  }

  /** A request or a notification of the server: beside the request that it belongs to, or where the client listens. */
  async #passOn(message: RpcMessage, length: number): Promise<void> {
    const { id, method = '', params } = message;
    const token = method === 'notifications/progress' ? params?.['progressToken'] : undefined;
    const all = [...this.#waiting.values()].filter(({ stream }) => stream.open);
    // Without a token nothing says which one it belongs to; all of them are of one client.
    const beside = token === undefined ? all.at(-1) : all.find(({ progress }) => progress === token);
    const stream = beside?.stream ?? this.#listening;
    const isRequest = isId(id);
    if (isRequest && !askable.has(method))
      return this.#answerServer(id, 'no client is asked that here', methodNotFound);
    if (isRequest && this.#asked.size >= mostAsked) return this.#answerServer(id, 'too much is asked at once');
    if (stream === undefined) return isRequest ? this.#answerServer(id, 'no client listens') : undefined;
    if (isRequest) this.#asked.add(keyOf(id));
    this.#handedOver(stream, length);
    await this.#door.send(message, beside?.id);
  }

  #answerServer(id: RequestId, message: string, code = serverGone): void {
    this.#tellServer({ jsonrpc: '2.0', id, error: { code, message } });
  }

  async #refuse(
    id: RequestId,
    code: number,
    message: string,
    outcome: 'success' | 'failure' | 'unknown' | undefined,
  ): Promise<void> {
    const waiting = this.#waiting.get(keyOf(id));
    if (waiting === undefined) return;
    await this.#answer(waiting, { jsonrpc: '2.0', id, error: { code, message } }, outcome, message.length);
  }

  async #answer(
    waiting: Waiting,
    message: RpcMessage,
    outcome: 'success' | 'failure' | 'unknown' | undefined,
    length: number,
  ): Promise<void> {
    this.#waiting.delete(keyOf(waiting.id));
    waiting.stopWaiting();
    this.#usedAt = clock.monotonic();
    if (outcome !== undefined) waiting.settle?.(outcome);
    this.#handedOver(waiting.stream, length);
    // As the client wrote it: servers that make a text of a number answer with the text.
    const { id } = waiting;
    if ((await this.#door.send({ ...message, id })) || message.error !== undefined) return;
    // Where somebody is there it cannot be written, nested as deep as it is: without an answer they would wait for ever.
    const error = { code: serverGone, message: 'the server gave no answer that can be passed on' };
    await this.#door.send({ jsonrpc: '2.0', id, error });
  }

  async #late(id: RequestId): Promise<void> {
    const waiting = this.#waiting.get(keyOf(id));
    if (waiting === undefined) return;
    const { call_seconds: seconds } = this.#start.limits;
    this.#tell('server is late', { method: quote(waiting.method), seconds });
    this.#tellServer({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: id, reason: 'it took too long' },
    });
    await this.#refuse(id, serverGone, `the server did not answer within ${seconds} s`, 'unknown');
    if (waiting.method === 'initialize') await this.end('the server did not begin');
  }

  /** Of a line that is too long nobody knows what it answers, unless it can only be one thing. */
  #tooLong(): void {
    const { line } = this.#start.limits;
    const why = `the server said a line of more than ${line} bytes`;
    this.#tell('server says too much', { bytes: line });
    const [only, ...others] = this.#waiting.values();
    if (only !== undefined && others.length === 0) return void this.#refuse(only.id, serverGone, why, 'unknown');
    void this.end(why);
  }

  #tellServer(message: RpcMessage): boolean {
    let line: string;
    try {
      line = JSON.stringify(message);
    } catch {
      // It can be read and not be written: nested deeper than the stack goes.
      return false;
    }
    return this.#server.tell(line);
  }

  /** Tells whoever runs this of a server, so often and no more: it may say a lot. */
  #tell(what: string, line: Readonly<Record<string, string | number>>): void {
    this.#said.say(what, line);
  }

  #handedOver(stream: Stream, length: number): void {
    if (stream.open) stream.untaken += length;
    this.#holdBack();
  }

  /** Who does not take what it is sent holds up its own server, and no memory of ours. */
  #holdBack(): void {
    this.#server.hold([...this.#streams].some(({ open, untaken }) => open && untaken > mostUntaken));
  }

  /** What a client listens to, until the token of its request stops counting. */
  #untilExpiry(reader: Reader, stream: Stream, { until }: Caller, over: () => void): ReadableStream<Uint8Array> {
    const stop = clock.after(Math.max(0, until - clock.now().getTime()), stream.close);
    return this.#taken(reader, stream, () => {
      stop();
      over();
    });
  }

  /** A stream as it is sent, counted: what was read of it already, and what is being read. */
  #taken(
    reader: Reader,
    stream: Stream,
    over: () => void,
    before: readonly Uint8Array[] = [],
    reading?: Read,
  ): ReadableStream<Uint8Array> {
    let next = reading;
    const first = [...before];
    let isBegun = false;
    let sending = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          // Whoever sends it takes the first pieces that are there at once as one, whether or not anybody reads them.
          if (!isBegun) await giveWay();
          isBegun = true;
          // Who asks for more has room again: only now the piece before is taken, however large it is.
          stream.untaken = Math.max(0, stream.untaken - sending);
          this.#holdBack();
          let value = first.shift();
          if (value === undefined) {
            const read = await (next ?? reader.read());
            next = undefined;
            if (read.done) {
              over();
              controller.close();
              return;
            }
            ({ value } = read);
          }
          sending = value.length;
          controller.enqueue(value);
        },
        cancel: async (reason) => {
          over();
          await reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = ReturnType<Reader['read']>;

/** What comes of a stream at once, and what is being read after that; that is undefined where it has ended. */
async function readSoon(reader: Reader): Promise<{ pieces: Uint8Array[]; next: Read | undefined }> {
  const pieces: Uint8Array[] = [];
  let stop = () => {};
  const late = new Promise<'late'>((resolve) => {
    stop = clock.after(soonMs, () => resolve('late'));
  });
  let length = 0;
  for (;;) {
    const next = reader.read();
    const read = length > longestPiece ? 'late' : await Promise.race([next, late]);
    if (read === 'late') {
      stop();
      return { pieces, next };
    }
    if (read.done) {
      stop();
      return { pieces, next: undefined };
    }
    pieces.push(read.value);
    length += read.value.length;
  }
}

/** How a client begins, without what is not passed on. */
function withoutRoots(message: RpcMessage): RpcMessage {
  const { params } = message;
  if (!isRecord(params?.['capabilities'])) return message;
  const capabilities = { ...params['capabilities'] };
  for (const kind of ofClients) delete capabilities[kind];
  return { ...message, params: { ...params, capabilities } };
}

function isEvents({ headers }: DoorAnswer): boolean {
  return headers.some(([name, value]) => isType(name) && value.startsWith('text/event-stream'));
}

function isType(name: string): boolean {
  return name.toLowerCase() === 'content-type';
}

const jsonType: [string, string] = ['content-type', 'application/json'];

/** The message of a stream that has ended; undefined where it has others, or none. */
function onlyMessage(events: string): string | undefined {
  // Its JSON has no line end of its own; what else ends a line for some is text.
  const [only, ...others] = events.split('\n').filter((line) => line.startsWith('data: {'));
  return others.length === 0 ? only?.slice('data: '.length) : undefined;
}

function isId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isSafeInteger(value);
}

/** Undefined for what is nested deeper than anything that a person can look at. */
function digestOf(input: unknown): string | undefined {
  try {
    return sha256(canonicalJson(input ?? {}));
  } catch {
    return undefined;
  }
}
