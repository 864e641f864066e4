import type { Configuration } from 'oidc-provider';
import type { AuthorizationControl, Counters } from '../authorization/control.ts';
import { type Context, use } from '../authorization/middleware.ts';
import { createAuthorizationServer } from '../authorization/server.ts';
import type { ClientRules } from '../authorization/store.ts';
import { listenOnLoopback } from '../listener.ts';
import { type Account, accountsAt, type PersonName } from '../people.ts';
import { resourceMetadata } from './metadata.ts';
import { type ResourceRules, resourceParameter } from './resource-parameter.ts';
import { createResourceServer, mcpPath, type ResourceCounters, type ToolCall } from './resource-server.ts';
import { type NewTool, newTool, type SandboxTool } from './tool.ts';

/** The services of the sandbox. */
export type ServiceName = 'notion' | 'slack' | 'linear';

/** How a client becomes known to a service, with what the catalogue has to say about it. */
export type Registration =
  | { readonly kind: 'dynamic' }
  | { readonly kind: 'pre-registered'; readonly clientId: string; readonly redirectUri: string }
  | { readonly kind: 'client-metadata'; readonly clientMetadataUrl: string };

/** A running service: an MCP server and the authorization server in front of it. */
export interface SandboxService {
  readonly name: ServiceName;
  readonly title: string;
  readonly mcpUrl: string;
  readonly issuer: string;
  /** The identifier that tokens are issued for, as the service's own metadata spells it. */
  readonly resource: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registration: Registration;
  readonly scopes: readonly string[];
  readonly accounts: Readonly<Record<PersonName, Account>>;
  /** Every tool call that was carried out, oldest first. */
  readonly calls: readonly ToolCall[];
  /** Requests to the authorization server. */
  readonly counters: Readonly<Counters>;
  /** Requests to the MCP endpoint. */
  readonly mcpRequests: Readonly<ResourceCounters>;
  readonly control: ServiceControl;
  tools(): readonly SandboxTool[];
  /** Every code and token issued so far, for tests that search output for them. */
  issuedSecrets(): readonly string[];
  close(): Promise<void>;
}

/** What can be made to happen at a service behind the back of its clients. */
interface ServiceControl extends AuthorizationControl {
  /** Adds a tool, or replaces the one of that name. */
  addTool(tool: NewTool): void;
  /** Changes what a tool says about itself. */
  describeTool(name: string, description: string): void;
  removeTool(name: string): void;
  /** Ends every grant that an account gave, as a person does in the service's settings. */
  revokeGrants(person: PersonName): void;
}

/** What makes one service different from the others. */
export interface ServiceBlueprint extends ResourceRules {
  readonly name: ServiceName;
  readonly title: string;
  readonly colour: string;
  /** What the service calls itself as a resource: its MCP URL, or the bare origin. */
  readonly resource: 'mcp-url' | 'origin';
  /** Whether the 401 names the resource metadata, and a scope. */
  readonly challenge: { readonly metadata: boolean; readonly scope?: string };
  /** Whether resource and authorization server metadata list the scopes. */
  readonly publishesScopes: boolean;
  readonly answersWith: 'event-stream' | 'json';
  readonly tools: readonly SandboxTool[];
  readonly paths: { authorization: string; token: string; registration: string; revocation: string };
  readonly registration: Registration;
  readonly configuration: Configuration;
  readonly clientRules?: ClientRules;
  /** Changes the body of the token endpoint's answer into the shape the service is known for. */
  readonly shapeTokenAnswer?: (ctx: Context) => void;
}

/** Starts a service on a free loopback port. */
export async function startService(blueprint: ServiceBlueprint, now: () => number): Promise<SandboxService> {
  const listener = await listenOnLoopback();
  const { origin } = listener;
  const resource = blueprint.resource === 'origin' ? origin : `${origin}${mcpPath}`;
  const accounts = accountsAt(blueprint.title);
  const tools = new Map(blueprint.tools.map((tool) => [tool.name, tool]));

  const server = createAuthorizationServer({
    issuer: origin,
    brand: { title: blueprint.title, kind: 'service', colour: blueprint.colour },
    cookiePrefix: blueprint.name,
    now,
    choices: Object.values(accounts).map(({ person, name, email, workspace }) => ({
      person,
      name,
      detail: `${email} · ${workspace}`,
    })),
    accountId: (person) => Object.keys(accounts).find((name) => name === person),
    describe: (person) => Object.values(accounts).find((account) => account.person === person)?.email ?? person,
    findAccount: (person) => ({ accountId: person, claims: () => ({ sub: person }) }),
    paths: blueprint.paths,
    accessTokenSeconds: blueprint.accessTokenSeconds,
    ...(blueprint.clientRules && { clientRules: blueprint.clientRules }),
    configuration: {
      ...blueprint.configuration,
      scopes: [],
      features: {
        revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
        ...blueprint.configuration.features,
        resourceIndicators: resourceParameter(blueprint, resource),
      },
    },
  });

  const metadata = resourceMetadata({
    origin,
    resource,
    title: blueprint.title,
    ...(blueprint.publishesScopes && { scopes: blueprint.scopes }),
  });
  const resourceServer = createResourceServer({
    title: blueprint.title,
    resource,
    challenge: {
      ...(blueprint.challenge.metadata && { resource_metadata: metadata.url }),
      ...(blueprint.challenge.scope !== undefined && { scope: blueprint.challenge.scope }),
    },
    answersWith: blueprint.answersWith,
    now,
    accounts,
    tools: () => [...tools.values()],
    findToken: (value) => server.provider.AccessToken.find(value),
  });

  use(server.provider, metadata.middleware);
  use(server.provider, async (ctx, next) => {
    await next();
    if (ctx.method === 'POST' && ctx.path === blueprint.paths.token) blueprint.shapeTokenAnswer?.(ctx);
  });
  use(server.provider, resourceServer.middleware);
  listener.serve(server.provider.callback());

  function toolNamed(name: string): SandboxTool {
    const tool = tools.get(name);
    if (tool === undefined) throw new Error(`${blueprint.name} has no tool ${JSON.stringify(name)}`);
    return tool;
  }

  return {
    name: blueprint.name,
    title: blueprint.title,
    mcpUrl: `${origin}${mcpPath}`,
    issuer: origin,
    resource,
    authorizationEndpoint: `${origin}${blueprint.paths.authorization}`,
    tokenEndpoint: `${origin}${blueprint.paths.token}`,
    registration: blueprint.registration,
    scopes: blueprint.scopes,
    accounts,
    calls: resourceServer.calls,
    counters: server.counters,
    mcpRequests: resourceServer.counters,
    control: {
      ...server.control,
      addTool(tool) {
        tools.set(tool.name, newTool(tool));
      },
      describeTool(name, description) {
        tools.set(name, { ...toolNamed(name), description });
      },
      removeTool(name) {
        tools.delete(toolNamed(name).name);
      },
      revokeGrants(person) {
        for (const grant of server.store.grantsOf(person)) server.store.revokeGrant(grant);
      },
    },
    tools: () => [...tools.values()],
    issuedSecrets: server.store.issuedSecrets,
    close: () => listener.close(),
  };
}
