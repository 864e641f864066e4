import type { Configuration } from 'oidc-provider';
import type { Context } from '../authorization/middleware.ts';
import { errors } from '../authorization/oidc-provider.ts';

/** What a service decides about a request for access to it. */
export interface ResourceRules {
  readonly scopes: readonly string[];
  /** Granted to a request that names no scope; a service without such a default refuses it. */
  readonly defaultScope?: string;
  readonly accessTokenSeconds: number;
}

type ResourceIndicators = NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>;

/**
 * RFC 8707, strictly: the authorization request and the code exchange must name the resource, and no
 * other resource exists. A refresh may leave it out, as a vault without a stored resource does; it
 * then gets a token for the resource that was granted.
 */
export function resourceParameter(rules: ResourceRules, resource: string): ResourceIndicators {
  return {
    enabled: true,
    defaultResource: async () => {
      throw new errors.InvalidTarget('the resource parameter is required');
    },
    useGrantedResource: async (ctx) => {
      if (ctx.oidc.params?.['grant_type'] === 'refresh_token') return true;
      throw new errors.InvalidTarget('the resource parameter is required');
    },
    getResourceServerInfo: async (ctx, indicator) => {
      if (indicator !== resource) throw new errors.InvalidTarget('no such resource here');
      if (ctx.oidc.route === 'authorization' || ctx.oidc.route === 'device_authorization') settleScope(ctx, rules);
      return {
        scope: rules.scopes.join(' '),
        audience: resource,
        accessTokenFormat: 'opaque',
        accessTokenTTL: rules.accessTokenSeconds,
      };
    },
  };
}

/** Refuses scopes that the service does not declare, and fills in its default where it has one. */
function settleScope({ oidc: { params = {} } }: Context, rules: ResourceRules): void {
  const requested = params['scope'] === undefined ? [] : String(params['scope']).split(' ');
  const unknown = requested.filter((scope) => !rules.scopes.includes(scope));
  if (unknown.length > 0) throw new errors.InvalidScope('an undeclared scope was requested', unknown.join(' '));
  if (requested.length > 0) return;
  if (rules.defaultScope === undefined) throw new errors.InvalidScope('no scope was requested', '');
  params['scope'] = rules.defaultScope;
}
