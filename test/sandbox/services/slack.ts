import { z } from 'zod';
import type { JsonObject } from '../authorization/control.ts';
import type { Context } from '../authorization/middleware.ts';
import { freeLoopbackPort } from '../listener.ts';
import { type SandboxService, startService } from './service.ts';
import type { SandboxTool } from './tool.ts';

const clientId = '2718281828.3141592653';

/**
 * Starts a service shaped after Slack: one client, registered beforehand with one exact redirect URI;
 * the metadata calls the bare origin the resource and is found at the root form only; a request must
 * name scopes, all of them declared; and the token endpoint answers in its own way.
 */
export async function startSlack(now: () => number): Promise<SandboxService> {
  const redirectUri = `http://127.0.0.1:${await freeLoopbackPort()}/callback`;
  return startService(
    {
      name: 'slack',
      title: 'Slack',
      colour: '#611f69',
      resource: 'origin',
      challenge: { metadata: false },
      scopes: ['search:read.public', 'channels:history', 'users:read', 'chat:write', 'canvases:write'],
      publishesScopes: true,
      answersWith: 'json',
      tools,
      paths: {
        authorization: '/oauth/v2_user/authorize',
        token: '/api/oauth.v2.user.access',
        registration: '/register',
        revocation: '/api/auth.revoke',
      },
      accessTokenSeconds: 12 * 3600,
      registration: { kind: 'pre-registered', clientId, redirectUri },
      configuration: {
        clients: [
          {
            client_id: clientId,
            client_name: 'Example company tools',
            // Not `native`: for those the port of a loopback redirect URI would not have to match.
            application_type: 'web',
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            redirect_uris: [redirectUri],
          },
        ],
      },
      shapeTokenAnswer,
    },
    now,
  );
}

/**
 * Slack's shapes: a code brings the token nested under `authed_user`, a refresh brings it flat; both
 * are of type `user` with scopes between commas; and an error is a 200 that says it is not ok.
 */
function shapeTokenAnswer(ctx: Context): void {
  const { status } = ctx;
  const { error, scope, token_type: _, ...tokens } = ctx.body as JsonObject;
  ctx.status = 200;
  if (status !== 200) {
    ctx.body = { ok: false, error };
    return;
  }
  const user = { ...tokens, token_type: 'user', scope: String(scope).replaceAll(' ', ',') };
  ctx.body =
    ctx.oidc.params?.['grant_type'] === 'refresh_token' ? { ok: true, ...user } : { ok: true, authed_user: user };
}

const tools: readonly SandboxTool[] = [
  {
    name: 'slack_search_public',
    title: 'Search public channels',
    description: 'Searches messages in public channels.',
    effect: 'read',
    scope: 'search:read.public',
    input: z.object({ query: z.string() }),
    answer: () => ({ messages: [{ channel: 'general', text: 'The printer works again.' }] }),
  },
  {
    name: 'slack_read_channel',
    title: 'Read channel',
    description: 'Reads the latest messages of a channel.',
    effect: 'read',
    scope: 'channels:history',
    input: z.object({ channel: z.string() }),
    answer: ({ channel }) => ({ messages: [{ channel, text: 'The printer works again.' }] }),
  },
  {
    name: 'slack_read_user_profile',
    title: 'Read user profile',
    description: 'Reads a profile; without a user, that of whoever is connected.',
    effect: 'read',
    scope: 'users:read',
    input: z.object({ user_id: z.string().optional() }),
    answer: () => ({}),
  },
  {
    name: 'slack_create_canvas',
    title: 'Create canvas',
    description: 'Creates a canvas.',
    effect: 'write',
    scope: 'canvases:write',
    input: z.object({ title: z.string() }),
    answer: ({ title }) => ({ created: { title } }),
  },
  {
    name: 'slack_send_message',
    title: 'Send message',
    description: 'Sends a message. It cannot be unsent.',
    effect: 'destructive',
    scope: 'chat:write',
    input: z.object({ channel: z.string(), text: z.string() }),
    answer: ({ channel, text }) => ({ sent: { channel, text } }),
  },
];
