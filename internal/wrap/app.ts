/** What a wrapped server answers to requests: its metadata, and its sessions to those whose they are. */
import type { Origin, PlainAnswer } from '../outside/console-listener.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { type Access, type Caller, callerOf, scopeNeeded } from './access.ts';
import { bounded } from './bounded.ts';
import { type SessionStart, WrappedSession } from './session.ts';
import type { TrustFile } from './trust-file.ts';

/** What all sessions are begun with. */
export interface AppSetting extends Omit<SessionStart, 'caller' | 'begun' | 'ended'> {
  file: TrustFile;
  access: Access;
  /** Where it listens, for clients of this machine. */
  authorities: ReadonlySet<string>;
}

/** The answers of one wrapped server. */
export interface WrapApp {
  handle(request: Request, origin: Origin): Promise<Response | PlainAnswer>;
  /** Ends what nobody uses. */
  sweep(): void;
  /** Takes no new sessions, and ends all there are. */
  close(why: string): Promise<void>;
}

const wellKnown = '/.well-known/oauth-protected-resource';
/** The methods of streamable HTTP. */
const methods = ['POST', 'GET', 'DELETE'];

/** Where the metadata of a resource is (RFC 9728 section 3.1). */
export function metadataPathOf({ pathname, search }: URL): string {
  return `${wellKnown}${pathname === '/' ? '' : pathname}${search}`;
}

/** Answers for one server. */
export function wrapApp(setting: AppSetting): WrapApp {
  const { file, access, authorities, limits, say } = setting;
  const url = new URL(file.url);
  const metadataPath = metadataPathOf(url);
  const metadata = JSON.stringify({
    resource: file.url,
    ...(file.access_tokens && { authorization_servers: file.access_tokens.map(({ issuer }) => issuer) }),
    ...scopesIn(file),
    bearer_methods_supported: ['header'],
  });
  /** Those that have begun, by the id that their clients know; and all, from the moment that a server is started. */
  const begun = new Map<string, WrappedSession>();
  const all = new Set<WrappedSession>();
  const persons = new Map<string, number>();
  let starting = 0;
  let closed = false;
  // Who has no token can make as many of these as they send requests.
  const refusals = bounded(say, 'more requests refused');

  const begin = async (caller: Caller): Promise<WrappedSession | Response> => {
    if (closed) return failed(503, 'this server is ending', -32000);
    const { children, sessions_per_person: most } = limits;
    while ((persons.get(caller.person) ?? 0) >= most) {
      // Clients come back without saying goodbye: the one that waits longest gives way, if nothing is under way in it.
      const [oldest] = [...all]
        .filter((each) => each.caller.person === caller.person && each.idleMs > 0)
        .sort((one, other) => other.idleMs - one.idleMs);
      if (oldest === undefined) return failed(429, 'too many sessions of one person', -32000, { 'retry-after': '5' });
      await oldest.end('another session of the same person took its place');
      // That takes its time, in which everything may have ended.
      if (closed) return failed(503, 'this server is ending', -32000);
    }
    if (all.size + starting >= children) return failed(503, 'too many sessions', -32000, { 'retry-after': '30' });
    starting += 1;
    persons.set(caller.person, (persons.get(caller.person) ?? 0) + 1);
    let id: string | undefined;
    const session = await WrappedSession.begin({
      ...setting,
      caller,
      begun(one, as) {
        id = as;
        begun.set(as, one);
        say('session begun', { person: caller.variables['MCP_CALLER_KEY'] ?? '' });
      },
      ended(one) {
        if (id !== undefined) begun.delete(id);
        all.delete(one);
        const left = (persons.get(caller.person) ?? 1) - 1;
        if (left === 0) persons.delete(caller.person);
        else persons.set(caller.person, left);
      },
    });
    starting -= 1;
    all.add(session);
    return session;
  };

  const toSession = async (request: Request, caller: Caller): Promise<Response | PlainAnswer> => {
    const body = request.method === 'POST' ? await bodyOf(request, limits.body) : undefined;
    if (body instanceof Response) return body;
    const parsed = body?.value;
    const messages: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    const id = request.headers.get('mcp-session-id');
    if (id === null) {
      const begins = messages.length === 1 && isRecord(parsed) && parsed['method'] === 'initialize';
      if (!begins)
        return failed(400, 'a session is needed: begin with initialize, and send its Mcp-Session-Id', -32000);
      const session = await begin(caller);
      if (session instanceof Response) return session;
      const first = await session.handle(request, parsed, caller);
      // What the SDK found wrong with it began nothing that anybody could come back to.
      if (first.status !== 200) await session.end('it was not begun');
      return first;
    }
    const session = begun.get(id);
    // Somebody else's is as unknown as one that never was.
    if (session === undefined || session.caller.key !== caller.key) return failed(404, 'Session not found', -32001);
    if (session.isWaitingFor(messages)) return failed(400, 'a request with this id is under way', -32600);
    const scope = scopeMissing(messages, caller);
    if (scope !== undefined) return scopeNeeded(scope, access);
    return await session.handle(request, parsed, caller);
  };

  const answer = async (request: Request, { isPrivate }: Origin): Promise<Response | PlainAnswer> => {
    const host = request.headers.get('host') ?? '';
    // A page whose name leads here (DNS rebinding) has a host of its own, and its browser says where it comes from.
    if (host !== url.host && !authorities.has(host)) return failed(421, 'this is another host', -32000);
    const from = request.headers.get('origin');
    if (from !== null && from !== url.origin) return failed(403, 'no page may ask here', -32000);
    if (!isPrivate) return failed(403, 'everybody on the way reads along: come by https', -32000);
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    if (path === metadataPath && (request.method === 'GET' || request.method === 'HEAD')) {
      return new Response(metadata, {
        headers: { 'content-type': 'application/json', 'cache-control': 'max-age=300' },
      });
    }
    if (path !== url.pathname + url.search) return failed(404, 'there is nothing here', -32000);
    if (!methods.includes(request.method))
      return failed(405, 'Method not allowed', -32000, { allow: methods.join(', ') });
    const caller = await callerOf(request.headers.get('authorization'), access);
    if (caller instanceof Response) {
      refusals.say('request refused', { status: caller.status });
      return caller;
    }
    return await toSession(request, caller);
  };

  return {
    async handle(request, origin) {
      try {
        return await answer(request, origin);
      } catch (error) {
        // A client that went away while it sent its request, or a fault of ours: of neither does the next one hear.
        refusals.say('request failed', { why: quote(error instanceof Error ? error.message : String(error)) });
        return failed(500, 'the request could not be answered', -32603);
      }
    },
    sweep() {
      refusals.sweep();
      for (const session of all) {
        if (session.idleMs >= limits.idle_seconds * 1000) void session.end('nobody used it');
      }
    },
    async close(why) {
      closed = true;
      await Promise.all([...all].map((session) => session.end(why)));
    },
  };
}

function scopesIn({ access_tokens: issuers = [] }: TrustFile): { scopes_supported?: string[] } {
  const scopes = issuers.flatMap(({ scopes: named = {} }) => Object.keys(named));
  return scopes.length === 0 ? {} : { scopes_supported: [...new Set(scopes)] };
}

/** The scope that a call of one tool lacks, where there is one. */
function scopeMissing(messages: readonly unknown[], caller: Caller): string | undefined {
  const [message, ...others] = messages;
  if (others.length > 0 || !isRecord(message) || message['method'] !== 'tools/call') return undefined;
  const name = isRecord(message['params']) ? message['params']['name'] : undefined;
  return typeof name === 'string' && caller.verdictOn(name) === 'off' ? caller.scopeFor(name) : undefined;
}

/** What a body says, or why it is not taken. */
async function bodyOf(request: Request, most: number): Promise<{ value: unknown } | Response> {
  const tooLong = () => failed(413, `a request here has at most ${most} bytes`, -32000);
  const announced = request.headers.get('content-length');
  if (Number(announced ?? 0) > most) return tooLong();
  let text: string;
  if (announced !== null) {
    // No longer than it says: the parser of HTTP sees to that. Read so it takes a tenth of the time of a stream.
    text = await request.text();
  } else {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      length += piece.length;
      if (length > most) return tooLong();
      pieces.push(piece);
    }
    text = Buffer.concat(pieces).toString('utf8');
  }
  try {
    return { value: JSON.parse(text) };
  } catch {
    return failed(400, 'Parse error: Invalid JSON', -32700);
  }
}

function failed(status: number, message: string, code: number, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });
}
