/** Which client a connection is made with, and the listener that its redirect URI leads to: both or neither. */
import { AppError } from '../errors/app-error.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import { becomeClient, type OAuthClient } from '../oauth/registration.ts';
import { type LoopbackListener, listenOnLoopback } from '../outside/loopback.ts';
import type { AcquireRequest } from './acquire.ts';
import type { Connection } from './credentials.ts';

/**
 * The listener and the client for it. A dynamically registered client is used again only at its own redirect URI;
 * where that port is taken by now, another client is registered rather than another program answered.
 */
export async function listenAsClient(
  request: AcquireRequest,
  server: AuthorizationServer,
): Promise<{ listener: LoopbackListener; client: OAuthClient }> {
  const { service, visit, existing, newClient } = request;
  const { registration } = service.authorization;
  const redirect = {
    ...service.authorization.redirect,
    port: visit.callbackPort ?? service.authorization.redirect.port,
  };
  const known = registration === 'dynamic' && !newClient ? reusableClient(existing, server) : undefined;
  if (known !== undefined && known.port === (visit.callbackPort ?? known.port)) {
    const listener = await listenOnLoopback({ ...redirect, port: known.port }).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'port_taken') return undefined;
      throw error;
    });
    if (listener?.redirectUri === known.redirectUri) return { listener, client: known.client };
    listener?.close();
  }
  const listener = await listenOnLoopback(redirect);
  try {
    const client = await becomeClient({
      service,
      server,
      redirectUri: listener.redirectUri,
      allowLoopbackHttp: visit.allowLoopbackHttp,
      fetch: visit.fetch,
    });
    return { listener, client };
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** The client of the connection that is there, if it belongs to this very authorization server and has no secret. */
function reusableClient(existing: Connection | undefined, server: AuthorizationServer) {
  const { clientId, tokenEndpoint, record } = existing ?? {};
  if (clientId === undefined || record?.redirectUri === undefined || !URL.canParse(record.redirectUri))
    return undefined;
  if (record.issuer !== server.issuer || tokenEndpoint !== server.token_endpoint) return undefined;
  const port = Number(new URL(record.redirectUri).port);
  return { client: { clientId, authMethod: 'none' as const }, redirectUri: record.redirectUri, port };
}
