import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { z } from 'zod';
import type { JsonObject } from '../authorization/control.ts';
import type { Context, Middleware } from '../authorization/middleware.ts';
import type { AuthorizationServer } from '../authorization/server.ts';
import { freeLoopbackPort } from '../listener.ts';
import { accountsAt } from '../people.ts';
import { type SandboxService, startService } from './service.ts';
import type { SandboxTool } from './tool.ts';

const title = 'Google';
const clientId = '314159265358-sandbox.apps.example.test';
const readScope = 'https://www.googleapis.com/auth/gmail.readonly';
const composeScope = 'https://www.googleapis.com/auth/gmail.compose';
const userinfoPath = '/v1/userinfo';

/**
 * Starts a service shaped after Google Workspace: an issuer at an origin of its own, spelled with a final slash by the
 * resource and without one by itself, whose metadata is at the OpenID Connect address only and names endpoints
 * elsewhere; a web client registered beforehand with a secret and one exact redirect URI; refresh tokens only for
 * those who ask for offline access and for consent; token answers with more in them than was asked for; and an MCP
 * server that tells anybody what tools it has, and asks for a token when one is called.
 */
export async function startGoogle(now: () => number): Promise<SandboxService> {
  const clientSecret = `GOCSPX-${randomBytes(18).toString('base64url')}`;
  const redirectUri = `http://127.0.0.1:${await freeLoopbackPort()}/callback`;
  const offlineGrants = new Set<string>();
  const idTokens: string[] = [];

  const service = await startService(
    {
      name: 'google',
      title,
      colour: '#0b8043',
      mcpPath: '/mcp/v1',
      issuer: 'own-origin',
      spellIssuer: (issuer) => `${issuer}/`,
      metadataForm: 'openid-configuration',
      resource: 'mcp-url',
      challenge: { metadata: false },
      scopes: ['openid', 'email', readScope, composeScope],
      publishesScopes: true,
      open: ['initialize', 'notifications/initialized', 'tools/list'],
      answersWith: 'json',
      tools,
      paths: {
        authorization: '/o/oauth2/v2/auth',
        token: '/token',
        registration: '/register',
        revocation: '/revoke',
      },
      accessTokenSeconds: 3599,
      registration: { kind: 'pre-registered', clientId, clientSecret, redirectUri },
      authorizeParameters: { access_type: 'offline', prompt: 'consent' },
      configuration: {
        clientAuthMethods: ['client_secret_post'],
        extraParams: ['access_type'],
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            client_name: 'Example company tools',
            token_endpoint_auth_method: 'client_secret_post',
            application_type: 'web',
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            redirect_uris: [redirectUri],
          },
        ],
        issueRefreshToken: async (_ctx, _client, code) => offlineGrants.has(code.grantId ?? ''),
        // A refresh token stays the same until it is revoked.
        rotateRefreshToken: false,
      },
      shapeMetadata: (metadata, origin) => ({
        ...metadata,
        userinfo_endpoint: `${origin}${userinfoPath}`,
        // Those of signing in only: what the products take is up to their own metadata.
        scopes_supported: ['openid', 'email'],
        code_challenge_methods_supported: ['plain', 'S256'],
      }),
      shapeTokenAnswer: async (ctx, server) => {
        const idToken = await addUnasked(ctx, server);
        if (idToken !== undefined) idTokens.push(idToken);
      },
      serve(server) {
        server.provider.on('authorization.success', (ctx) => {
          const { access_type: access, prompt } = ctx.oidc.params ?? {};
          const grantId = ctx.oidc.entities.AuthorizationCode?.grantId;
          if (access === 'offline' && prompt === 'consent' && grantId !== undefined) offlineGrants.add(grantId);
        });
        return userinfo(server);
      },
    },
    now,
  );
  return { ...service, issuedSecrets: () => [...service.issuedSecrets(), ...idTokens] };
}

/**
 * What comes although nobody asked for it: an ID token, and an expiry in words. A refresh is answered with a number
 * and without the refresh token, which stays as it is. Returns the ID token.
 */
async function addUnasked(ctx: Context, server: AuthorizationServer): Promise<string | undefined> {
  const answer = ctx.body as JsonObject;
  if (typeof answer['access_token'] !== 'string') return undefined;
  const { refresh_token: refreshToken, ...rest } = answer;
  if (ctx.oidc.params?.['grant_type'] === 'refresh_token') {
    ctx.body = rest;
    return undefined;
  }
  const claims = claimsOf(ctx.oidc.entities.AuthorizationCode?.accountId);
  const idToken = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: server.keyId })
    .setIssuer(server.provider.issuer)
    .setAudience(clientId)
    .setIssuedAt()
    .setExpirationTime('1 hour')
    .sign(server.signingKey);
  ctx.body = {
    ...rest,
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    expires_in: String(rest['expires_in']),
    id_token: idToken,
  };
  return idToken;
}

/** Answers whose token it is (OpenID Connect Core section 5.3), to a token that was granted both scopes for it. */
function userinfo({ provider }: AuthorizationServer): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== userinfoPath) return next();
    const bearer = /^Bearer (\S+)$/i.exec(ctx.get('authorization'))?.[1];
    const token = bearer === undefined ? undefined : await provider.AccessToken.find(bearer);
    if (!token?.scopes.has('openid') || !token.scopes.has('email')) {
      ctx.status = token === undefined ? 401 : 403;
      ctx.body = { error: token === undefined ? 'invalid_token' : 'insufficient_scope' };
      return;
    }
    ctx.body = claimsOf(token.accountId);
  };
}

function claimsOf(accountId: string | undefined): { sub: string; email: string; email_verified: true } {
  const account = Object.values(accountsAt(title)).find(({ person }) => person === accountId);
  if (account === undefined) throw new Error('the token belongs to nobody');
  return { sub: `google-${account.person}`, email: account.email, email_verified: true };
}

const thread = { id: 'thread-1', subject: 'The printer works again' };

const tools: readonly SandboxTool[] = [
  {
    name: 'search_threads',
    title: 'Search threads',
    description: 'Searches the mailbox for threads.',
    effect: 'read',
    scope: readScope,
    input: z.object({ query: z.string() }),
    answer: () => ({ threads: [thread] }),
  },
  {
    name: 'get_thread',
    title: 'Get thread',
    description: 'Reads a thread.',
    effect: 'read',
    scope: readScope,
    input: z.object({ id: z.string() }),
    answer: ({ id }) => ({ thread: { ...thread, id } }),
  },
  {
    name: 'get_profile',
    title: 'Get profile',
    description: 'Reads whose mailbox it is.',
    effect: 'read',
    scope: readScope,
    input: z.object({}),
    answer: () => ({}),
  },
  {
    name: 'create_draft',
    title: 'Create draft',
    description: 'Writes a draft, which is not sent.',
    effect: 'write',
    scope: composeScope,
    input: z.object({ to: z.string(), subject: z.string() }),
    answer: ({ subject }) => ({ created: { subject } }),
  },
];
