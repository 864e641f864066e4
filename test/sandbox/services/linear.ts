import { z } from 'zod';
import { type ClientDocument, publishClientDocument } from './client-document.ts';
import { resolveClient } from './resolve-client.ts';
import { type SandboxService, startService } from './service.ts';
import type { SandboxTool } from './tool.ts';

/** The Linear-like service, with the client document that the sandbox publishes for it. */
export interface LinearService extends SandboxService {
  readonly clientDocument: ClientDocument;
}

/**
 * Starts a service shaped after Linear: a client is the URL of its own metadata document, the 401 asks
 * for `read write`, and a token with `read` alone is refused by the tools that write.
 */
export async function startLinear(now: () => number): Promise<LinearService> {
  const clientDocument = await publishClientDocument();
  const service = await startService(
    {
      name: 'linear',
      title: 'Linear',
      colour: '#5e6ad2',
      resource: 'mcp-url',
      challenge: { metadata: true, scope: 'read write' },
      scopes: ['read', 'write'],
      defaultScope: 'read',
      publishesScopes: true,
      answersWith: 'json',
      tools,
      paths: { authorization: '/authorize', token: '/token', registration: '/register', revocation: '/revoke' },
      accessTokenSeconds: 24 * 3600,
      registration: { kind: 'client-metadata', clientMetadataUrl: clientDocument.url },
      configuration: { discovery: { client_id_metadata_document_supported: true } },
      clientRules: { resolve: resolveClient },
    },
    now,
  );
  return {
    ...service,
    clientDocument,
    async close() {
      await Promise.all([service.close(), clientDocument.close()]);
    },
  };
}

const issue = { id: 'ENG-1', title: 'Make the sandbox pleasant', state: 'In Progress' };

const tools: readonly SandboxTool[] = [
  {
    name: 'list_issues',
    title: 'List issues',
    description: 'Lists the issues of the workspace.',
    effect: 'read',
    scope: 'read',
    input: z.object({ query: z.string().optional() }),
    answer: () => ({ issues: [issue] }),
  },
  {
    name: 'get_issue',
    title: 'Get issue',
    description: 'Reads an issue.',
    effect: 'read',
    scope: 'read',
    input: z.object({ id: z.string() }),
    answer: ({ id }) => ({ issue: { ...issue, id } }),
  },
  {
    name: 'get_user',
    title: 'Get user',
    description: 'Reads a user; "me" is whoever is connected.',
    effect: 'read',
    scope: 'read',
    input: z.object({ query: z.string() }),
    answer: () => ({}),
  },
  {
    name: 'save_issue',
    title: 'Save issue',
    description: 'Creates or changes an issue.',
    effect: 'write',
    scope: 'write',
    input: z.object({ id: z.string().optional(), title: z.string() }),
    answer: ({ id, title }) => ({ saved: { id: id ?? 'ENG-2', title } }),
  },
  {
    name: 'save_comment',
    title: 'Save comment',
    description: 'Comments on an issue.',
    effect: 'write',
    scope: 'write',
    input: z.object({ issue_id: z.string(), body: z.string() }),
    answer: ({ issue_id: id }) => ({ saved: { issue_id: id } }),
  },
];
