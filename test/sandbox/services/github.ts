import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../authorization/control.ts';
import type { Context } from '../authorization/middleware.ts';
import type { PersonName } from '../people.ts';
import type { KnownToken } from './resource-server.ts';
import { type SandboxService, startService } from './service.ts';
import type { SandboxTool } from './tool.ts';

/** The two kinds of app that the service registers. */
export type GitHubApp = 'oauth-app' | 'github-app';

/** The GitHub-like service and what can be changed about it. */
export interface GitHubService extends SandboxService {
  /**
   * Makes the registered client the other kind of app. Tokens of an OAuth app last and cannot be renewed, those of a
   * GitHub app expire after 8 hours and can. It starts as an OAuth app.
   */
  registerAs(app: GitHubApp): void;
  /** Issues a personal access token, which the MCP server takes as it takes any other. */
  issuePersonalToken(person: PersonName, scopes?: readonly string[]): string;
}

const clientId = 'Iv23liSandboxExample';
const scopes = ['repo', 'read:org', 'read:user', 'user:email', 'gist', 'notifications', 'workflow'];
const expiringSeconds = 8 * 3600;
/** As long as any test could last; the answer does not mention it. */
const lastingSeconds = 10 * 365 * 24 * 3600;
const refreshSeconds = 15_897_600;

/**
 * Starts a service shaped after GitHub: an issuer with a path, whose metadata is at the path-inserted address only;
 * a client registered beforehand with a secret, which PKCE does not replace; any port of the loopback address; a
 * device flow; token answers as a form unless JSON is asked for, errors with status 200 and names of its own; and no
 * way to revoke but the person's own settings.
 */
export async function startGitHub(now: () => number): Promise<GitHubService> {
  const clientSecret = randomBytes(20).toString('hex');
  const personalTokens = new Map<string, KnownToken>();
  let app: GitHubApp = 'oauth-app';
  const redirectUri = 'http://127.0.0.1/callback';

  const service = await startService(
    {
      name: 'github',
      title: 'GitHub',
      colour: '#1f6feb',
      mcpPath: '/mcp/',
      issuer: { path: '/login/oauth' },
      resource: 'mcp-url',
      challenge: { metadata: true, scope: 'repo read:org' },
      scopes,
      publishesScopes: true,
      answersWith: 'json',
      callerIn: ({ person, name, email }) => ({ login: `${person}-example`, details: { name, email } }),
      tools,
      paths: {
        authorization: '/login/oauth/authorize',
        token: '/login/oauth/access_token',
        registration: '/register',
        revocation: '/revoke',
        device: { authorization: '/login/device/code', verification: '/login/device' },
      },
      get accessTokenSeconds() {
        return app === 'github-app' ? expiringSeconds : lastingSeconds;
      },
      registration: { kind: 'pre-registered', clientId, clientSecret, redirectUri },
      configuration: {
        clientAuthMethods: ['client_secret_post'],
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            client_name: 'Example company tools',
            token_endpoint_auth_method: 'client_secret_post',
            // Of a native client the port of a loopback redirect URI need not match (RFC 8252 section 7.3).
            application_type: 'native',
            grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
            response_types: ['code'],
            redirect_uris: [redirectUri],
          },
        ],
        issueRefreshToken: async () => app === 'github-app',
        features: { revocation: { enabled: false } },
        ttl: { RefreshToken: refreshSeconds },
      },
      shapeTokenAnswer: (ctx) => shapeTokenAnswer(ctx, app),
      findToken: (value) => personalTokens.get(value),
    },
    now,
  );

  return {
    ...service,
    registerAs(kind) {
      app = kind;
    },
    issuePersonalToken(person, granted = scopes) {
      const token = `ghp_${randomBytes(18).toString('hex')}`;
      personalTokens.set(token, { accountId: person, scope: granted.join(' ') });
      return token;
    },
    issuedSecrets: () => [...service.issuedSecrets(), ...personalTokens.keys()],
  };
}

/** How GitHub calls the errors of the RFCs, by the grant where that makes a difference. */
const errorNames: Readonly<Record<string, string>> = {
  invalid_client: 'incorrect_client_credentials',
  'invalid_grant authorization_code': 'bad_verification_code',
  'invalid_grant refresh_token': 'bad_refresh_token',
  'invalid_grant urn:ietf:params:oauth:grant-type:device_code': 'incorrect_device_code',
};

/** GitHub's shapes: always status 200, a form unless JSON is asked for, scopes between commas, and an expiry only for some. */
function shapeTokenAnswer(ctx: Context, app: GitHubApp): void {
  ctx.status = 200;
  const answer = shaped(ctx.body as JsonObject, String(ctx.oidc.params?.['grant_type']), app);
  if (ctx.get('accept').includes('application/json')) {
    ctx.body = answer;
    return;
  }
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(answer)) form.set(name, String(value));
  ctx.type = 'application/x-www-form-urlencoded';
  ctx.body = form.toString();
}

function shaped(answer: JsonObject, grantType: string, app: GitHubApp): JsonObject {
  if (typeof answer['error'] === 'string') {
    const { error, error_description: description, ...rest } = answer;
    const name = errorNames[`${error} ${grantType}`] ?? errorNames[error] ?? error;
    return { error: name, error_description: description, ...rest };
  }
  if (typeof answer['access_token'] !== 'string') return answer;
  const { access_token, refresh_token, scope } = answer;
  if (app === 'oauth-app') {
    return { access_token, token_type: 'bearer', scope: String(scope).replaceAll(' ', ',') };
  }
  // What a GitHub app may do is set on the app, so the answer names no scopes.
  return {
    access_token,
    expires_in: expiringSeconds,
    refresh_token,
    refresh_token_expires_in: refreshSeconds,
    token_type: 'bearer',
    scope: '',
  };
}

const issue = { number: 1, title: 'Make the sandbox pleasant', state: 'open' };

const tools: readonly SandboxTool[] = [
  {
    name: 'get_me',
    title: 'Get my user profile',
    description: 'Reads who is connected.',
    effect: 'read',
    input: z.object({}),
    answer: () => ({}),
  },
  {
    name: 'list_issues',
    title: 'List issues',
    description: 'Lists the issues of a repository.',
    effect: 'read',
    scope: 'repo',
    input: z.object({ owner: z.string(), repo: z.string() }),
    answer: () => ({ issues: [issue] }),
  },
  {
    name: 'get_team_members',
    title: 'Get team members',
    description: 'Lists the members of a team.',
    effect: 'read',
    scope: 'read:org',
    input: z.object({ org: z.string(), team_slug: z.string() }),
    answer: () => ({ members: [] }),
  },
  {
    name: 'list_gists',
    title: 'List gists',
    description: 'Lists the gists of a user.',
    effect: 'read',
    scope: 'gist',
    input: z.object({}),
    answer: () => ({ gists: [] }),
  },
  {
    name: 'issue_write',
    title: 'Create or update issue',
    description: 'Creates or changes an issue.',
    effect: 'write',
    scope: 'repo',
    input: z.object({ owner: z.string(), repo: z.string(), title: z.string() }),
    answer: ({ title }) => ({ saved: { title } }),
  },
  {
    name: 'merge_pull_request',
    title: 'Merge pull request',
    description: 'Merges a pull request.',
    effect: 'destructive',
    scope: 'repo',
    input: z.object({ owner: z.string(), repo: z.string(), pullNumber: z.number() }),
    answer: ({ pullNumber }) => ({ merged: { pullNumber } }),
  },
];
