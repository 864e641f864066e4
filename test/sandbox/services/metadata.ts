import type { JsonObject } from '../authorization/control.ts';
import type { Middleware } from '../authorization/middleware.ts';

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
  readonly mcpPath: string;
  readonly resource: string;
  readonly issuer: string;
  readonly title: string;
  /** Left out, none are listed. */
  readonly scopes?: readonly string[];
}): ResourceMetadata {
  const rootForm = '/.well-known/oauth-protected-resource';
  const pathForm = `${rootForm}${service.mcpPath}`;
  const path = service.resource === service.origin ? rootForm : pathForm;
  const document = {
    resource: service.resource,
    authorization_servers: [service.issuer],
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
      await next();
    },
  };
}

const forms = ['oauth-authorization-server', 'openid-configuration'];

/**
 * Serves the metadata of the authorization server at one path and nowhere else, where the library would serve it at
 * the root in both forms.
 */
export function serverMetadata(path: string, shape: (document: JsonObject) => JsonObject): Middleware {
  return async (ctx, next) => {
    if (!forms.some((form) => ctx.path.includes(`/.well-known/${form}`))) return next();
    if (ctx.method !== 'GET' || ctx.path !== path) {
      ctx.status = 404;
      return;
    }
    ctx.path = `/.well-known/${forms[0]}`;
    await next();
    ctx.body = shape(ctx.body as JsonObject);
  };
}
