import type { JsonObject } from '../authorization/control.ts';
import type { Middleware } from '../authorization/middleware.ts';
import { mcpPath } from './resource-server.ts';

/** What a service publishes about itself as a resource. */
export interface ResourceMetadata {
  /** Where the document is; what a challenge names as `resource_metadata`. */
  readonly url: string;
  readonly middleware: Middleware;
}

/**
 * Serves the protected resource metadata (RFC 9728) at the one place that belongs to the identifier:
 * with the path of the MCP server, or at the root for a service that calls its bare origin the resource.
 */
export function resourceMetadata(service: {
  readonly origin: string;
  readonly resource: string;
  readonly title: string;
  /** Listed here and in the metadata of the authorization server; left out, neither lists any. */
  readonly scopes?: readonly string[];
}): ResourceMetadata {
  const rootForm = '/.well-known/oauth-protected-resource';
  const pathForm = `${rootForm}${mcpPath}`;
  const path = service.resource === service.origin ? rootForm : pathForm;
  const document = {
    resource: service.resource,
    authorization_servers: [service.origin],
    bearer_methods_supported: ['header'],
    resource_name: service.title,
    scopes_supported: service.scopes,
  };

  return {
    url: `${service.origin}${path}`,
    async middleware(ctx, next) {
      if (ctx.path === path) {
        ctx.body = document;
        return;
      }
      if (ctx.path === pathForm) {
        // As a service does that has web pages: whatever it does not know is sent on to those, at another origin.
        ctx.redirect(service.origin.replace('127.0.0.1', 'localhost'));
        return;
      }
      // An OAuth server only: what it says about itself is at the RFC 8414 place and nowhere else.
      if (ctx.path === '/.well-known/openid-configuration') {
        ctx.status = 404;
        return;
      }
      await next();
      // The library lists the scopes of OpenID; those of a resource are ours to add.
      if (ctx.method === 'GET' && ctx.path === '/.well-known/oauth-authorization-server') {
        ctx.body = { ...(ctx.body as JsonObject), scopes_supported: service.scopes };
      }
    },
  };
}
