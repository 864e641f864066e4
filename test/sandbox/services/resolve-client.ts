import type { AdapterPayload } from 'oidc-provider';
import { z } from 'zod';
import { errors } from '../authorization/oidc-provider.ts';

/** What a client ID metadata document has to say for itself. */
const document = z.looseObject({
  client_id: z.string(),
  client_name: z.string().min(1),
  redirect_uris: z.array(z.url()).min(1),
  application_type: z.enum(['native', 'web']).default('native'),
  grant_types: z.array(z.string()).default(['authorization_code']),
  token_endpoint_auth_method: z.literal('none').default('none'),
  client_secret: z.never().optional(),
});

const maxBytes = 5 * 1024;

/**
 * Fetches the client that a URL names and judges the document (client ID metadata documents). The
 * library has this too, for https only; here the document is on the loopback address, and nothing
 * else is ever fetched.
 */
export async function resolveClient(clientId: string): Promise<AdapterPayload | undefined> {
  const url = URL.parse(clientId);
  if (url === null || url.protocol !== 'http:' || url.hostname !== '127.0.0.1') return undefined;
  if (url.href !== clientId || url.pathname === '/' || url.hash !== '' || url.username !== '') {
    throw new errors.InvalidClient('the client identifier is not the canonical URL of a document', clientId);
  }

  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(2500) }).catch(() => undefined);
  if (response?.status !== 200)
    throw new errors.InvalidClient('the client metadata document cannot be fetched', clientId);
  const text = await response.text();
  if (text.length > maxBytes) throw new errors.InvalidClient('the client metadata document is too large', clientId);
  const { data, error } = document.safeParse(parseJson(text));
  if (error !== undefined) throw new errors.InvalidClientMetadata('the client metadata document is not valid');
  if (data.client_id !== clientId) {
    throw new errors.InvalidClientMetadata('the client metadata document names another client_id');
  }
  return {
    client_id: clientId,
    client_name: data.client_name,
    redirect_uris: data.redirect_uris,
    application_type: data.application_type,
    grant_types: data.grant_types,
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
