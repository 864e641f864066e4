import * as z from 'zod/mini';
import { isUrl } from '../text/url.ts';

/** An address that tokens are asked from or sent to, in the one form that compares equal byte for byte. */
export function urlDefinition(meaning: string) {
  return z.string().check(z.maxLength(2048), judged(urlProblem), z.describe(meaning));
}

/** An issuer: RFC 8414 section 2 leaves no room for a query. */
export function issuerDefinition(meaning: string) {
  return z.string().check(z.maxLength(2048), judged(issuerProblem), z.describe(meaning));
}

/** What stands for the tenant in an issuer that is of every tenant, as Microsoft Entra ID writes it. */
export const tenantPlaceholder = '{tenantid}';

/** The issuer that metadata names beside the one it is asked of: one, or the pattern of one per tenant. */
export function metadataIssuerDefinition(meaning: string) {
  return z.string().check(
    z.maxLength(2048),
    judged((text) => issuerProblem(withTenant(text, 'tenant'))),
    z.describe(meaning),
  );
}

/** Whether a pattern with {@link tenantPlaceholder} is that of an issuer: one whole part of the path differs. */
export function isTenantPattern(pattern: string, issuer: string): boolean {
  const [parts, own] = [pattern.split('/'), issuer.split('/')];
  const at = parts.indexOf(tenantPlaceholder);
  return at > 2 && own[at] !== undefined && own[at] !== '' && withTenant(pattern, own[at]) === issuer;
}

/** The pattern with a tenant in the place of one whole part of its path. */
function withTenant(pattern: string, tenant: string): string {
  return pattern
    .split('/')
    .map((part, index) => (index > 2 && part === tenantPlaceholder ? tenant : part))
    .join('/');
}

/** A resource indicator: an absolute URI without a fragment (RFC 8707 section 2). */
export function resourceDefinition(meaning: string) {
  const wanted = 'expected an absolute URI without a fragment, such as "api://00000000-0000-0000-0000-000000000000"';
  return z
    .string()
    .check(
      z.maxLength(2048),
      z.regex(/^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%[\]-]+$/, wanted),
      z.describe(meaning),
    );
}

/** The loopback address that the browser is sent back to (RFC 8252 section 7.3). */
export const redirectDefinition = z.prefault(
  z.strictObject({
    host: z._default(
      z
        .enum(['127.0.0.1', 'localhost'])
        .check(z.describe('localhost only where the authorization server refuses 127.0.0.1')),
      '127.0.0.1',
    ),
    port: z.optional(
      z
        .int()
        .check(
          z.minimum(1),
          z.maximum(65535),
          z.describe('the port that the redirect URI was registered with; left out, a free one is taken'),
        ),
    ),
    path: z._default(
      z.string().check(z.regex(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, 'expected a path such as "/callback"')),
      '/callback',
    ),
  }),
  {},
);

/** A host as network rules take it: no scheme, port, path or pattern. */
export const hostDefinition = z
  .string()
  .check(
    z.maxLength(253),
    z.regex(
      /^(?=.*[a-z])([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
      'expected a bare host in lower case such as "api.example.com": no scheme, port, path or wildcard',
    ),
  );

/**
 * The form in which the platform compares MCP server addresses: scheme and host in lower case, no default
 * port, no trailing slashes. Two services equal here would share one credential of a vault (P1).
 */
export function normalisedServerUrl(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}${search}`;
}

function judged(problemOf: (text: string) => string | undefined) {
  return z.refine<string>((text) => problemOf(text) === undefined, {
    error: ({ input }) => problemOf(String(input)),
  });
}

function issuerProblem(text: string): string | undefined {
  return urlProblem(text) ?? (text.includes('?') ? 'expected an issuer, which has no query' : undefined);
}

function urlProblem(text: string): string | undefined {
  if (!isUrl(text)) return 'expected a whole URL such as "https://mcp.example.com/mcp"';
  const url = new URL(text);
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    return 'expected https (http is for loopback addresses only)';
  }
  if (url.username !== '' || url.password !== '') return 'a URL here names nobody: leave out what stands before the @';
  if (text.includes('#')) return 'a URL here has no fragment: leave out the # and what follows';
  // Parsers forgive capitals, default ports, dot segments and backslashes; a comparison byte for byte does not.
  if (url.href !== text && url.href !== `${text}/`) return `write it as ${JSON.stringify(url.href)}`;
  return undefined;
}
