/** The same verification where servers have their places for it: fetch and Hono, Express, and the MCP SDK. */
import { type SessionClaims, verdictOn } from './claims.ts';
import {
  type Refusal,
  type Trust,
  type Verification,
  type Verified,
  verifySessionToken,
  verifyToken,
} from './verify.ts';

/** What a refusal says of this server. */
export interface Challenge {
  /** The address of this server's metadata (RFC 9728), for callers that look for a way in. */
  resourceMetadata?: string;
}

/** The `WWW-Authenticate` of a refusal. A caller that showed no token is told of no fault (RFC 6750 section 3.1). */
export function challengeOf({ code, description }: Refusal, { resourceMetadata }: Challenge = {}): string {
  const fault = code === 'missing' ? [] : ['error="invalid_token"', `error_description="${description}"`];
  const where =
    resourceMetadata === undefined
      ? []
      : [`resource_metadata="${resourceMetadata.replaceAll(/["\\\s]/g, encodeURIComponent)}"`];
  return ['Bearer', [...fault, ...where].join(', ')].filter((part) => part !== '').join(' ');
}

/** The answer to a request whose token does not count: 401 with a challenge, or 503. */
export function refusalResponse(refusal: Refusal, challenge?: Challenge): Response {
  const { status, description } = refusal;
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  const said =
    status === 401
      ? { ...headers, 'www-authenticate': challengeOf(refusal, challenge) }
      : { ...headers, 'retry-after': '5' };
  const error = status === 401 ? 'invalid_token' : 'temporarily_unavailable';
  return new Response(JSON.stringify({ error, error_description: description }), { status, headers: said });
}

/** For servers of `Request` and `Response`: who called, or the answer to give. */
export async function authenticate(
  request: Request,
  trusted: Trust,
  challenge?: Challenge,
): Promise<Verified | Response> {
  const result = await verifySessionToken(request.headers.get('authorization'), trusted);
  return result.ok ? result : refusalResponse(result, challenge);
}

/** What is used of a context of Hono. */
interface HonoContext {
  req: { raw: Request };
  set(key: 'auth', value: Verified): void;
}

/** Middleware for Hono: `c.get('auth')` is who called. */
export function honoAuth(trusted: Trust, challenge?: Challenge) {
  return async (context: HonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    const result = await authenticate(context.req.raw, trusted, challenge);
    if (result instanceof Response) return result;
    context.set('auth', result);
    await next();
    return undefined;
  };
}

/** What is used of a request and an answer of Express. */
interface ExpressRequest {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  auth?: unknown;
}
interface ExpressResponse {
  status(code: number): ExpressResponse;
  set(name: string, value: string): unknown;
  json(value: unknown): unknown;
}

/** Middleware in the manner of Express: `request.auth` is what the MCP SDK calls auth info. */
export function expressAuth(trusted: Trust, challenge?: Challenge) {
  return async (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void): Promise<void> => {
    const header = request.headers['authorization'];
    const text = typeof header === 'string' ? header : undefined;
    let result: Verification;
    try {
      result = await verifySessionToken(text, trusted);
    } catch (error) {
      // A fault of what the settings brought along. Express 4 hears of no promise, and the process would end.
      next(error);
      return;
    }
    if (result.ok) {
      request.auth = authInfoOf(result, text?.replace(/^\S+ +/, '').trim() ?? '');
      next();
      return;
    }
    const answer = refusalResponse(result, challenge);
    response.status(answer.status);
    for (const [name, value] of answer.headers) response.set(name, value);
    response.json(await answer.json());
  };
}

/** What the MCP SDK calls auth info. */
export interface AuthInfo {
  token: string;
  clientId: string;
  /** The tools that the session may call, as `tool:<name>`; none of a platform's agent. */
  scopes: string[];
  /** Seconds since 1970. */
  expiresAt: number;
  resource: URL;
  extra: { verified: Verified };
}

/** A verified token as the MCP SDK's auth info. */
export function authInfoOf(verified: Verified, token: string): AuthInfo {
  const { claims } = verified;
  const common = { token, expiresAt: claims.exp, resource: new URL(claims.aud[0]), extra: { verified } };
  if (verified.kind === 'platform-agent') return { ...common, clientId: verified.claims.agent_id, scopes: [] };
  const { may, act } = verified.claims;
  return { ...common, clientId: act.sub, scopes: [...may.on, ...may.auto, ...may.ask].map((tool) => `tool:${tool}`) };
}

/**
 * A verifier for the `requireBearerAuth` of the MCP SDK. Its middleware tells refusals from faults by its own error class, which
 * is given: `mcpTokenVerifier(trusted, InvalidTokenError)`. Throws that for a token that does not count.
 */
export function mcpTokenVerifier(trusted: Trust, InvalidTokenError: new (message: string) => Error) {
  return {
    async verifyAccessToken(token: string): Promise<AuthInfo> {
      const result = await verifyToken(token, trusted);
      if (result.ok) return authInfoOf(result, token);
      if (result.status === 503) throw new Error(result.description);
      throw new InvalidTokenError(result.description);
    },
  };
}

/** Whether a session may call a tool. What is `ask` was asked at the platform, or is about to be: a token cannot say. */
export function mayCall(verified: Verified, tool: string): boolean {
  return verified.kind === 'session-token' && verdictOn(verified.claims as SessionClaims, tool) !== 'off';
}
