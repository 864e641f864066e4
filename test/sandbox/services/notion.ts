import type { AdapterPayload } from 'oidc-provider';
import { z } from 'zod';
import { errors } from '../authorization/oidc-provider.ts';
import { type SandboxService, startService } from './service.ts';
import type { SandboxTool } from './tool.ts';

/**
 * Starts a service shaped after Notion: clients register themselves, nothing narrower than the whole
 * account can be asked for, access ends after an hour, and every refresh spends the refresh token:
 * showing a spent one ends the whole connection.
 */
export function startNotion(now: () => number): Promise<SandboxService> {
  return startService(
    {
      name: 'notion',
      title: 'Notion',
      colour: '#8a5a2b',
      resource: 'mcp-url',
      challenge: { metadata: true },
      scopes: ['default'],
      defaultScope: 'default',
      publishesScopes: false,
      answersWith: 'event-stream',
      tools,
      paths: { authorization: '/authorize', token: '/token', registration: '/register', revocation: '/revoke' },
      accessTokenSeconds: 3600,
      registration: { kind: 'dynamic' },
      configuration: {
        clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
        features: { registration: { enabled: true, issueRegistrationAccessToken: false } },
      },
      clientRules: { admit: admitNativeClient },
    },
    now,
  );
}

/** Admits what a command on somebody's machine is: a native client that listens on the loopback address. */
function admitNativeClient({ application_type: type, redirect_uris: uris = [] }: AdapterPayload): void {
  if (type !== 'native') throw new errors.InvalidClientMetadata('application_type must be native');
  if (!uris.every(isLoopback)) throw new errors.InvalidRedirectUri();
}

function isLoopback(uri: string): boolean {
  const { protocol, hostname } = new URL(uri);
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

const page = { id: 'page-roadmap', title: 'Roadmap', text: 'Ship the sandbox.' };

const tools: readonly SandboxTool[] = [
  {
    name: 'notion-search',
    title: 'Search',
    description: 'Searches the workspace for pages.',
    effect: 'read',
    input: z.object({ query: z.string() }),
    answer: () => ({ results: [{ id: page.id, title: page.title }] }),
  },
  {
    name: 'notion-fetch',
    title: 'Fetch',
    description: 'Reads a page by its id; the id "self" answers who is connected.',
    effect: 'read',
    input: z.object({ id: z.string() }),
    answer: ({ id }) => (id === 'self' ? {} : { page: { ...page, id } }),
  },
  {
    name: 'notion-get-comments',
    title: 'Get comments',
    description: 'Reads the comments on a page.',
    effect: 'read',
    input: z.object({ page_id: z.string() }),
    answer: () => ({ comments: [] }),
  },
  {
    name: 'notion-create-pages',
    title: 'Create pages',
    description: 'Creates pages.',
    effect: 'write',
    input: z.object({ pages: z.array(z.looseObject({ title: z.string() })) }),
    answer: ({ pages }) => ({ created: pages }),
  },
  {
    name: 'notion-create-comment',
    title: 'Create comment',
    description: 'Comments on a page.',
    effect: 'write',
    input: z.object({ page_id: z.string(), text: z.string() }),
    answer: ({ text }) => ({ created: { text } }),
  },
  {
    name: 'notion-update-page',
    title: 'Update page',
    description: 'Replaces or deletes the content of a page.',
    effect: 'destructive',
    input: z.object({ page_id: z.string(), text: z.string() }),
    answer: ({ page_id: id }) => ({ updated: { id } }),
  },
];
