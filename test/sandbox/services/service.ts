import type { RequestListener } from 'node:http';
import type { Configuration } from 'oidc-provider';
import type { AuthorizationControl, CountedPaths, Counters, JsonObject } from '../authorization/control.ts';
import { type Context, type Middleware, use } from '../authorization/middleware.ts';
import { type AuthorizationServer, createAuthorizationServer } from '../authorization/server.ts';
import type { ClientRules, LiveGrant } from '../authorization/store.ts';
import { listenOnLoopback } from '../listener.ts';
import { type Account, accountsAt, type PersonName } from '../people.ts';
import { resourceMetadata, serverMetadata } from './metadata.ts';
import { type ResourceRules, resourceParameter } from './resource-parameter.ts';
import { createResourceServer, type KnownToken, type ResourceCounters, type ToolCall } from './resource-server.ts';
import { type NewTool, newTool, type SandboxTool } from './tool.ts';

/** The services of the sandbox. */
export type ServiceName = 'notion' | 'slack' | 'linear' | 'github' | 'google';

/** How a client becomes known to a service, with what the catalogue has to say about it. */
export type Registration =
  | { readonly kind: 'dynamic' }
  | {
      readonly kind: 'pre-registered';
      readonly clientId: string;
      /** Without a port where the service takes any port of the loopback address. */
      readonly redirectUri: string;
      /** What the client proves itself with (`client_secret_post`); a public client has none. */
      readonly clientSecret?: string;
    }
  | { readonly kind: 'client-metadata'; readonly clientMetadataUrl: string };

/** A running service: an MCP server and the authorization server in front of it. */
export interface SandboxService {
  readonly name: string;
  readonly title: string;
  readonly mcpUrl: string;
  readonly issuer: string;
  /** The one place where the metadata of the authorization server is. */
  readonly metadataUrl: string;
  /** The identifier that tokens are issued for, as the service's own metadata spells it. */
  readonly resource: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registration: Registration;
  readonly scopes: readonly string[];
  /** What the catalogue has to add to the authorization request. */
  readonly authorizeParameters: Readonly<Record<string, string>>;
  readonly accounts: Readonly<Record<PersonName, Account>>;
  /** Every tool call that was carried out, oldest first. */
  readonly calls: readonly ToolCall[];
  /** Requests to the authorization server. */
  readonly counters: Readonly<Counters>;
  /** The `User-Agent` of every request to the token endpoint, oldest first. */
  readonly tokenRequestAgents: readonly string[];
  /** Requests to the MCP endpoint. */
  readonly mcpRequests: Readonly<ResourceCounters>;
  readonly control: ServiceControl;
  tools(): readonly SandboxTool[];
  /** Every code and token issued so far and the client's secret, for tests that search output for them. */
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
  /** The grants of an account that are still alive. */
  liveGrants(person: PersonName): readonly LiveGrant[];
  /** Ends every grant that an account gave, as a person does in the service's settings. */
  revokeGrants(person: PersonName): void;
  /** Sets how many seconds clients of the device flow have to leave between two questions, 5 unless told. */
  pollEvery(seconds: number): void;
  /** Opens an account for somebody who is none of the people: they name themselves at the sign-in, which has no button for them. */
  admit(account: Account): void;
  /** Whose account an access token is for that is still good. */
  accountOf(accessToken: string): Promise<string | undefined>;
}

/** What makes one service different from the others. */
export interface ServiceBlueprint extends ResourceRules {
  readonly name: string;
  readonly title: string;
  readonly colour: string;
  /** Where it speaks MCP, `/mcp` unless told. */
  readonly mcpPath?: string;
  /** Where the issuer is: the service's origin unless told, a path of it, or an origin of its own. */
  readonly issuer?: { readonly path: string } | 'own-origin';
  /** How the resource metadata spells the issuer, when not as it is. */
  readonly spellIssuer?: (issuer: string) => string;
  /** Where its metadata is: the form of RFC 8414, unless it only has that of OpenID Connect. */
  readonly metadataForm?: 'openid-configuration';
  /** What the service calls itself as a resource: its MCP URL, or the bare origin. */
  readonly resource: 'mcp-url' | 'origin';
  /** Whether the 401 names the resource metadata, and a scope. */
  readonly challenge: { readonly metadata: boolean; readonly scope?: string };
  /** Whether resource and authorization server metadata list the scopes. */
  readonly publishesScopes: boolean;
  /** The JSON-RPC methods that are answered without a token; none unless told. */
  readonly open?: readonly string[];
  readonly answersWith: 'event-stream' | 'json';
  /** How every tool's answer says who called: by user and workspace, unless told. */
  readonly callerIn?: (account: Account) => JsonObject;
  readonly tools: readonly SandboxTool[];
  readonly paths: CountedPaths;
  readonly registration: Registration;
  readonly authorizeParameters?: Readonly<Record<string, string>>;
  readonly configuration: Configuration;
  readonly clientRules?: ClientRules;
  /** Changes the body of the token endpoint's answer into the shape the service is known for. */
  readonly shapeTokenAnswer?: (ctx: Context, server: AuthorizationServer) => void | Promise<void>;
  /** Changes the metadata of the authorization server likewise; `origin` is where its endpoints are. */
  readonly shapeMetadata?: (metadata: JsonObject, origin: string) => JsonObject;
  /** Finds a token that no client was given. */
  readonly findToken?: (value: string) => KnownToken | undefined;
  /** Adds grants to its authorization server. */
  readonly extend?: (server: AuthorizationServer, as: { issuer: string; resource: string }) => void;
  /** What the service serves beyond the common ground. */
  readonly serve?: (server: AuthorizationServer) => Middleware;
}

/** Starts a service on a free loopback port. */
export async function startService(blueprint: ServiceBlueprint, now: () => number): Promise<SandboxService> {
  const listener = await listenOnLoopback();
  const { origin } = listener;
  const ownOrigin = blueprint.issuer === 'own-origin' ? await listenOnLoopback() : undefined;
  const issuerPath = typeof blueprint.issuer === 'object' ? blueprint.issuer.path : '';
  const issuer = ownOrigin?.origin ?? `${origin}${issuerPath}`;
  const { mcpPath = '/mcp', registration } = blueprint;
  const resource = blueprint.resource === 'origin' ? origin : `${origin}${mcpPath}`;
  const accounts = accountsAt(blueprint.title);
  const others = new Map<string, Account>();
  const tools = new Map(blueprint.tools.map((tool) => [tool.name, tool]));

  const accountOf = (person: string) =>
    Object.values(accounts).find((each) => each.person === person) ?? others.get(person);

  const server = createAuthorizationServer({
    issuer,
    brand: { title: blueprint.title, kind: 'service', colour: blueprint.colour },
    cookiePrefix: blueprint.name,
    now,
    choices: Object.values(accounts).map(({ person, name, email, workspace }) => ({
      person,
      name,
      detail: `${email} · ${workspace}`,
    })),
    takesOthers: () => others.size > 0,
    accountId: (person) => accountOf(person)?.person,
    describe: (person) => accountOf(person)?.email ?? person,
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

  const published = blueprint.publishesScopes ? { scopes: blueprint.scopes } : {};
  const metadata = resourceMetadata({
    origin,
    mcpPath,
    resource,
    issuer: blueprint.spellIssuer?.(issuer) ?? issuer,
    title: blueprint.title,
    ...published,
  });
  const form = blueprint.metadataForm ?? 'oauth-authorization-server';
  const metadataPath = `/.well-known/${form}${issuerPath}`;
  const resourceServer = createResourceServer({
    title: blueprint.title,
    path: mcpPath,
    resource,
    ...(blueprint.open && { open: blueprint.open }),
    callerIn: blueprint.callerIn ?? userAndWorkspace,
    challenge: {
      ...(blueprint.challenge.metadata && { resource_metadata: metadata.url }),
      ...(blueprint.challenge.scope !== undefined && { scope: blueprint.challenge.scope }),
    },
    answersWith: blueprint.answersWith,
    now,
    accountOf,
    tools: () => [...tools.values()],
    async findToken(value) {
      const known = blueprint.findToken?.(value);
      return known === undefined ? server.provider.AccessToken.find(value) : { ...known, aud: resource };
    },
  });

  blueprint.extend?.(server, { issuer, resource });
  use(server.provider, metadata.middleware);
  use(
    server.provider,
    serverMetadata(metadataPath, (document) => {
      const complete = { ...document, scopes_supported: published.scopes };
      return blueprint.shapeMetadata?.(complete, origin) ?? complete;
    }),
  );
  use(server.provider, async (ctx, next) => {
    await next();
    const shaped = [blueprint.paths.token, blueprint.paths.device?.authorization].includes(ctx.path);
    if (ctx.method === 'POST' && shaped) await blueprint.shapeTokenAnswer?.(ctx, server);
  });
  if (blueprint.serve !== undefined) use(server.provider, blueprint.serve(server));
  use(server.provider, resourceServer.middleware);
  const handle = server.provider.callback();
  if (ownOrigin === undefined) listener.serve(handle);
  else {
    // One server behind two origins: what says who it is at the one, everything else at the other.
    const notFound: RequestListener = (_request, response) => response.writeHead(404).end();
    listener.serve((request, response) => (request.url === metadataPath ? notFound : handle)(request, response));
    ownOrigin.serve((request, response) => {
      // The library writes the addresses of the host that it is asked at.
      request.headers.host = new URL(origin).host;
      (request.url === metadataPath ? handle : notFound)(request, response);
    });
  }

  function toolNamed(name: string): SandboxTool {
    const tool = tools.get(name);
    if (tool === undefined) throw new Error(`${blueprint.name} has no tool ${JSON.stringify(name)}`);
    return tool;
  }

  return {
    name: blueprint.name,
    title: blueprint.title,
    mcpUrl: `${origin}${mcpPath}`,
    issuer,
    metadataUrl: `${new URL(issuer).origin}${metadataPath}`,
    resource,
    authorizationEndpoint: `${origin}${blueprint.paths.authorization}`,
    tokenEndpoint: `${origin}${blueprint.paths.token}`,
    registration,
    scopes: blueprint.scopes,
    authorizeParameters: blueprint.authorizeParameters ?? {},
    accounts,
    calls: resourceServer.calls,
    counters: server.counters,
    tokenRequestAgents: server.tokenRequestAgents,
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
      liveGrants: server.store.liveGrantsOf,
      revokeGrants(person) {
        for (const grant of server.store.grantsOf(person)) server.store.revokeGrant(grant);
      },
      pollEvery(seconds) {
        if (server.deviceFlow === undefined) throw new Error(`${blueprint.name} has no device flow`);
        server.deviceFlow.intervalSeconds = seconds;
      },
      admit(account) {
        others.set(account.person, account);
      },
      accountOf: async (accessToken) => (await server.provider.AccessToken.find(accessToken))?.accountId,
    },
    tools: () => [...tools.values()],
    issuedSecrets() {
      const secret = registration.kind === 'pre-registered' ? registration.clientSecret : undefined;
      return [...server.store.issuedSecrets(), ...(secret === undefined ? [] : [secret])];
    },
    async close() {
      await Promise.all([listener.close(), ownOrigin?.close()]);
    },
  };
}

function userAndWorkspace({ name, email, workspace }: Account): JsonObject {
  return { user: { name, email }, workspace: { name: workspace } };
}
