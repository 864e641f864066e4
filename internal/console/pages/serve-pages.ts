/**
 * The door of the pages. A browser is known by a cookie, and that counts here alone: the interface of commands takes none, and
 * pages take nothing else. Each request goes this way:
 *
 * 1. where it comes from: a page is gone to, a form comes from a page of ours, a stream from our script
 * 2. who it is, whether that still proves them, and whether they have the role
 * 3. how often
 * 4. of a form: whether it is of this very browser, and was not sent before
 *
 * What a page then does, it has use-cases do, each with its own role.
 */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { deferred } from '../../async/deferred.ts';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { judgeAct, judgeSignOfLife, judgeVisit } from '../../page/request-origin.ts';
import { buttons } from '../../page/services-page.ts';
import { isSame } from '../../secret/same.ts';
import { BetterSignInNeeded } from '../better-sign-in.ts';
import { type Caller, type CredentialSetting, requireStill } from '../credentials.ts';
import type { Reviewed } from '../current-configuration.ts';
import type { Asking, WireError } from '../protocol.ts';
import { type Reachable, reachableUseCases } from '../reach.ts';
import { rememberedFor } from '../remembered.ts';
import type { RequestVariables } from '../request.ts';
import { rolesOf } from '../roles.ts';
import type { Run } from '../run.ts';
import { cookieOf, expired, formTokenOf, sessionCookie, setCookie } from './cookies.ts';
import { type Entry, framed } from './layout.ts';
import type { Asked, Audience, PageAnswer, PageRoute, Performed, Said, UseCaseName } from './page.ts';
import { type SignInSetting, serveSignIn, signInPath } from './sign-in.ts';
import { pages } from './table.ts';

/** A run that a page begins. */
export interface Opening {
  id: string;
  caller: Caller;
  useCase: Reachable;
  request: unknown;
  asking: Asking;
  returnsTo?: URL | undefined;
}

/** What the door has of the console. */
export interface PagesSetting extends CredentialSetting, SignInSetting {
  version: string;
  current(): Promise<Reviewed>;
  /** Throws what is in the way of somebody proven: a role, or that they are not let in any more. */
  requireAdmitted(caller: Caller, audience: Audience, reviewed: Reviewed): Promise<void>;
  /** Begins a run, with the role that its use-case needs. Throws what a command would hear. */
  open(opening: Opening): Promise<Run>;
  /** A new name for a run. */
  nameOf(): string;
  /** Throws where somebody asks too often. */
  within(caller: Caller): void;
  fail(c: Context<RequestVariables>, error: AppError, status?: number): Promise<Response>;
  bounded: MiddlewareHandler;
}

/** What a browser says again within this time was said before. */
const onceForMs = 60 * 60_000;
const mostForms = 100_000;
/** What a page says at most of what was done, in a cookie. */
const longestSaid = 1_500;
const saidCookie = 'said';

/** Whether an address is one of pages: what is not, is answered as JSON. */
export function isOfPages(path: string): boolean {
  return !/^\/(v1|health|metrics)(\/|$)/.test(path);
}

/** Lets the pages be there. */
export function servePages(app: Hono<RequestVariables>, setting: PagesSetting): void {
  const { origin } = setting;
  const useCases = new Map(reachableUseCases().map((each) => [each.name, each]));
  /** What the forms that were sent have come to. */
  const acts = rememberedFor<Promise<PageAnswer | undefined>>({ forMs: onceForMs, most: mostForms });

  /** Whoever's browser it is. Throws `sign_in_needed` and what {@link requireStill} throws. */
  const callerOf = async (c: Context<RequestVariables>, { configuration }: Reviewed) => {
    const cookie = cookieOf(c, sessionCookie);
    const session = cookie === undefined ? undefined : await setting.sessions.find(cookie);
    if (cookie === undefined || session === undefined || session.thumbprint !== sessionCookie) {
      throw new AppError('sign_in_needed', 'nobody is signed in in this browser, or not any more');
    }
    await requireStill(setting, configuration, session);
    return { caller: session, cookie };
  };

  const toSignIn = (c: Context<RequestVariables>) => {
    const { pathname, search } = new URL(c.req.url);
    return c.redirect(`${signInPath}?${new URLSearchParams({ to: `${pathname}${search}` })}`, 303);
  };

  const answered = async (c: Context<RequestVariables>, asked: Asked, path: string, answer: PageAnswer) => {
    if ('raw' in answer) return answer.raw;
    if ('to' in answer) {
      if (answer.said !== undefined) setCookie(c, saidCookie, packed(answer.said), { seconds: 60 });
      return c.redirect(`${answer.to}${answer.said === undefined ? '' : '#said'}`, 303);
    }
    const said = unpacked(cookieOf(c, saidCookie));
    if (cookieOf(c, saidCookie) !== undefined) expired(c, saidCookie);
    const page = await framed({ ...answer, asked, path, said, entries: entriesFor(asked.roles) });
    return c.html(page, answer.status ?? 200);
  };

  /** A form acts once: sent again, it waits for what it has begun and shows what came of it. */
  const once = async (formToken: string, asked: Asked, act: () => Promise<PageAnswer>) => {
    const once = asked.form.get('once');
    const word = `${formToken} ${once}`;
    if (once === undefined) throw new AppError('usage', 'that form is of no page of ours');
    const before = acts.get(word);
    if (before !== undefined) return (await before) ?? again;
    const { promise, resolve } = deferred<PageAnswer | undefined>();
    // Nobody loses an act for want of memory: what it says was sent is also known to the other replicas.
    acts.set(word, promise);
    let answer: PageAnswer | undefined;
    try {
      if (!(await setting.seen.isNew(`form ${word}`, clock.now()))) return again;
      answer = await act();
      return answer;
    } finally {
      resolve(answer);
    }
  };

  const serve = (route: PageRoute) => async (c: Context<RequestVariables>) => {
    const { headers } = c.req.raw;
    const judge = { GET: judgeVisit, POST: judgeAct, stream: judgeSignOfLife }[route.method];
    const refusal = judge(headers, origin);
    if (refusal !== undefined) {
      return await setting.fail(
        c,
        new AppError('not_allowed', 'that did not come from a page of this console'),
        refusal,
      );
    }
    const reviewed = await setting.current();
    let known: Awaited<ReturnType<typeof callerOf>>;
    try {
      known = await callerOf(c, reviewed);
    } catch (error) {
      if (route.method !== 'GET' || !(error instanceof AppError) || error.code !== 'sign_in_needed') throw error;
      return toSignIn(c);
    }
    const { caller, cookie } = known;
    await setting.requireAdmitted(caller, route.audience, reviewed);
    setting.within(caller);
    const formToken = formTokenOf(cookie);
    const form = route.method === 'POST' ? formOf(await c.req.text(), formToken) : new Map<string, string>();
    if (form === undefined) {
      const error = new AppError('not_allowed', 'that form is of another browser or of an earlier sign-in', {
        hint: 'nothing was done: load its page again and press its button there',
      });
      return await setting.fail(c, error);
    }
    const asked = askedBy(c, { caller, reviewed, formToken, form });
    const act = () => route.answer(asked);
    return await answered(
      c,
      asked,
      c.req.path,
      route.method === 'POST' ? await once(formToken, asked, act) : await act(),
    );
  };

  const askedBy = (
    c: Context<RequestVariables>,
    {
      caller,
      reviewed,
      formToken,
      form,
    }: { caller: Caller; reviewed: Reviewed; formToken: string; form: ReadonlyMap<string, string> },
  ): Asked => {
    const { configuration } = reviewed;
    const roles = rolesOf(caller.principal, configuration);
    const useCaseOf = (name: UseCaseName): Reachable => {
      const found = useCases.get(name);
      if (found === undefined) throw new Error(`a page performs ${name}, which no console does`);
      return found;
    };
    const begin: Asked['begin'] = async (name, request, { interactive = false } = {}) => {
      const id = setting.nameOf();
      const asking: Asking = {
        // What commands of a page would be typed as is in no words that a page shows.
        executable: 'service-connection',
        version: setting.version,
        interactive,
        byCode: false,
        signedInNow: false,
      };
      const useCase = useCaseOf(name);
      const returnsTo = new URL('/callback', origin);
      return { id, run: await setting.open({ id, caller, useCase, request, asking, returnsTo }) };
    };
    return {
      principal: caller.principal,
      roles,
      configuration,
      parts: c.req.param() as Record<string, string>,
      query: new URL(c.req.url).searchParams,
      form,
      buttons: buttons(formToken),
      may: (name) => roles.has(useCaseOf(name).role),
      begin,
      perform: async (name, request) => await ended((await begin(name, request)).run),
    };
  };

  for (const route of pages) {
    const method = route.method === 'stream' ? 'GET' : route.method;
    app.on(method, route.path, setting.bounded, serve(route));
  }
  app.get(
    '/',
    serve({
      method: 'GET',
      path: '/',
      audience: 'proven',
      async answer({ roles }) {
        const [first] = entriesFor(roles);
        if (first !== undefined) return { to: first.path };
        throw new AppError('not_allowed', 'you are signed in, and no role of this console is yours', {
          hint: 'ask whoever reviews people.roles in config/interface.yaml',
        });
      },
    }),
  );
  serveSignIn(app, setting, async (c) => {
    const cookie = cookieOf(c, sessionCookie);
    if (judgeAct(c.req.raw.headers, origin) !== undefined || cookie === undefined) return false;
    return formOf(await c.req.text(), formTokenOf(cookie)) !== undefined;
  });
}

/** What a form that came a second time leads to where nobody here knows what came of the first. */
const again: PageAnswer = {
  to: '/',
  said: { look: 'plain', title: 'That was sent already', lines: ['It was not done a second time.'] },
};

/** Where somebody may go. */
function entriesFor(roles: Asked['roles']): Entry[] {
  return pages.flatMap(({ path, inNavigation, audience }) =>
    inNavigation !== undefined && (audience === 'proven' || audience.some((role) => roles.has(role)))
      ? [{ path, words: inNavigation }]
      : [],
  );
}

/** What a form says that is of this browser; undefined for any other, and for one that says something twice. */
function formOf(text: string, formToken: string): ReadonlyMap<string, string> | undefined {
  const form = new URLSearchParams(text);
  const said = new Map(form);
  const isSingle = said.size === [...form].length;
  return isSingle && isSame(said.get('token') ?? '', formToken) ? said : undefined;
}

/** Reads a run to its end. */
async function ended<Result>({ lines }: Run): Promise<Performed<Result>> {
  const warnings: string[] = [];
  let result: { of: Result } | undefined;
  for await (const line of lines) {
    if (line.kind === 'warn') warnings.push(line.text);
    if (line.kind === 'result') result = { of: line.result as Result };
    if (line.kind === 'error') throw errorOf(line.error);
  }
  if (result === undefined) throw new Error('a run ended with neither a result nor an error');
  return { result: result.of, warnings };
}

/** An error that a run has said. */
function errorOf({ code, message, hint, requirement }: WireError): AppError {
  const error = new AppError(code, message, typeof hint === 'string' ? { hint } : {});
  if (requirement === undefined) return error;
  const { acr, amr, max_age: age } = requirement;
  return new BetterSignInNeeded(error, {
    ...(acr !== undefined && { acr }),
    ...(amr !== undefined && { amr }),
    ...(age !== undefined && { max_age: age }),
  });
}

function packed(said: Said): string {
  const whole = Buffer.from(JSON.stringify(said)).toString('base64url');
  if (whole.length <= longestSaid) return whole;
  return packed({ ...said, title: said.title.slice(0, 200), lines: (said.lines ?? []).slice(0, -1) });
}

/** What the page before said; a cookie of another form says nothing. */
function unpacked(cookie: string | undefined): Said | undefined {
  if (cookie === undefined) return undefined;
  try {
    const said = JSON.parse(Buffer.from(cookie, 'base64url').toString()) as Partial<Said> | null;
    const isSaid =
      typeof said?.title === 'string' &&
      ['ok', 'warn', 'bad', 'plain'].includes(said.look ?? '') &&
      (said.lines === undefined || (Array.isArray(said.lines) && said.lines.every((line) => typeof line === 'string')));
    return isSaid ? (said as Said) : undefined;
  } catch {
    return undefined;
  }
}
