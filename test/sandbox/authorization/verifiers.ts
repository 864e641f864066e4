import type { Context, Middleware } from './middleware.ts';
import { readBody } from './request-body.ts';

/**
 * Takes note of every PKCE verifier that comes to the token endpoint, whatever is answered. It is the one secret of a
 * flow that the client makes up; a server that kept to the protocol would forget it.
 */
export function noteVerifiers(tokenPath: string, note: (secret: string) => void): Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.method !== 'POST' || ctx.path !== tokenPath) return;
    const verifier = parsedVerifier(ctx) ?? new URLSearchParams(await unreadBody(ctx)).get('code_verifier');
    if (verifier) note(verifier);
  };
}

function parsedVerifier(ctx: Context): string | undefined {
  // No route has matched where a fault has answered instead.
  const verifier = ctx.oidc?.params?.['code_verifier'];
  return typeof verifier === 'string' ? verifier : undefined;
}

async function unreadBody({ req }: Context): Promise<string> {
  return req.readableEnded || req.destroyed ? '' : readBody(req);
}
