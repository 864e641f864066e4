import type { JsonObject, Tamper } from '../authorization/control.ts';
import { listenOnLoopback } from '../listener.ts';

/** A published client ID metadata document: the URL is the client identifier. */
export interface ClientDocument {
  readonly url: string;
  /** How often it was fetched. */
  readonly fetches: () => number;
  /** Changes what is published. Without a function: as it was. */
  tamper(tamper?: Tamper): void;
  close(): Promise<void>;
}

/** Publishes the executables' client metadata document, as an organisation would on its web site. */
export async function publishClientDocument(): Promise<ClientDocument> {
  const listener = await listenOnLoopback();
  const path = '/clients/service-connection.json';
  const url = `${listener.origin}${path}`;
  const honest: JsonObject = {
    client_id: url,
    client_name: 'Example company tools',
    client_uri: listener.origin,
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  let fetches = 0;
  let change: Tamper | undefined;

  listener.serve(async (request, response) => {
    if (request.method !== 'GET' || request.url !== path) {
      response.writeHead(404).end();
      return;
    }
    fetches += 1;
    const document = change === undefined ? honest : await change(honest);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  });

  return {
    url,
    fetches: () => fetches,
    tamper(tamper) {
      change = tamper;
    },
    close: () => listener.close(),
  };
}
