/** The requests and results that are about a person's connections. */
import * as z from 'zod/mini';
import { forAgent, nothing, owner } from './common.ts';

const text = z.nullable(z.string());

const connected = z.strictObject({
  service: z.string(),
  account: text,
  workspace: text,
  account_accepted: z.boolean(),
  owner,
  vault_id: z.string(),
  credential_id: z.string(),
  change: z.enum(['created', 'updated', 'replaced']),
  scopes: z.array(z.string()),
  expires_at: text,
  refreshable: z.boolean(),
  through_idp: z.boolean(),
  status: z.string(),
  not_tried: text,
  beside: z.strictObject({ title: z.string(), label: z.string() }),
});

const scopes = {
  readOnly: z.optional(z.boolean()),
  scope: z.optional(z.array(z.string())),
  addScope: z.optional(z.array(z.string())),
};

/** Which account a person expects, or accepts. */
const accounts = { expectAccount: z.optional(z.string()), acceptAccount: z.optional(z.string()) };

export const connect = {
  request: z.strictObject({
    ...scopes,
    ...accounts,
    ...forAgent,
    service: z.string(),
    via: z.optional(z.literal('idp')),
    newClient: z.boolean(),
    legacyEndpoints: z.boolean(),
    acceptAudience: z.boolean(),
    /** Whether an account that the rule of the file does not want is asked about, of whoever sees its exact name: at a page. */
    asksOther: z.optional(z.boolean()),
  }),
  result: connected,
};

export const connectToken = {
  request: z.strictObject({ ...accounts, ...forAgent, service: z.string() }),
  result: connected,
};

export const connectUnlisted = {
  request: z.strictObject({ ...scopes, ...accounts, url: z.string(), newClient: z.boolean() }),
  result: connected,
};

const disconnected = z.strictObject({
  service: z.string(),
  owner,
  vault_id: text,
  change: z.enum(['none', 'disconnected']),
  credential_ids: z.array(z.string()),
  account: text,
  revoked_at_service: z.literal(false),
  remove_by_hand: z.nullable(
    z.strictObject({ service: z.string(), account: text, where: z.literal('connected apps') }),
  ),
  beside: z.strictObject({ title: z.string(), label: z.string(), removed: text }),
});

const wouldDisconnect = z.strictObject({
  service: z.string(),
  owner,
  vault_id: text,
  would_archive: z.array(z.string()),
  beside: z.strictObject({ title: z.string(), label: z.string(), removed: text }),
});

export const disconnect = {
  request: z.strictObject({
    ...forAgent,
    service: z.optional(z.string()),
    url: z.optional(z.string()),
    dryRun: z.boolean(),
  }),
  result: z.union([disconnected, wouldDisconnect]),
};

const state = z.strictObject({
  service: z.string(),
  title: z.string(),
  status: z.enum([
    'connected',
    'needs-reconnect',
    'expired',
    'missing-scopes',
    'wrong-account',
    'unknown',
    'not-connected',
  ]),
  reason: z.string(),
  next: text,
  account: text,
  account_accepted: z.boolean(),
  workspace: text,
  connected_at: text,
  scopes: z.array(z.string()),
  expires_at: text,
  credential_id: text,
});

export const listConnections = {
  request: z.strictObject({
    ...forAgent,
    /** Of which services the platform tries the connection; of all where undefined. */
    tries: z.optional(z.array(z.string())),
  }),
  result: z.strictObject({
    owner,
    services: z.array(state),
    not_in_catalogue: z.array(
      z.strictObject({
        mcp_server_url: z.string(),
        credential_id: z.string(),
        account: text,
        connected_at: text,
        connected_by_url: z.boolean(),
      }),
    ),
    /** How the accounts outside the catalogue are called, in their order. */
    beside: z.strictObject({ accounts: z.array(z.string()) }),
  }),
};

export const checkConnections = {
  request: z.strictObject({ ...forAgent, service: z.optional(z.string()) }),
  result: z.strictObject({ owner, services: z.array(state) }),
};

export const examineConnections = {
  request: z.strictObject({ ...forAgent }),
  result: z.strictObject({
    owner,
    vault_id: text,
    connections: z.number(),
    credentials: z.number(),
    findings: z.array(
      z.strictObject({
        level: z.enum(['alarm', 'warning', 'note']),
        service: text,
        credential_id: text,
        what: z.string(),
        next: z.string(),
      }),
    ),
  }),
};

const { beside: _connected, ...connectedMembers } = connected.shape;
const { beside: _disconnected, ...disconnectedMembers } = disconnected.shape;

export const openConnectionsPage = {
  request: nothing,
  result: z.strictObject({
    owner,
    acts: z.array(
      z.union([
        z.strictObject({ act: z.literal('connected'), ...connectedMembers }),
        z.strictObject({ act: z.literal('disconnected'), ...disconnectedMembers }),
      ]),
    ),
    /** What was said of each act when it was done. */
    beside: z.strictObject({ lines: z.array(z.string()) }),
  }),
};

export const draftService = {
  request: z.strictObject({ url: z.string(), name: z.optional(z.string()), signIn: z.boolean() }),
  result: z.strictObject({
    service: z.string(),
    path: z.string(),
    mcp_server_url: z.string(),
    issuer: z.string(),
    tools: z.nullable(z.number()),
    warnings: z.array(z.string()),
    beside: z.strictObject({ host: z.string(), exceptions: z.number() }),
  }),
};

export type ConnectRequest = z.output<typeof connect.request>;
export type ConnectTokenRequest = z.output<typeof connectToken.request>;
export type ConnectUnlistedRequest = z.output<typeof connectUnlisted.request>;
export type Connected = z.output<typeof connected>;
export type DisconnectRequest = z.output<typeof disconnect.request>;
export type Disconnected = z.output<typeof disconnected>;
export type DisconnectResult = z.output<typeof disconnect.result>;
export type ServiceState = z.output<typeof state>;
export type ListConnectionsRequest = z.output<typeof listConnections.request>;
export type ListedConnections = z.output<typeof listConnections.result>;
export type CheckRequest = z.output<typeof checkConnections.request>;
export type CheckedConnections = z.output<typeof checkConnections.result>;
export type ExaminedConnections = z.output<typeof examineConnections.result>;
export type ConnectionsPage = z.output<typeof openConnectionsPage.result>;
export type DraftRequest = z.output<typeof draftService.request>;
export type DraftedService = z.output<typeof draftService.result>;
