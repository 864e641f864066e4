import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { IdentityProvider } from './identity-provider.ts';
import type { Registration, SandboxService, ServiceName } from './services/service.ts';
import type { Effect } from './services/tool.ts';

/** What the configuration has to point at. */
export interface Configured {
  readonly identityProvider: Pick<IdentityProvider, 'issuer' | 'clientId'>;
  readonly services: Readonly<Record<ServiceName, SandboxService>>;
  /** Skills of the support agent; none by default, since a skill has to be pushed before an agent can have it. */
  readonly skills?: readonly string[];
}

/** Writes a `config/` that knows the sandbox's identity provider and services and two agents. */
export async function writeConfiguration(folder: string, configured: Configured): Promise<void> {
  const files: Record<string, unknown> = {
    'interface.yaml': interfaceFile(configured),
    'agents/support.yaml': supportAgent(configured.skills ?? []),
    'agents/support.md': 'You answer questions of the support team. You look things up; you never change anything.\n',
    'agents/editor.yaml': editorAgent,
    'environments/default.yaml': environment,
  };
  for (const service of Object.values(configured.services))
    files[`services/${service.name}.yaml`] = serviceFile(service);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' ? content : stringify(content, { aliasDuplicateObjects: false }));
  }
}

function interfaceFile({ identityProvider, services }: Configured): object {
  const everything = Object.fromEntries(Object.keys(services).map((name) => [name, { read: 'on', write: 'on' }]));
  return {
    identity: {
      mode: 'sso',
      issuer: identityProvider.issuer,
      client_id: identityProvider.clientId,
      scopes: ['openid', 'profile', 'email', 'groups'],
      groups_claim: 'groups',
    },
    people: { groups: { support: everything, editors: { ...everything } }, principals: {} },
    // Whoever plays with the sandbox holds its key. What only operators may do has tests of its own.
    platform: { changes_by_key: 'allow' },
  };
}

function serviceFile(service: SandboxService): object {
  return {
    title: service.title,
    mcp_server_url: service.mcpUrl,
    authorization: {
      issuers: [service.issuer],
      ...registrationOf(service.registration),
      ...parametersOf(service),
      ...peculiarities[service.name as ServiceName],
    },
    account: whoseAccount[service.name as ServiceName],
    tools: {
      read: toolsThat(service, 'read'),
      write: toolsThat(service, 'write'),
      destructive: toolsThat(service, 'destructive'),
    },
  };
}

function registrationOf(registration: Registration): object {
  if (registration.kind === 'dynamic') return { registration: 'dynamic' };
  if (registration.kind === 'client-metadata') {
    return { registration: 'client-metadata', client_metadata_url: registration.clientMetadataUrl };
  }
  const { hostname, port, pathname } = new URL(registration.redirectUri);
  return {
    registration: 'pre-registered',
    client_id: registration.clientId,
    ...(registration.clientSecret !== undefined && { token_endpoint_auth_method: 'client_secret_post' }),
    redirect: { host: hostname, ...(port !== '' && { port: Number(port) }), path: pathname },
  };
}

function parametersOf({ authorizeParameters }: SandboxService): object {
  return Object.keys(authorizeParameters).length === 0 ? {} : { authorize_parameters: authorizeParameters };
}

const gmailScopes = {
  read: 'https://www.googleapis.com/auth/gmail.readonly',
  compose: 'https://www.googleapis.com/auth/gmail.compose',
};

/** What the catalogue has to say about each service beyond its addresses. */
const peculiarities: Readonly<Record<ServiceName, object>> = {
  notion: {},
  slack: {
    scopes: {
      default: ['search:read.public', 'channels:history', 'users:read', 'chat:write', 'canvases:write'],
      read_only: ['search:read.public', 'channels:history', 'users:read'],
    },
    token_response: 'slack',
  },
  linear: { scopes: { default: ['read', 'write'], read_only: ['read'] } },
  github: { token_response: 'github', static: true },
  google: { scopes: { default: Object.values(gmailScopes), read_only: [gmailScopes.read] } },
};

const byEmail = { name: 'user.email', workspace: 'workspace.name', match: 'email' };

const whoseAccount: Readonly<Record<ServiceName, object>> = {
  notion: { tool: 'notion-fetch', arguments: { id: 'self' }, ...byEmail },
  slack: { tool: 'slack_read_user_profile', ...byEmail },
  linear: { tool: 'get_user', arguments: { query: 'me' }, ...byEmail },
  // A login is no address, and an account there need not show one.
  github: { tool: 'get_me', name: 'login', match: 'none' },
  google: { tool: 'get_profile', ...byEmail },
};

function toolsThat(service: SandboxService, effect: Effect): string[] {
  return service
    .tools()
    .filter((tool) => tool.effect === effect)
    .map(({ name }) => name);
}

function supportAgent(skills: readonly string[]): object {
  return {
    model: 'claude-sonnet-5-5',
    system: { file: 'support.md' },
    services: { notion: { write: 'off' } },
    builtin_tools: { read: 'on' },
    ...(skills.length > 0 && { skills }),
    environment: 'default',
    allowed: { groups: ['support'] },
  };
}

const editorAgent = {
  model: 'claude-sonnet-5-5',
  services: { notion: { write: 'ask' }, slack: { write: 'ask' } },
  environment: 'default',
  allowed: { groups: ['editors'] },
};

const environment = {
  networking: 'limited',
  allowed_hosts: [],
  allow_mcp_servers: true,
  allow_package_managers: false,
};
