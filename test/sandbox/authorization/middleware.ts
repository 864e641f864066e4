import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

/** A request on its way through an authorization server. */
export type Context = KoaContextWithOIDC;

/** Handles a request, or passes it on and looks at what became of it. */
export type Middleware = (ctx: Context, next: () => Promise<void>) => Promise<void>;

/** Puts a middleware in front of the library's own routes, behind those added before it. */
export function use(provider: Provider, middleware: Middleware): void {
  // The library's types forget at this door what it adds to the context. `ctx.oidc` is there once a route matched.
  provider.use((ctx, next) => middleware(ctx as unknown as Context, next));
}
