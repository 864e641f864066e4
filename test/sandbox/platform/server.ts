import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault } from '../faults.ts';
import { admittedWorkspace, checkTrace, checkVersions, traceOf } from './admission.ts';
import { type Answer, FileAnswer, StreamAnswer } from './answer.ts';
import { ApiError, errorBody } from './api-error.ts';
import { readBody } from './body.ts';
import type { PlatformControl } from './control.ts';
import { faultyPage, type ListAnswer } from './faulty-pages.ts';
import { faultyStream, plainStream } from './faulty-stream.ts';
import { newId } from './identifier.ts';
import type { LoggedRequest } from './request-log.ts';
import type { Match } from './router.ts';
import type { TokenExchange } from './token-exchange.ts';
import type { Workspace } from './workspace.ts';

/** What the server is made of. */
export interface ServerParts {
  control: PlatformControl;
  findRoute: (method: string, path: string) => Match;
  keys: ReadonlyMap<string, Workspace>;
  organizationId: string;
  tokenExchange: TokenExchange;
  tampered: (json: unknown, request: { method: string; path: string }) => unknown;
  tamperedFile: (bytes: Uint8Array, request: { method: string; path: string }) => Uint8Array;
  addToLog: (entry: LoggedRequest) => void;
}

/** The one endpoint that needs no credential: it gives one. */
const tokenEndpoint = '/v1/oauth/token';

/** An answer ready to be written. `stream` takes over where there is one. */
interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  stream?: StreamAnswer;
}

/** Creates the function that answers the requests to the platform. */
export function createPlatformListener(parts: ServerParts): RequestListener {
  return (request, response) => {
    respond(parts, request, response).catch((error: unknown) => {
      process.emitWarning(error instanceof Error ? error : String(error));
      response.destroy();
    });
  };
}

/** A request as it arrived, before anybody looked at its headers or body. */
interface Arrival {
  request: IncomingMessage;
  requestId: string;
  method: string;
  path: string;
  search: string;
}

async function respond(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { control, addToLog } = parts;
  const started = performance.now();
  const at = control.clock.timestamp();
  const arrival = arrivalOf(request);
  const { method, path, search, requestId } = arrival;
  const retry = Number(request.headers['x-stainless-retry-count'] ?? 0);
  const trace = traceOf(request.headers);
  const finish = (status: number) =>
    addToLog({ method, path, search, status, requestId, retry, trace, at, milliseconds: performance.now() - started });
  const drop = () => {
    finish(0);
    request.socket.destroy();
  };

  if (control.latencyMs > 0) await wait(control.latencyMs);
  const fault = control.faults.take({ method, path });
  if (fault?.kind === 'drop-before-commit') return drop();
  if (fault?.kind === 'stall' && !fault.commits) return finish(0);
  const reply = fault?.kind === 'status' ? faultReply(fault, requestId) : await answeredAs(parts, arrival, fault);
  if (fault?.kind === 'drop-after-commit') return drop();
  if (fault?.kind === 'stall') return finish(0);
  finish(reply.status);
  await write(response, reply, fault);
}

/** Once, or twice as behind something that repeats requests. */
async function answeredAs(parts: ServerParts, arrival: Arrival, fault: Fault | undefined): Promise<Reply> {
  if (fault?.kind !== 'repeat') return await answered(parts, arrival, fault);
  const { request } = arrival;
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const copy = () => Object.assign(Readable.from(pieces), { headers: request.headers }) as unknown as IncomingMessage;
  await answered(parts, { ...arrival, request: copy() });
  return await answered(parts, { ...arrival, request: copy() });
}

function arrivalOf(request: IncomingMessage): Arrival {
  const { method = 'GET', url = '/' } = request;
  // Not by the URL class, which would tidy the path up before the router sees it.
  const [path = '/'] = url.split('?', 1);
  return { request, requestId: newId('req'), method, path, search: url.slice(path.length) };
}

async function answered(
  parts: ServerParts,
  { request, requestId, method, path, search }: Arrival,
  fault?: Fault,
): Promise<Reply> {
  const { keys, organizationId, tokenExchange, control } = parts;
  const headers: Record<string, string> = {
    'request-id': requestId,
    'anthropic-organization-id': organizationId,
    date: new Date(control.clock.now()).toUTCString(),
  };
  try {
    if (path === tokenEndpoint) {
      if (method !== 'POST') throw new ApiError(405, `${method} is not allowed here`);
      const token = await tokenExchange.exchange(request.headers, await readBody(request, false));
      return replyTo(token, headers, (json) => parts.tampered(json, { method, path }));
    }
    const workspace = admittedWorkspace(request.headers, keys, tokenExchange);
    headers['anthropic-workspace-id'] = workspace.id;
    const { route, params } = parts.findRoute(method, path);
    checkVersions(request.headers, route.beta, `${method} ${path}`);
    checkTrace(request.headers);
    const body = method === 'GET' ? undefined : await readBody(request, route.takesForm);
    const run = async (query: URLSearchParams) => await route.run({ workspace, params, search: query, body });
    const asked = new URLSearchParams(search);
    const answer =
      fault?.kind === 'pages'
        ? await faultyPage(fault.how, asked, (query) => run(query) as Promise<ListAnswer>)
        : await run(asked);
    if (answer instanceof FileAnswer)
      return fileReply(answer, headers, parts.tamperedFile(answer.bytes, { method, path }));
    return replyTo(answer, headers, (json) => parts.tampered(json, { method, path }));
  } catch (error) {
    const { status, message, code } = error instanceof ApiError ? error : asInternal(error);
    return jsonReply(status, errorBody(status, message, requestId, code), headers);
  }
}

/** A bug of the emulator: answered like one of the platform, and reported where a developer sees it. */
function asInternal(error: unknown): ApiError {
  process.emitWarning(error instanceof Error ? error : String(error));
  return new ApiError(500, 'internal error of the sandbox');
}

function fileReply({ contentType, fileName }: FileAnswer, headers: Record<string, string>, bytes: Uint8Array): Reply {
  const disposition = `attachment; filename="${fileName}.zip"`;
  const fileHeaders = { ...headers, 'content-type': contentType, 'content-disposition': disposition };
  return { status: 200, headers: fileHeaders, body: Buffer.from(bytes) };
}

function replyTo(
  answer: Exclude<Answer, FileAnswer>,
  headers: Record<string, string>,
  tampered: (json: unknown) => unknown,
): Reply {
  if (answer instanceof StreamAnswer) {
    const streamHeaders = { ...headers, 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };
    const stream = new StreamAnswer((sink) =>
      answer.open({ ...sink, write: (frame) => sink.write(tamperedFrame(frame, tampered)) }),
    );
    return { status: 200, headers: streamHeaders, body: Buffer.alloc(0), stream };
  }
  return jsonReply(200, tampered(answer), headers);
}

/** A frame of a stream, with its event changed as any other answer. */
function tamperedFrame(frame: string, tampered: (json: unknown) => unknown): string {
  return frame.replace(/^data: (.*)$/m, (_, data: string) => `data: ${JSON.stringify(tampered(JSON.parse(data)))}`);
}

function jsonReply(status: number, json: unknown, headers: Record<string, string>): Reply {
  return {
    status,
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(json)),
  };
}

function faultReply(fault: Extract<Fault, { kind: 'status' }>, requestId: string): Reply {
  const body = fault.body ?? errorBody(fault.status, 'a fault injected by the sandbox', requestId);
  return jsonReply(fault.status, body, { 'request-id': requestId, ...fault.headers });
}

async function write(
  response: ServerResponse,
  { status, headers, body, stream }: Reply,
  fault: Fault | undefined,
): Promise<void> {
  if (stream !== undefined) {
    response.writeHead(status, headers).flushHeaders();
    stream.open(fault?.kind === 'stream' ? faultyStream(response, fault) : plainStream(response));
    return;
  }
  const slow = fault?.kind === 'slow-body' ? fault : undefined;
  response.writeHead(status, { ...headers, 'content-length': String(body.length) });
  if (slow === undefined) {
    response.end(body);
    return;
  }
  const size = Math.max(1, Math.ceil(body.length / (slow.pieces ?? 10)));
  for (let offset = 0; offset < body.length && !response.destroyed; offset += size) {
    await wait(slow.waitMs);
    response.write(body.subarray(offset, offset + size));
  }
  response.end();
}
