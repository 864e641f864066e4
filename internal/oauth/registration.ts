/** How we become a client of an authorization server: pre-registered, by metadata document, or by dynamic registration. */
import * as oauth from 'oauth4webapi';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Fetch } from '../outside/http.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { readJson } from './json.ts';

/** How a client proves itself at the token endpoint. */
export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post';

/** A client of one authorization server. */
export interface OAuthClient {
  clientId: string;
  authMethod: ClientAuthMethod;
  secret?: Secret | undefined;
}

/** What registration needs. */
export interface RegistrationRequest {
  service: Service;
  server: AuthorizationServer;
  /** Undefined for the device flow, which comes back to nowhere. */
  redirectUri: string | undefined;
  allowLoopbackHttp: boolean;
  fetch: Fetch;
}

/** The grant type of the device flow (RFC 8628). */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

const longestClientId = 2048;

/** The client to use with a service, registered anew where the service's file says `dynamic`. Throws `registration_refused`. */
export async function becomeClient(request: RegistrationRequest): Promise<OAuthClient> {
  const { service, server } = request;
  const {
    registration,
    client_id: clientId,
    client_metadata_url: metadataUrl,
    token_endpoint_auth_method: authMethod,
  } = service.authorization;
  switch (registration) {
    case 'pre-registered':
      if (authMethod !== 'none') {
        throw new AppError(
          'registration_refused',
          `${quote(service.name)} is set up as a client with a secret, which this version cannot hold`,
          {
            hint: 'register a public client (PKCE without a secret) and set token_endpoint_auth_method: none',
          },
        );
      }
      return { clientId: clientId ?? '', authMethod };
    case 'client-metadata':
      if (server['client_id_metadata_document_supported'] !== true) {
        throw new AppError('registration_refused', `${quote(server.issuer)} does not take client metadata documents`, {
          hint: `set another authorization.registration in config/services/${service.name}.yaml`,
        });
      }
      return { clientId: metadataUrl ?? '', authMethod: 'none' };
    case 'dynamic':
      return registerDynamically(request);
    case 'ask':
      throw new AppError('registration_refused', `nobody has registered a client for ${quote(service.name)} yet`, {
        hint: `register one at the service, then set registration: pre-registered and client_id in config/services/${service.name}.yaml`,
      });
  }
}

/** RFC 7591 with the exact redirect URI of the listener that is already bound. */
async function registerDynamically(request: RegistrationRequest): Promise<OAuthClient> {
  const { service, server, redirectUri } = request;
  if (typeof server.registration_endpoint !== 'string') {
    throw new AppError('registration_refused', `${quote(server.issuer)} registers no clients by itself`, {
      hint: `ask the service for a client id and set registration: pre-registered in config/services/${service.name}.yaml`,
    });
  }
  const metadata = {
    client_name: 'managed-agents-interface (service-connection)',
    application_type: 'native',
    redirect_uris: redirectUri === undefined ? [] : [redirectUri],
    grant_types: [redirectUri === undefined ? deviceGrant : 'authorization_code', 'refresh_token'],
    response_types: redirectUri === undefined ? [] : ['code'],
    token_endpoint_auth_method: 'none',
  };
  const response = await oauth.dynamicClientRegistrationRequest(server as oauth.AuthorizationServer, metadata, {
    [oauth.customFetch]: request.fetch,
    [oauth.allowInsecureRequests]: request.allowLoopbackHttp,
  });
  // Some servers answer 200 where RFC 7591 says 201, and leave out the expiry of a secret: the library would refuse both.
  if (response.status !== 201 && response.status !== 200) throw await registrationRefused(response, server.issuer);
  return judgeRegistration((await readJson(response, response.status)) ?? {}, redirectUri, server.issuer);
}

/** Judges what the server registered: our redirect URI, a client id of sane length, an authentication we can do. */
function judgeRegistration(
  answer: Readonly<Record<string, unknown>>,
  redirectUri: string | undefined,
  issuer: string,
): OAuthClient {
  const {
    client_id: clientId,
    client_secret: secret,
    redirect_uris: redirectUris,
    token_endpoint_auth_method: method,
  } = answer;
  const refuse = (why: string) => new AppError('registration_refused', `${quote(issuer)} registered ${why}`);
  if (typeof clientId !== 'string' || clientId === '' || clientId.length > longestClientId)
    throw refuse('a client without a usable id');
  if (
    redirectUri !== undefined &&
    redirectUris !== undefined &&
    !(Array.isArray(redirectUris) && redirectUris.includes(redirectUri))
  ) {
    throw refuse('other redirect URIs than ours');
  }
  if (typeof secret !== 'string') return { clientId, authMethod: 'none' };
  // A secret that comes although none was asked for is used as the answer says, else as RFC 7591 defaults.
  if (method === 'none') return { clientId, authMethod: 'none' };
  return {
    clientId,
    authMethod: method === 'client_secret_post' ? method : 'client_secret_basic',
    secret: new Secret(secret),
  };
}

async function registrationRefused(response: Response, issuer: string): Promise<AppError> {
  const text = await response.text();
  let error: unknown;
  try {
    error = (JSON.parse(text) as Record<string, unknown>)['error'];
  } catch {
    error = undefined;
  }
  const said = typeof error === 'string' ? ` ${quote(error)}` : '';
  return new AppError(
    'registration_refused',
    `${quote(issuer)} refused to register a client: ${response.status}${said}`,
    {
      hint:
        response.status === 403
          ? 'this service admits only clients that it lists: ask it for admission'
          : 'set a pre-registered client in the service file',
    },
  );
}
