import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { AccessToken } from 'oidc-provider';
import { z } from 'zod';
import type { JsonObject } from '../authorization/control.ts';
import type { Context, Middleware } from '../authorization/middleware.ts';
import { readBody } from '../authorization/request-body.ts';
import type { Account } from '../people.ts';
import type { SandboxTool } from './tool.ts';

/** One tool call that a service carried out. */
export interface ToolCall {
  /** Whose account it was carried out with. */
  readonly account: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The client that the token was issued to; empty for a token that no client asked for. */
  readonly clientId: string;
  readonly at: Date;
}

/** Requests to the MCP endpoint by how they ended. */
export interface ResourceCounters {
  served: number;
  /** 401: no token, or one that this service does not accept. */
  unauthorized: number;
  /** 403: the token is good, its scopes are not enough. */
  insufficientScope: number;
}

/** As much of a token as decides about a request. */
export type KnownToken = Pick<AccessToken, 'accountId'> & Partial<Pick<AccessToken, 'aud' | 'clientId' | 'scope'>>;

/** What a resource server is told about its service. */
export interface ResourceServerOptions {
  readonly title: string;
  /** Where it speaks MCP; exactly there, a final slash included. */
  readonly path: string;
  /** The RFC 8707 identifier that tokens must have been issued for. */
  readonly resource: string;
  /** Parameters of the 401 challenge beside `realm` and `error`. */
  readonly challenge: Readonly<Record<string, string>>;
  readonly answersWith: 'event-stream' | 'json';
  /** The JSON-RPC methods that are answered without a token; none unless told. */
  readonly open?: readonly string[];
  /** How every tool's answer says who called. */
  callerIn(account: Account): JsonObject;
  readonly now: () => number;
  accountOf(accountId: string): Account | undefined;
  tools(): readonly SandboxTool[];
  findToken(value: string): Promise<KnownToken | undefined>;
}

/** The part of a service that speaks MCP. */
export interface ResourceServer {
  readonly calls: readonly ToolCall[];
  readonly counters: ResourceCounters;
  readonly middleware: Middleware;
}

/** As much of a JSON-RPC request as the scope check needs. */
const toolCall = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) });

const anyMessage = z.object({ method: z.string() });

/** What a valid token says about the request it came with. */
interface Caller {
  readonly account: Account;
  readonly clientId: string;
  readonly scopes: ReadonlySet<string>;
}

/** Serves MCP over streamable HTTP, without sessions, to holders of a token that was issued for this service. */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  const calls: ToolCall[] = [];
  const counters: ResourceCounters = { served: 0, unauthorized: 0, insufficientScope: 0 };

  /** Names the caller, or `undefined`: expired, revoked, issued elsewhere, or here for another resource. */
  async function authenticate(value: string): Promise<Caller | undefined> {
    const token = await options.findToken(value);
    if (token === undefined || token.aud !== options.resource) return undefined;
    const account = options.accountOf(token.accountId);
    if (account === undefined) return undefined;
    return { account, clientId: token.clientId ?? '', scopes: new Set(token.scope?.split(' ')) };
  }

  /** The scope that the request needs and the token lacks. */
  function missingScope(body: unknown, { scopes }: Caller): string | undefined {
    for (const message of Array.isArray(body) ? body : [body]) {
      const call = toolCall.safeParse(message);
      const needed = options.tools().find(({ name }) => name === call.data?.params.name)?.scope;
      if (needed !== undefined && !scopes.has(needed)) return needed;
    }
    return undefined;
  }

  /** Whether each message is one that needs no token. */
  function isOpen(body: unknown): boolean {
    const { open = [] } = options;
    const methods = (Array.isArray(body) ? body : [body]).map((message) => anyMessage.safeParse(message).data?.method);
    return methods.length > 0 && methods.every((method) => method !== undefined && open.includes(method));
  }

  async function serve(ctx: Context, body: unknown, caller: Caller | undefined): Promise<void> {
    const server = createMcpServer(caller);
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: options.answersWith === 'json' });
    ctx.res.on('close', () => void server.close());
    // The SDK declares optional callbacks that its own interface makes exact; the classes fit all the same.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    ctx.respond = false;
    await transport.handleRequest(ctx.req, ctx.res, body);
  }

  /** A server for one request, with the tools as they are now. */
  function createMcpServer(caller: Caller | undefined): McpServer {
    const server = new McpServer({ name: options.title, version: '1.0.0' });
    for (const tool of options.tools()) {
      const { title, description, input: inputSchema } = tool;
      const annotations = {
        title,
        readOnlyHint: tool.effect === 'read',
        destructiveHint: tool.effect === 'destructive',
      };
      server.registerTool(tool.name, { title, description, inputSchema, annotations }, async (input) => {
        if (caller === undefined) throw new Error('a tool call is never open');
        const { account, clientId } = caller;
        calls.push({
          account: account.person,
          tool: tool.name,
          arguments: input,
          clientId,
          at: new Date(options.now()),
        });
        const answer = { ...options.callerIn(account), ...(await tool.answer(input)) };
        return { content: [{ type: 'text', text: JSON.stringify(answer) }] };
      });
    }
    return server;
  }

  function refuse(ctx: Context, status: 401 | 403, parameters: Readonly<Record<string, string>>): void {
    const all = Object.entries({ realm: options.title, ...parameters });
    ctx.status = status;
    ctx.set('www-authenticate', `Bearer ${all.map(([name, value]) => `${name}="${value}"`).join(', ')}`);
    ctx.body = { error: parameters['error'] ?? 'unauthorized' };
  }

  return {
    calls,
    counters,
    async middleware(ctx, next) {
      if (ctx.path !== options.path) return next();
      const bearer = /^Bearer (\S+)$/i.exec(ctx.get('authorization'))?.[1];
      const caller = bearer === undefined ? undefined : await authenticate(bearer);
      const body = ctx.method === 'POST' ? parseJson(await readBody(ctx.req)) : undefined;
      if (caller === undefined && (bearer !== undefined || !isOpen(body))) {
        counters.unauthorized += 1;
        const error = bearer === undefined ? {} : { error: 'invalid_token' };
        return refuse(ctx, 401, { ...error, ...options.challenge });
      }
      // Without sessions there is nothing to listen to or to end.
      if (ctx.method !== 'POST') {
        ctx.set('allow', 'POST');
        ctx.status = 405;
        return;
      }
      const missing = caller && missingScope(body, caller);
      if (missing !== undefined) {
        counters.insufficientScope += 1;
        return refuse(ctx, 403, { error: 'insufficient_scope', ...options.challenge, scope: missing });
      }
      counters.served += 1;
      return serve(ctx, body, caller);
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The SDK answers what is not JSON-RPC with the proper error.
    return undefined;
  }
}
