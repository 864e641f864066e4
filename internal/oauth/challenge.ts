import { processRevocationResponse, WWWAuthenticateChallengeError } from 'oauth4webapi';

/** One challenge of a `WWW-Authenticate` header. Parameter names are lower case; a repeated one keeps every value. */
export interface AuthenticationChallenge {
  scheme: string;
  parameters: ReadonlyMap<string, readonly string[]>;
}

/**
 * The challenges of a `WWW-Authenticate` header (RFC 9110 section 11.6.1), none when it cannot be parsed.
 *
 * oauth4webapi keeps its parser to itself but reports what it parsed on every response it judges, so a response
 * made of the header alone brings it out. It keeps the last of a repeated parameter; real servers repeat
 * `resource_metadata`, so the values of repeated ones are collected beside it.
 */
export async function challengesOf(header: string | null): Promise<AuthenticationChallenge[]> {
  if (header === null) return [];
  try {
    await processRevocationResponse(new Response(null, { status: 401, headers: { 'www-authenticate': header } }));
    return [];
  } catch (error) {
    if (!(error instanceof WWWAuthenticateChallengeError)) return [];
    return error.cause.map(({ scheme, parameters }) => ({
      scheme: scheme.toLowerCase(),
      parameters: new Map(
        Object.entries(parameters).map(([name, last]) => {
          const every = valuesOf(name, header);
          return [name, every.length > 1 && error.cause.length === 1 ? every : [String(last)]];
        }),
      ),
    }));
  }
}

/** Every value of one parameter in a header that is known to parse. */
function valuesOf(name: string, header: string): string[] {
  const pattern = new RegExp(
    `(?:^|[\\s,])${name.replace(/[^\w-]/g, '\\$&')}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`,
    'gi',
  );
  return [...header.matchAll(pattern)].map(([, quoted, token]) => quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
}
