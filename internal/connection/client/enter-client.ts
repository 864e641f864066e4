/** What a person has to say of a client that somebody registered at the service by hand. */
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import {
  isClientText,
  longestClientId,
  longestClientSecret,
  methodForSecret,
  type OAuthClient,
} from '../../oauth/registration.ts';
import { Secret } from '../../secret/secret.ts';
import { quote } from '../../text/quote.ts';

/** How a client id and its secret come in. */
export interface ClientEntry {
  /** `--client-secret-fd`: the secret as another program gave it. */
  secret: Secret | undefined;
  /** Asks at the terminal, the second without showing what is typed. Undefined where nobody can be asked. */
  ask:
    | {
        shown(question: string, signal?: AbortSignal): Promise<string>;
        unseen(what: string, signal?: AbortSignal): Promise<string>;
      }
    | undefined;
}

/** Refuses a secret that no client of the service would be shown with, before anybody signs in. Throws `usage`. */
export function checkSecretIsOfUse({ name, authorization }: Service): void {
  const { registration, client_id: clientId, token_endpoint_auth_method: method } = authorization;
  const registers = registration === 'dynamic' || registration === 'client-metadata';
  if (!registers && (clientId === undefined || method !== 'none')) return;
  throw new AppError('usage', `${quote(name)} is used by a client without a secret`, {
    hint: `leave out --client-secret-fd, or set client_id and token_endpoint_auth_method in config/services/${name}.yaml`,
  });
}

/** The secret of a client that the service's file names. Throws `client_needed`. */
export async function enterSecret({ name, authorization }: Service, entry: ClientEntry): Promise<Secret> {
  if (entry.secret !== undefined) return entry.secret;
  const what = `the secret of the client ${quote(authorization.client_id)} of ${name}`;
  if (entry.ask === undefined) {
    throw new AppError('client_needed', `nobody is here to enter ${what}`, {
      hint: `run this in a terminal: service-connection ${name}; or have a command write it: <command that prints it> | service-connection ${name} --client-secret-fd 0`,
    });
  }
  return usableSecret(await entry.ask.unseen(what), what);
}

/** A client that somebody registered at the service for this very redirect URI. Throws `client_needed`. */
export async function enterClient(
  { name, title = name, authorization }: Service,
  server: AuthorizationServer,
  redirectUri: string | undefined,
  entry: ClientEntry,
): Promise<OAuthClient> {
  if (entry.ask === undefined) {
    throw new AppError('client_needed', `nobody has registered a client for ${quote(name)} yet`, {
      hint: `run this in a terminal: service-connection ${name}; or set client_id in config/services/${name}.yaml`,
    });
  }
  const place = redirectUri === undefined ? '' : `, with the redirect URI ${redirectUri}`;
  const clientId = (
    await entry.ask.shown(`${title} registers no client by itself: register one there${place}. Its client id:`)
  ).trim();
  if (!isClientText(clientId, longestClientId)) throw noneEntered(`a client id of ${title}`);
  const what = `its client secret, or nothing where it has none`;
  const entered = entry.secret?.reveal() ?? (await entry.ask.unseen(what)).trim();
  if (entered === '') return { clientId, authMethod: 'none' };
  const { token_endpoint_auth_method: method } = authorization;
  return {
    clientId,
    authMethod: method === 'none' ? methodForSecret(server) : method,
    secret: usableSecret(entered, what),
  };
}

/** Judges a secret that was entered: printable ASCII, on one line, of sane length. Throws `client_needed`. */
function usableSecret(entered: string, what: string): Secret {
  const text = entered.trim();
  if (isClientText(text, longestClientSecret)) return new Secret(text);
  throw noneEntered(what);
}

function noneEntered(what: string): AppError {
  return new AppError('client_needed', `what was entered cannot be ${what}`, {
    hint: 'run the command again and enter it as the service shows it',
  });
}
