/** How a browser comes in: by single sign-on, with nothing kept here meanwhile, and out again. */
import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import * as z from 'zod/mini';
import { AppError } from '../../errors/app-error.ts';
import { allOf, signInOf } from '../../identity/assurance.ts';
import { findProvider, type SsoIdentity, type SsoProvider } from '../../identity/sso-provider.ts';
import { comeBack, isAnswerTo, leaveForProvider, type RedirectedSignIn } from '../../identity/sso-redirect.ts';
import { judgeVisit } from '../../page/request-origin.ts';
import { recorderOf } from '../../platform/recorder.ts';
import type { RecordLog } from '../../record/record-log.ts';
import type { Environment } from '../../run/environment.ts';
import { recording } from '../../run/recording.ts';
import { quote } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';
import { type CredentialSetting, callerFrom, requireStill } from '../credentials.ts';
import type { Reviewed } from '../current-configuration.ts';
import type { IssuerDoor } from '../issuers.ts';
import { rememberedFor } from '../remembered.ts';
import type { RequestVariables } from '../request.ts';
import {
  attemptCookie,
  attempts,
  cookieOf,
  cookiesOf,
  expired,
  packed,
  sessionCookie,
  setCookie,
  unpacked,
} from './cookies.ts';
import { smallPage } from './layout.ts';

/** Where somebody begins to sign in. */
export const signInPath = '/sign-in';
/** Where browsers come back to, from the identity provider and from services: to be registered there. */
export const callbackPath = '/callback';
const signOutPath = '/sign-out';
const signedOutPath = '/signed-out';

/** What signing in needs of the console. */
export interface SignInSetting extends CredentialSetting, IssuerDoor {
  environment: Environment;
  record: RecordLog;
  current(): Promise<Reviewed>;
  /** Throws where too many sign in from one network. */
  withinSignIns(network: string): void;
}

/** How long a person may take at the provider, and how many attempts a browser has open at once. */
const attemptSeconds = 10 * 60;
const mostAttempts = 4;
/** A page is read for longer than a command runs; what proves the person ends it earlier where it ends itself. */
const sessionSeconds = 60 * 60;
/** How long what a provider says of itself counts. */
const providerForMs = 10 * 60_000;

const attempt = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  to: z.string(),
  acr: z.array(z.string()),
  maxAge: z.nullable(z.string()),
});
type Attempt = z.output<typeof attempt>;

/** Lets browsers sign in and out. */
export function serveSignIn(
  app: Hono<RequestVariables>,
  setting: SignInSetting,
  isOwnForm: (c: Context<RequestVariables>) => Promise<boolean>,
): void {
  const { origin } = setting;
  const providers = rememberedFor<Promise<SsoProvider>>({ forMs: providerForMs, most: 10 });
  const providerOf = async (identity: SsoIdentity) => {
    const known = providers.get(identity.issuer);
    if (known !== undefined) return await known;
    const found = setting.fetch().then((fetch) => findProvider(identity, fetch, setting.stores.issuerKeys));
    providers.set(identity.issuer, found);
    found.catch(() => providers.delete(identity.issuer));
    return await found;
  };

  const requestOf = async (
    { configuration }: Reviewed,
    { acr, maxAge }: Pick<Attempt, 'acr' | 'maxAge'>,
  ): Promise<RedirectedSignIn> => {
    const { identity } = configuration.interface;
    if (identity.mode !== 'sso') throw new AppError('usage', 'nobody signs in here');
    const wanted = { ...(acr.length > 0 && { acr }), ...(maxAge !== null && { max_age: maxAge }) };
    return {
      identity,
      // The keys of the console are asked for again where a token names a new one.
      provider: { ...(await providerOf(identity)), keys: setting.keysOf(identity) },
      allowLoopbackHttp: setting.environment.MAI_ALLOW_LOOPBACK_HTTP === '1',
      fetch: await setting.fetch(),
      redirectUri: `${origin}${callbackPath}`,
      requirement: allOf([identity.require, wanted]),
    };
  };

  const notFromHere = () => new AppError('not_allowed', 'that is not how somebody comes to this page');

  app.get(signInPath, async (c) => {
    if (judgeVisit(c.req.raw.headers, origin) !== undefined) throw notFromHere();
    setting.withinSignIns(c.env.origin.network);
    const query = new URL(c.req.url).searchParams;
    const maxAge = query.get('max_age');
    const asked = {
      acr: query.getAll('acr').slice(0, 8),
      maxAge: /^[1-9][0-9]{0,5}[smhd]$/.test(maxAge ?? '') ? maxAge : null,
    };
    const { to, kept } = await leaveForProvider(await requestOf(await setting.current(), asked));
    const open = cookiesOf(c).filter(([name]) => name.startsWith(attempts));
    // A page elsewhere could begin as many as it likes, and a browser with too many cookies is not heard any more.
    if (open.length >= mostAttempts) for (const [name] of open) expired(c, name);
    const value: Attempt = { ...kept, to: ownPath(query.get('to')), ...asked };
    setCookie(c, attemptCookie(kept.state), packed(value), { seconds: attemptSeconds });
    return c.redirect(to.href, 303);
  });

  app.get(callbackPath, async (c) => {
    if (judgeVisit(c.req.raw.headers, origin) !== undefined) throw notFromHere();
    setting.withinSignIns(c.env.origin.network);
    const { search, searchParams } = new URL(c.req.url);
    const name = attemptCookie(searchParams.get('state') ?? '');
    const kept = unpacked(cookieOf(c, name), attempt);
    if (kept === undefined || !isAnswerTo(kept, search.slice(1))) {
      throw new AppError('sign_in_needed', 'this browser has begun no sign-in that this is the answer to', {
        hint: 'it may have taken longer than ten minutes: sign in again',
      });
    }
    expired(c, name);
    const reviewed = await setting.current();
    const request = await requestOf(reviewed, kept);
    const { identity } = request;
    // It is in the record before the code is exchanged, and who it was after (P7).
    const { record } = setting;
    const nobody = {
      note() {},
      detail() {},
      warn() {},
      event() {},
      command() {},
      wait: () => ({ at() {}, done() {} }),
    };
    const recorder = recorderOf(
      recording({ record: async () => record, tell: nobody, secrets: async () => undefined, afterwards() {} }),
      { kind: 'unproven', account: undefined },
    );
    const caller = await recorder.act(
      {
        act: 'sign_in.obtain',
        target: { kind: 'sign_in', id: undefined, label: identity.client_id },
        server: identity.issuer,
      },
      async () => {
        const claims = await comeBack(request, kept, search.slice(1));
        const proven = callerFrom(identity, claims, claims.exp ?? 0);
        await requireStill(setting, reviewed.configuration, proven);
        return proven;
      },
      ({ principal: { issuer, subject, label, assurance } }) => ({
        proved: {
          kind: 'person',
          proof: 'sso',
          issuer,
          subject,
          label,
          ...(assurance !== undefined && signInOf(assurance)),
        },
      }),
    );
    const opening = { thumbprint: sessionCookie, until: caller.expiresAt, most: sessionSeconds };
    const { token, seconds } = await setting.sessions.open(caller, opening);
    const before = cookieOf(c, sessionCookie);
    if (before !== undefined) await setting.sessions.end(before);
    setCookie(c, sessionCookie, token, { seconds });
    // Whoever could put the cookie there could as well have written another place.
    return c.redirect(ownPath(kept.to), 303);
  });

  app.post(signOutPath, async (c) => {
    if (!(await isOwnForm(c))) throw notFromHere();
    await setting.sessions.end(cookieOf(c, sessionCookie) ?? '');
    expired(c, sessionCookie);
    return c.redirect(signedOutPath, 303);
  });

  app.get(signedOutPath, async (c) => {
    const { identity } = (await setting.current()).configuration.interface;
    const issuer = identity.mode === 'sso' ? identity.issuer : '';
    const page = await smallPage({
      look: 'ok',
      title: 'You are signed out',
      content: html`<p class="next">Nobody is signed in at this console in this browser. At ${quote(issuer)} you may still be: on a computer that is not yours, sign out there as well.</p>
<div class="actions"><a class="button primary" href="${signInPath}">Sign in</a></div>`,
    });
    return c.html(page, 200);
  });
}

/** A path of this console, and of nowhere else. */
function ownPath(to: string | null): string {
  const base = 'http://console.invalid';
  if (to === null || !to.startsWith('/') || !isUrl(`${base}${to}`)) return '/';
  const { origin, pathname, search } = new URL(`${base}${to}`);
  return origin === base && !pathname.startsWith('//') ? `${pathname}${search}`.slice(0, 1_000) : '/';
}
