/** Requests as a careless client would make them, for tests of what a service refuses. */
import type { JsonObject } from '../authorization/control.ts';
import type { SandboxService } from './service.ts';

/** A good authorization request with some parameters changed, or left out where they are `undefined`. */
export function authorizeUrl(
  service: SandboxService,
  clientId: string,
  changes: Readonly<Record<string, string | undefined>> = {},
): URL {
  const url = new URL(service.authorizationEndpoint);
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: 'http://127.0.0.1:9/callback',
    resource: service.resource,
    state: 'the state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

/** Posts a form. */
export function postForm(url: string, form: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(form) });
}

/** Posts JSON. */
export function postJson(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  });
}

/** The JSON object of an answer. */
export async function jsonIn(response: Response): Promise<JsonObject> {
  return (await response.json()) as JsonObject;
}

/** The `error` of an OAuth error answer. */
export async function errorIn(response: Response): Promise<unknown> {
  return (await jsonIn(response))['error'];
}
