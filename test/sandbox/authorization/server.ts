import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import type { Account, Configuration, JWK, Provider as OidcProvider } from 'oidc-provider';
import { type AuthorizationControl, type CountedPaths, type Counters, createFaults } from './control.ts';
import { type DeviceFlow, deviceFlow } from './device-flow.ts';
import { use } from './middleware.ts';
import { Provider } from './oidc-provider.ts';
import { type Brand, type Choice, errorPage, pageHeaders } from './pages.ts';
import { type SignInOptions, signInPages } from './sign-in.ts';
import { type AuthorizationStore, type ClientRules, createStore } from './store.ts';
import { noteVerifiers } from './verifiers.ts';

/** What every authorization server of the sandbox is told about itself. */
export interface AuthorizationServerOptions {
  readonly issuer: string;
  readonly brand: Brand;
  /** Short and unique: cookies do not see ports, so servers on one host must not share cookie names. */
  readonly cookiePrefix: string;
  readonly now: () => number;
  readonly choices: readonly Choice[];
  /** Whether somebody without a button may name themselves; nobody may unless told. */
  takesOthers?(): boolean;
  /** The account identifier that belongs to a sign-in button. */
  accountId(person: string): string | undefined;
  /** How the consent page calls an account. */
  describe(accountId: string): string;
  findAccount(accountId: string): Account | undefined;
  readonly authentication?: SignInOptions['authentication'];
  readonly paths: CountedPaths;
  readonly clientRules?: ClientRules;
  readonly accessTokenSeconds: number;
  /** What this server has beyond the common ground. Features and lifetimes replace the common ones name by name. */
  readonly configuration: Configuration;
}

/** A running authorization server, before it is put behind a listener. */
export interface AuthorizationServer {
  readonly provider: OidcProvider;
  readonly store: AuthorizationStore;
  /** Signs ID tokens, as `keyId` in the published key set. */
  readonly signingKey: KeyObject;
  readonly keyId: string;
  readonly control: AuthorizationControl;
  readonly counters: Counters;
  readonly tokenRequestAgents: readonly string[];
  /** There where the paths name a device flow. */
  readonly deviceFlow: DeviceFlow | undefined;
}

/**
 * Builds what the identity provider and the services have in common: public clients with PKCE (S256)
 * and nothing weaker, exact issuer, RFC 9207 `iss`, rotating refresh tokens whose re-use revokes the
 * grant, and pages that ask who is there and whether the client may.
 */
export function createAuthorizationServer(options: AuthorizationServerOptions): AuthorizationServer {
  const store = createStore(options.now, options.clientRules);
  const faults = createFaults(options.paths);
  // P-256: made in a millisecond, where RSA would add a fifth of a second to every sandbox.
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const keyId = randomUUID();
  const sessionCookie = `${options.cookiePrefix}_session`;
  const { features, ttl, ...configuration } = options.configuration;
  const { device, ...paths } = options.paths;
  const codes = device && deviceFlow(options, device);

  const provider = new Provider(options.issuer, {
    adapter: (model: string) => store.adapter(model),
    jwks: { keys: [{ ...(signingKey.export({ format: 'jwk' }) as JWK), alg: 'ES256', use: 'sig', kid: keyId }] },
    clientAuthMethods: ['none'],
    clientDefaults: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
    responseTypes: ['code'],
    pkce: { required: () => true },
    rotateRefreshToken: () => !faults.keepsRefreshTokens(),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // The session of the browser ends with each flow; what was granted does not.
    expiresWithSession: async () => false,
    loadExistingGrant: async (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId);
    },
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      names: {
        session: sessionCookie,
        interaction: `${options.cookiePrefix}_interaction`,
        resume: `${options.cookiePrefix}_resume`,
      },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (_ctx, accountId) => options.findAccount(accountId),
    renderError(ctx, out) {
      for (const [name, value] of Object.entries(pageHeaders)) ctx.set(name, value);
      ctx.type = 'html';
      ctx.body = errorPage(options.brand, out.error, out.error_description ?? '');
    },
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? options.accessTokenSeconds,
      AuthorizationCode: 60,
      DeviceCode: 900,
      Grant: 365 * 24 * 3600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 30 * 24 * 3600,
      Session: 3600,
      ...ttl,
    },
    routes: {
      ...paths,
      ...(device && { device_authorization: device.authorization, code_verification: device.verification }),
    },
    clientBasedCORS: () => false,
    ...configuration,
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: { enabled: false },
      ...(codes && { deviceFlow: codes.feature }),
      ...features,
    },
  });

  use(provider, noteVerifiers(options.paths.token, store.noteSecret));
  use(provider, faults.middleware);
  use(provider, (ctx, next) => {
    // Each authorization request starts with nobody signed in, so one browser can play several people.
    const starts = ctx.path === paths.authorization || (ctx.method === 'GET' && ctx.path === device?.verification);
    if (starts) delete ctx.req.headers.cookie;
    return next();
  });
  if (codes !== undefined) use(provider, codes.middleware);
  use(
    provider,
    signInPages(provider, {
      ...options,
      grantToAddTo: (accountId, clientId) =>
        faults.keepsOneGrant()
          ? store.liveGrantsOf(accountId).find((grant) => grant.clientId === clientId)?.id
          : undefined,
    }),
  );
  provider.on('server_error', (_ctx, error: Error) => {
    process.stderr.write(`sandbox: ${options.cookiePrefix}: ${error.stack ?? error.message}\n`);
  });

  provider.on('grant.revoked', (ctx) => {
    if (ctx.oidc.route === 'token') faults.counters.reuses += 1;
  });

  const { control, counters, tokenRequestAgents } = faults;
  return { provider, store, signingKey, keyId, control, counters, tokenRequestAgents, deviceFlow: codes };
}
