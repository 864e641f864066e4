/**
 * What protected resources (RFC 9728) and authorization servers (RFC 8414, OpenID Connect Discovery) publish of
 * themselves, typed once, at the door: behind it every member is what its type says, or absent. Members that nobody here
 * reads are left out, so that no library acts on one that was not looked at.
 */
import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { checkedUrl } from '../outside/http.ts';
import { quote } from '../text/quote.ts';

/** Where a document was found. */
export interface DocumentPlace {
  address: string;
  /** Whose it is and who says that it is there, for messages: `the metadata of "https://as.example"`. */
  whose: string;
}

const text = z.string('is not a text');
const texts = z.array(z.string('is not a list of texts'), 'is not a list of texts');
const flag = z.boolean('is neither true nor false');
/** One text with spaces between the scopes, as everywhere else in OAuth, is what some publish instead of a list. */
const scopeList = z.pipe(
  z.union([z.string(), z.array(z.string())], 'is not a list of scopes'),
  z.transform((scopes) => (typeof scopes === 'string' ? splitScopes(scopes) : scopes)),
);

const serverMetadata = z.object({
  issuer: text,
  authorization_endpoint: text,
  token_endpoint: text,
  registration_endpoint: z.optional(text),
  revocation_endpoint: z.optional(text),
  device_authorization_endpoint: z.optional(text),
  jwks_uri: z.optional(text),
  userinfo_endpoint: z.optional(text),
  end_session_endpoint: z.optional(text),
  scopes_supported: z.optional(scopeList),
  grant_types_supported: z.optional(texts),
  code_challenge_methods_supported: z.optional(texts),
  token_endpoint_auth_methods_supported: z.optional(texts),
  prompt_values_supported: z.optional(texts),
  id_token_signing_alg_values_supported: z.optional(texts),
  dpop_signing_alg_values_supported: z.optional(texts),
  authorization_response_iss_parameter_supported: z.optional(flag),
  client_id_metadata_document_supported: z.optional(flag),
});

const resourceMetadata = z.object({
  resource: text,
  authorization_servers: z.optional(texts),
  scopes_supported: z.optional(scopeList),
  bearer_methods_supported: z.optional(texts),
  dpop_signing_alg_values_supported: z.optional(texts),
  dpop_bound_access_tokens_required: z.optional(flag),
  tls_client_certificate_bound_access_tokens: z.optional(flag),
});

export type ServerDocument = z.output<typeof serverMetadata>;

/** The metadata of a protected resource. */
export type ResourceDocument = z.output<typeof resourceMetadata>;

/**
 * Types the metadata of an authorization server. Throws `service_metadata` that names the member which is not what it has
 * to be.
 */
export function parseServerMetadata(document: Readonly<Record<string, unknown>>, place: DocumentPlace): ServerDocument {
  return parsed(serverMetadata, document, place);
}

/** Types the metadata of a protected resource, in the same way. */
export function parseResourceMetadata(
  document: Readonly<Record<string, unknown>>,
  place: DocumentPlace,
): ResourceDocument {
  return parsed(resourceMetadata, document, place);
}

function parsed<Shape extends z.ZodMiniType>(
  shape: Shape,
  document: Readonly<Record<string, unknown>>,
  { address, whose }: DocumentPlace,
): z.output<Shape> {
  const result = shape.safeParse(document);
  if (result.success) return result.data;
  const { path = [], message = '' } = result.error.issues[0] ?? {};
  const member = String(path[0]);
  const wrong = document[member] === undefined ? `lacks ${quote(member)}` : `is wrong: ${quote(member)} ${message}`;
  throw new AppError('service_metadata', `${whose}, at ${quote(address)}, ${wrong}`);
}

const endpoints = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
] as const;

/**
 * Refuses a server of which an endpoint is no address that may be asked, before anything is registered there and anybody
 * is sent there. Throws `url_refused`.
 */
export function checkEndpoints(server: ServerDocument, allowLoopbackHttp: boolean): void {
  for (const name of endpoints) {
    const address = server[name];
    if (address !== undefined)
      checkedUrl(address, allowLoopbackHttp, `the ${name} that ${quote(server.issuer)} publishes`);
  }
}

/** Scopes as RFC 6749 section 3.3 separates them: by spaces. A comma is part of a scope. */
export function splitScopes(text: string): string[] {
  return text.split(' ').filter((scope) => scope !== '');
}
