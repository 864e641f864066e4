import type { Provider } from 'oidc-provider';
import type { Context, Middleware } from './middleware.ts';
import { type Brand, type Choice, consentPage, pageHeaders, signInPage } from './pages.ts';
import { readBody } from './request-body.ts';

type InteractionDetails = Awaited<ReturnType<Provider['interactionDetails']>>;

/** Where the pages live; the identifier of the authorization request follows. */
const interactionPath = /^\/interaction\/[\w-]+$/;

/** What the person's answer is checked against and turned into. */
export interface SignInOptions {
  readonly brand: Brand;
  readonly choices: readonly Choice[];
  /** Whether somebody without a button may name themselves; nobody may unless told. */
  takesOthers?(): boolean;
  /** The account identifier that belongs to a button. */
  accountId(person: string): string | undefined;
  /** What the consent page shows for an account. */
  describe(accountId: string): string;
  /** The grant that a new sign-in adds to, where the server keeps one for each account and client. */
  grantToAddTo(accountId: string, clientId: string): string | undefined;
  /** How the person was asked who they are; nothing is said of it where this is missing. */
  authentication?: ((request: { acrValues: readonly string[] }) => Authentication) | undefined;
}

/** What an ID token says of how somebody signed in. */
export type Authentication = {
  acr?: string;
  amr?: string[];
  /** When, in seconds since 1970; now unless told. */
  ts?: number;
};

/**
 * Serves the two pages of an authorization request: who are you, and may this client act for you.
 * Every request asks both, whoever signed in before: in a sandbox one browser plays several people.
 */
export function signInPages(provider: Provider, options: SignInOptions): Middleware {
  async function show(ctx: Context, details: InteractionDetails): Promise<void> {
    const request = readRequest(details);
    const client = await provider.Client.find(request.clientId);
    const shown = { action: ctx.path, client: client?.clientName ?? request.clientId, clientId: request.clientId };
    ctx.type = 'html';
    ctx.body =
      details.prompt.name === 'login'
        ? signInPage(options.brand, {
            ...shown,
            choices: options.choices,
            others: options.takesOthers?.() === true,
          })
        : consentPage(options.brand, {
            ...shown,
            account: options.describe(details.session?.accountId ?? ''),
            scopes: request.scopes,
            returnsTo: request.redirectUri ?? 'wherever the code is shown',
          });
  }

  async function answer(ctx: Context, details: InteractionDetails): Promise<void> {
    const form = new URLSearchParams(await readBody(ctx.req));
    const result =
      details.prompt.name === 'login'
        ? signedIn(form.get('person') ?? form.get('another') ?? '', details.params['acr_values'])
        : form.get('decision') === 'allow'
          ? { consent: { grantId: await grantTo(details) } }
          : { error: 'access_denied', error_description: 'the person did not allow it' };
    if (result === undefined) {
      ctx.status = 400;
      return;
    }
    ctx.respond = false;
    await provider.interactionFinished(ctx.req, ctx.res, result);
  }

  function signedIn(person: string, acrValues: unknown): { login: Authentication & { accountId: string } } | undefined {
    const accountId = options.accountId(person);
    if (accountId === undefined) return undefined;
    const asked = typeof acrValues === 'string' ? acrValues.split(' ') : [];
    return { login: { accountId, ...options.authentication?.({ acrValues: asked }) } };
  }

  /** Makes a new grant each time, so that revoking one connection never touches another, unless told otherwise. */
  async function grantTo(details: InteractionDetails): Promise<string> {
    const request = readRequest(details);
    const accountId = details.session?.accountId ?? '';
    const known = options.grantToAddTo(accountId, request.clientId);
    if (known !== undefined) return known;
    const grant = new provider.Grant({ accountId, clientId: request.clientId });
    if (request.resource === undefined) grant.addOIDCScope(request.scopes.join(' '));
    else grant.addResourceScope(request.resource, request.scopes.join(' '));
    // That one is the library's own, also where a resource has it among its scopes.
    if (request.scopes.includes('openid')) grant.addOIDCScope('openid');
    return grant.save();
  }

  return async (ctx, next) => {
    if (!interactionPath.test(ctx.path)) return next();
    for (const [name, value] of Object.entries(pageHeaders)) ctx.set(name, value);
    const details = await provider.interactionDetails(ctx.req, ctx.res).catch(() => undefined);
    if (details === undefined) {
      ctx.status = 404;
      return;
    }
    if (ctx.method === 'GET') return show(ctx, details);
    if (ctx.method === 'POST') return answer(ctx, details);
    ctx.status = 405;
  };
}

function readRequest(details: InteractionDetails): {
  clientId: string;
  /** None where a code was entered: nothing comes back through the browser. */
  redirectUri: string | undefined;
  resource: string | undefined;
  scopes: readonly string[];
} {
  const { client_id: clientId, redirect_uri: redirectUri, resource, scope } = details.params;
  return {
    clientId: String(clientId),
    redirectUri: typeof redirectUri === 'string' ? redirectUri : undefined,
    resource: typeof resource === 'string' ? resource : undefined,
    scopes: typeof scope === 'string' ? scope.split(' ') : [],
  };
}
