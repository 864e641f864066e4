/** What asking a person for access takes, and what it gives. */
import type { Service } from '../config/definitions.ts';
import type { Outcome } from '../markup/callback-page.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import type { OAuthClient } from '../oauth/registration.ts';
import type { Secret } from '../secret/secret.ts';
import type { Account } from './account/account.ts';
import type { ClientSource } from './client/client-source.ts';
import type { Connection } from './credentials.ts';
import type { RegisteredClient } from './journal/journal.ts';
import type { ScopeChoice } from './scopes.ts';

/** Tokens and everything the vault has to know of them. They live in memory only (P3). */
export interface Grant {
  accessToken: Secret;
  refreshToken: Secret | undefined;
  /** Undefined when the service does not say. */
  expiresAt: Date | undefined;
  scopes: readonly string[];
  client: OAuthClient;
  server: AuthorizationServer;
  /** Undefined when it came through the device flow. */
  redirectUri: string | undefined;
  resource: string | undefined;
  account: Account | undefined;
  /** How it came, where nobody was asked: through the identity provider. */
  via?: 'idp' | undefined;
}

/** How a person is asked for access. */
export type Asking = Pick<Grant, 'client' | 'server' | 'redirectUri'>;

/** What the flow is run with. */
export interface AcquireRequest {
  service: Service;
  visit: BrowserVisit;
  /** The connection that is there already, whose client is used again where possible. */
  existing: Connection | undefined;
  /** The client that an interrupted run registered and nobody used. */
  left: RegisteredClient | undefined;
  /** Register anew even where a client could be used again. */
  newClient: boolean;
  clients: ClientSource;
  /** Whether the service has said that it no longer knows the client of the connection that is there. */
  isClientForgotten(): Promise<boolean>;
  scopeChoice: ScopeChoice;
  /** `--legacy-endpoints`: a server of the 2025-03-26 revision may go without metadata. */
  legacyEndpoints: boolean;
  /** How the access is to come, where that is not as the service's file says. */
  via?: 'idp' | undefined;
  /** Judges the authorization server beyond what its metadata has to be, where nobody catalogued the service. */
  judgeServer?: ((server: AuthorizationServer) => void) | undefined;
  /** Says what was found out on the way, for `--verbose`. */
  detail(text: string): void;
  /** Called before the person is asked for access as this client. */
  asking(asking: Asking): Promise<void>;
  /** Ends an access that was granted and can be used for nothing. */
  giveBack(grant: Grant): Promise<void>;
  /** Called with the tokens' grant before anything else can fail; says what the browser's page is to say. */
  conclude(grant: Grant): Promise<Outcome>;
}
