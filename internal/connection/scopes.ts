/** Which scopes a connection asks for, and what to say of those that came back. Pure. */
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import type { ProtectedResource } from '../oauth/protected-resource.ts';
import { quote } from '../text/quote.ts';

/**
 * The scopes to ask for: the service file's, else the challenge's or the metadata's, else none. `offline_access` is
 * added where the authorization server lists it, for a connection that the platform can keep alive.
 */
export function scopesToAskFor(
  service: Service,
  found: ProtectedResource,
  server: AuthorizationServer,
  readOnly: boolean,
): string[] | undefined {
  const configured = configuredScopes(service, readOnly);
  const scopes = configured.length > 0 ? configured : found.scopes;
  const offline =
    server.scopes_supported?.includes('offline_access') === true && scopes?.includes('offline_access') !== true;
  return offline ? [...(scopes ?? []), 'offline_access'] : scopes === undefined ? undefined : [...scopes];
}

/** The scopes of the service's file. Throws `usage` when only reading is wanted and it names no scopes for that. */
export function configuredScopes({ name, authorization }: Service, readOnly: boolean): readonly string[] {
  if (!readOnly) return authorization.scopes?.default ?? [];
  const reading = authorization.scopes?.read_only ?? [];
  if (reading.length > 0) return reading;
  throw new AppError('usage', `${quote(name)} has no scopes that only read`, {
    hint: 'connect it without --read-only; what its tools may do is then up to the agent alone',
  });
}

/** OpenID Connect lets a server ignore `offline_access` unless consent is asked for. */
export function consentFor(scopes: readonly string[] | undefined): Record<string, string> {
  return scopes?.includes('offline_access') === true ? { prompt: 'consent' } : {};
}

/** How many scopes a warning names. */
const mostNamed = 10;

/** Says which scopes came back that nobody asked for. Where none were asked for, the service chose them all. */
export function warnOfMore(
  service: Service,
  asked: readonly string[] | undefined,
  granted: readonly string[],
  warn: (text: string) => void,
): void {
  const more = asked === undefined ? [] : granted.filter((scope) => !asked.includes(scope));
  if (more.length === 0) return;
  const rest = more.length > mostNamed ? ` and ${more.length - mostNamed} more` : '';
  warn(`${service.name} granted more than was asked for: ${more.slice(0, mostNamed).map(quote).join(', ')}${rest}`);
}
