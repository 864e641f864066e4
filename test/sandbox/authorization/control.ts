import type { Middleware } from './middleware.ts';

/** A JSON object as it goes over the wire. */
export type JsonObject = Record<string, unknown>;

/** Changes a JSON answer on its way out. */
export type Tamper = (answer: JsonObject) => JsonObject | Promise<JsonObject>;

/** How often each endpoint was asked, whatever it answered. */
export interface Counters {
  authorizations: number;
  /** Every request to the token endpoint. */
  tokenRequests: number;
  /** Those of them that carried a refresh token. */
  refreshes: number;
  registrations: number;
  revocations: number;
  /** Requests for a device code (RFC 8628). */
  deviceAuthorizations: number;
  /** Spent codes and refresh tokens that were shown again; each ended everything that came from its grant. */
  reuses: number;
}

/** What a token endpoint answers instead of processing: for good, or as often as `times` says. */
export interface TokenFailure {
  status: number;
  body: string | JsonObject;
  headers?: Readonly<Record<string, string>>;
  times?: number;
}

/** What a test or the demo can make an authorization server do wrong. */
export interface AuthorizationControl {
  /** Answers token requests with this instead of processing them; nothing is consumed. Without one: works again. */
  failTokenEndpoint(answer?: TokenFailure): void;
  /** Processes the next token request and lets nobody hear what came of it; `before` cuts the line before it is processed. */
  cutTokenAnswer(when: 'after' | 'before'): void;
  /** Changes every successful token response. Without a function: honest again. */
  tamperTokenResponse(tamper?: Tamper): void;
  /** Changes the metadata document. Without a function: honest again. */
  tamperMetadata(tamper?: Tamper): void;
  /** Leaves `code_challenge_methods_supported` out of the metadata. */
  omitPkceFromMetadata(): void;
  /** Makes the metadata claim another issuer. */
  claimIssuer(issuer: string): void;
  /** Keeps one grant for each person and client: a new sign-in adds to it, and revoking any token ends all of it. */
  keepOneGrant(): void;
  /** Does not rotate refresh tokens: the one that was shown is the one that comes back. */
  keepRefreshTokens(): void;
  /** Ends every fault set above. */
  behave(): void;
}

/** The faults that are set, the counters, and the middleware that applies both. */
export interface Faults {
  readonly control: AuthorizationControl;
  readonly counters: Counters;
  /** The `User-Agent` of every request to the token endpoint, oldest first. */
  readonly tokenRequestAgents: readonly string[];
  readonly middleware: Middleware;
  /** Whether a person's new sign-in with a client adds to the grant that is there. */
  keepsOneGrant(): boolean;
  /** Whether a refresh token stays good once it was shown. */
  keepsRefreshTokens(): boolean;
}

/** Paths whose requests are counted. */
export interface CountedPaths {
  readonly authorization: string;
  readonly token: string;
  readonly registration: string;
  readonly revocation: string;
  readonly device?: DevicePaths;
}

/** Where the device flow is: codes are handed out at the one, and entered by a person at the other. */
export interface DevicePaths {
  readonly authorization: string;
  readonly verification: string;
}

/** Stands in front of an authorization server: counts what passes and applies the faults that were asked for. */
export function createFaults(paths: CountedPaths): Faults {
  const counters: Counters = {
    authorizations: 0,
    tokenRequests: 0,
    refreshes: 0,
    registrations: 0,
    revocations: 0,
    deviceAuthorizations: 0,
    reuses: 0,
  };
  const tokenRequestAgents: string[] = [];
  const counterOf = new Map<string, keyof Counters>([
    [`GET ${paths.authorization}`, 'authorizations'],
    [`POST ${paths.token}`, 'tokenRequests'],
    [`POST ${paths.registration}`, 'registrations'],
    [`POST ${paths.revocation}`, 'revocations'],
    [`POST ${paths.device?.authorization}`, 'deviceAuthorizations'],
  ]);
  let oneGrant = false;
  let steadyTokens = false;
  let tokenFailure: TokenFailure | undefined;
  let cut: 'after' | 'before' | undefined;
  let tamperToken: Tamper | undefined;
  let tamperMetadata: Tamper | undefined;

  const control: AuthorizationControl = {
    failTokenEndpoint(answer) {
      tokenFailure = answer && { ...answer };
    },
    cutTokenAnswer(when) {
      cut = when;
    },
    tamperTokenResponse(tamper) {
      tamperToken = tamper;
    },
    tamperMetadata(tamper) {
      tamperMetadata = tamper;
    },
    omitPkceFromMetadata() {
      tamperMetadata = ({ code_challenge_methods_supported: _, ...rest }) => rest;
    },
    claimIssuer(issuer) {
      tamperMetadata = (metadata) => ({ ...metadata, issuer });
    },
    keepOneGrant() {
      oneGrant = true;
    },
    keepRefreshTokens() {
      steadyTokens = true;
    },
    behave() {
      oneGrant = false;
      steadyTokens = false;
      tokenFailure = undefined;
      cut = undefined;
      tamperToken = undefined;
      tamperMetadata = undefined;
    },
  };

  return {
    control,
    counters,
    tokenRequestAgents,
    keepsOneGrant: () => oneGrant,
    keepsRefreshTokens: () => steadyTokens,
    async middleware(ctx, next) {
      const counter = counterOf.get(`${ctx.method} ${ctx.path}`);
      if (counter !== undefined) counters[counter] += 1;
      if (counter === 'tokenRequests') tokenRequestAgents.push(ctx.get('user-agent'));
      if (counter === 'tokenRequests' && tokenFailure !== undefined) {
        const { status, body, headers = {}, times } = tokenFailure;
        if (times !== undefined) tokenFailure = times > 1 ? { ...tokenFailure, times: times - 1 } : undefined;
        ctx.status = status;
        ctx.set(headers);
        ctx.body = body;
        return;
      }
      if (counter === 'tokenRequests' && cut !== undefined) {
        if (cut === 'after') await next();
        cut = undefined;
        ctx.respond = false;
        ctx.req.socket.destroy();
        return;
      }
      await next();
      if (counter === 'tokenRequests') {
        if (ctx.oidc.params?.['grant_type'] === 'refresh_token') counters.refreshes += 1;
        if (tamperToken !== undefined && ctx.status === 200) ctx.body = await tamperToken(ctx.body as JsonObject);
      }
      if (tamperMetadata !== undefined && ctx.path.startsWith('/.well-known/o') && isMetadata(ctx.body)) {
        ctx.body = await tamperMetadata(ctx.body);
      }
    },
  };
}

function isMetadata(body: unknown): body is JsonObject {
  return typeof body === 'object' && body !== null && 'authorization_endpoint' in body;
}
