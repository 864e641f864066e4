/** Whom an access token says it is for, where it is a JWT. It is read for this question only and never trusted. */
import { decodeJwt } from 'jose/jwt/decode';
import type { Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { isSameIssuer } from '../../oauth/authorization-server.ts';
import { isAbout } from '../../oauth/protected-resource.ts';
import { quote } from '../../text/quote.ts';
import type { Grant } from '../grant.ts';

/** What a token may be for: the MCP server, or the authorization server that issued it. */
export interface Recipients {
  mcpServerUrl: string;
  /** The resource indicator that was asked with, if one was. */
  resource: string | undefined;
  issuer: string;
}

/**
 * The audience of a JWT that names neither (RFC 9068 section 2.2), else undefined: an opaque token, or one without an
 * audience, says nothing.
 */
export function foreignAudience(token: string, { mcpServerUrl, resource, issuer }: Recipients): string[] | undefined {
  const audience = audienceOf(token);
  if (audience.length === 0) return undefined;
  const fits = (name: string) => name === resource || isAbout(name, mcpServerUrl) || isSameIssuer(name, issuer);
  return audience.some(fits) ? undefined : audience;
}

function audienceOf(token: string): string[] {
  try {
    const { aud } = decodeJwt(token);
    return [aud ?? []].flat().filter((name) => typeof name === 'string');
  } catch {
    return [];
  }
}

/** Refuses a token that is for somebody else with `token_unusable`; with `--accept-audience` it is said and let through. */
export function requireAudience(
  { accessToken, resource, server }: Grant,
  { name, mcp_server_url: mcpServerUrl }: Service,
  { acceptAudience, warn }: { acceptAudience: boolean; warn(text: string): void },
): void {
  const audience = foreignAudience(accessToken.reveal(), { mcpServerUrl, resource, issuer: server.issuer });
  if (audience === undefined) return;
  const said = `the token of ${quote(name)} says that it is for ${audience.slice(0, 5).map(quote).join(', ')}, not for this service`;
  if (!acceptAudience) {
    throw new AppError('token_unusable', said, {
      hint: 'nothing was stored; if whoever runs the service says that this is right: --accept-audience',
    });
  }
  warn(said);
}
