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
import type { Context, Hono, HonoRequest, MiddlewareHandler } from 'hono';
import { html } from 'hono/html';
import type * as z from 'zod/mini';
import { deferred } from '../../async/deferred.ts';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { withMissingGroups } from '../../identity/principal.ts';
import { shown } from '../../markup/document.ts';
import { judgeAct, judgeSignOfLife, judgeVisit } from '../../page/request-origin.ts';
import { buttons } from '../../page/services-page.ts';
import { isSame } from '../../secret/same.ts';
import { sha256 } from '../../text/canonical.ts';
import { isUrl } from '../../text/url.ts';
import { type Caller, type CredentialSetting, personOf, requireStill } from '../credentials.ts';
import type { Reviewed } from '../current-configuration.ts';
import type { Receiver } from '../peers.ts';
import type { AnswerBody, Asking } from '../protocol.ts';
import { executableOf, type Reachable, reachableUseCases } from '../reach.ts';
import { rememberedFor } from '../remembered.ts';
import type { RequestVariables } from '../request.ts';
import { rolesOf } from '../roles.ts';
import type { Run } from '../run.ts';
import { ended } from '../said.ts';
import { awayCookie, cookieOf, expired, formTokenOf, packed, sessionCookie, setCookie, unpacked } from './cookies.ts';
import { flowElsewhere, openFlows } from './flows.ts';
import { latest } from './lately.ts';
import { type Entry, framed, smallPage } from './layout.ts';
import {
  type Asked,
  type Audience,
  type Away,
  away,
  type FoundLately,
  type PageAnswer,
  type PageRoute,
  type Said,
  said,
  type UseCaseName,
} from './page.ts';
import { callbackPath, type SignInSetting, serveSignIn, signInPath } from './sign-in.ts';
import { openStreams } from './streams.ts';
import { pages } from './table.ts';

/** A run that a page begins. */
export interface Opening {
  id: string;
  caller: Caller;
  useCase: Reachable;
  request: unknown;
  asking: Asking;
  returnsTo?: URL | undefined;
  /** A look that is had again and again says nothing in the journal where it went well. */
  isLook?: boolean;
}

/** What the door has of the console. */
export interface PagesSetting extends CredentialSetting, SignInSetting {
  version: string;
  current(): Promise<Reviewed>;
  /** Throws what is in the way of somebody proven: a role, or that they are not let in any more. */
  requireAdmitted(caller: Caller, audience: Audience, reviewed: Reviewed): Promise<void>;
  /** Begins a run, with the role that its use-case needs. Throws what a command would hear. */
  open(opening: Opening): Promise<Run>;
  /** Where a run of somebody's own stands that the pages of another replica follow; undefined where none does. */
  look(caller: Caller, run: string): Promise<unknown>;
  /** Gives something to a run of somebody's own, wherever that is: an answer, or word that it is to end. */
  hand(caller: Caller, run: string, answer?: { question: number; body: AnswerBody }): Promise<boolean>;
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
/** How old what a page shows with its time may be, and how much of it is remembered. */
const [healthForMs, mostHealths] = [60 * 60_000, 50_000];
const [peopleForMs, mostLists] = [10 * 60_000, 200];
/** What a page says at most of what was done, in a cookie. */
const longestSaid = 1_500;
const saidCookie = 'said';
/** How long somebody may take at a service: a run waits no longer. */
const awaySeconds = 10 * 60;

const notFromHere = () => new AppError('not_allowed', 'that is not how somebody comes to this page');

/** Whether an address is one of pages: what is not, is answered as JSON. */
export function isOfPages(path: string): boolean {
  return !/^\/(v1|health|metrics)(\/|$)/.test(path);
}

/** The page that a request is for, or that its form was on: a path of this console, and of nowhere else. */
export function pageOf(request: HonoRequest, origin: string): string {
  const { method, url } = request;
  const from = method === 'GET' ? url : request.header('referer');
  if (from === undefined || !isUrl(from)) return '/';
  const { origin: of, pathname, search } = new URL(from);
  // A way back that was answered once leads nowhere a second time. Behind a proxy the address of a request has its own scheme.
  const isOurs = method === 'GET' || of === origin;
  if (!isOurs || pathname === callbackPath) return '/';
  // What a way to a service has come to it says once.
  return pathname.startsWith('/connecting/') ? '/connections' : `${pathname}${search}`;
}

/** Lets the pages be there. What other replicas ask for is shown by what this gives. */
export function servePages(app: Hono<RequestVariables>, setting: PagesSetting): Pick<Receiver, 'show'> {
  const { origin } = setting;
  const useCases = new Map(reachableUseCases().map((each) => [each.name, each]));
  const flows = openFlows();
  const lately: FoundLately = { health: latest(healthForMs, mostHealths), people: latest(peopleForMs, mostLists) };
  const enter = openStreams();
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
    if ('raw' in answer) {
      // Nobody reads what a HEAD would have had, and what it comes from would go on for nobody.
      if (c.req.method === 'HEAD') await answer.raw.body?.cancel();
      return answer.raw;
    }
    if ('away' in answer) return await leave(c, answer.away);
    if ('to' in answer) {
      if (answer.said !== undefined) setCookie(c, saidCookie, packedSaid(answer.said), { seconds: 60 });
      return c.redirect(answer.said === undefined ? answer.to : `${answer.to.replace(/#.*/, '')}#said`, 303);
    }
    const kept = cookieOf(c, saidCookie);
    if (kept !== undefined) expired(c, saidCookie);
    const page = await framed({
      ...answer,
      asked,
      path,
      said: unpacked(kept, said),
      entries: entriesFor(asked.roles),
    });
    return c.html(page, answer.status ?? 200);
  };

  /** A page that goes on by itself: what a form leads to may go nowhere but here. */
  const leave = async (c: Context<RequestVariables>, { to, title, run, question, back }: Away) => {
    const state = to.searchParams.get('state') ?? '';
    const kept = { run, question, back } satisfies z.output<typeof away>;
    setCookie(c, awayCookie(state), packed(kept), { seconds: awaySeconds });
    const page = await smallPage({
      look: 'plain',
      title: `Going to ${title}`,
      content: html`<p class="next">You allow access there, and come back here.</p>
<div class="actions"><a class="button primary" href="${to.href}">Continue at ${shown(title)}</a><a class="button" href="${back}">Back</a></div>`,
      refresh: { seconds: 0, to },
    });
    return c.html(page);
  };

  /** Who comes back from a service brings the answer to the question of a run that waits. */
  app.get(callbackPath, async (c, next) => {
    const { search, searchParams, href } = new URL(c.req.url);
    const name = awayCookie(searchParams.get('state') ?? '');
    const kept = unpacked(cookieOf(c, name), away);
    if (kept === undefined) return await next();
    if (judgeVisit(c.req.raw.headers, origin) !== undefined) throw notFromHere();
    const { caller } = await callerOf(c, await setting.current());
    setting.within(caller);
    expired(c, name);
    const { run, question, back } = kept;
    // Where nothing is asked any more, the page says what it has come to.
    if (search !== '') await setting.hand(caller, run, { question, body: { address: href } });
    return c.redirect(back, 303);
  });

  /** A form acts once: sent again, it waits for what it has begun and shows what came of it. */
  const once = async (formToken: string, asked: Asked, act: () => Promise<PageAnswer>) => {
    const once = asked.form.get('once');
    // Whatever a form says, it is remembered as something short.
    const word = sha256(`${formToken} ${once}`);
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
    const leave = route.method === 'stream' ? enter(personOf(caller)) : () => {};
    const act = async () => {
      try {
        const answer = await route.answer(asked);
        if ('raw' in answer && answer.over?.aborted === false) answer.over.addEventListener('abort', leave);
        else leave();
        return answer;
      } catch (error) {
        leave();
        throw error;
      }
    };
    return await answered(
      c,
      asked,
      c.req.path,
      route.method === 'POST' && route.changesNothing !== true ? await once(formToken, asked, act) : await act(),
    );
  };

  const elsewhere = (id: string, caller: Caller) => flowElsewhere(id, () => setting.look(caller, id));

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
    const begin: Asked['begin'] = async (name, request, { interactive = false, isLook = false } = {}) => {
      const id = setting.nameOf();
      const asking: Asking = {
        executable: executableOf(name),
        version: setting.version,
        interactive,
        byCode: false,
        signedInNow: false,
      };
      const useCase = useCaseOf(name);
      const returnsTo = new URL(callbackPath, origin);
      return { id, run: await setting.open({ id, caller, useCase, request, asking, returnsTo, isLook }) };
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
      flows: {
        async begin(name, request, about) {
          const { id, run } = await begin(name, request, { interactive: true });
          return flows.follow(id, about, run);
        },
        find: async (id) => flows.find(id, caller.principal) ?? (await elsewhere(id, caller)),
        answer: async (id, question, body) => await setting.hand(caller, id, { question, body }),
        end: async (id) => await setting.hand(caller, id),
      },
      lately,
      perform: async (name, request, how) => await ended((await begin(name, request, how)).run),
      requireStill: async () => void (await callerOf(c, await setting.current())),
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
      async answer({ roles, principal }) {
        const [first] = entriesFor(roles);
        if (first !== undefined) return { to: first.path };
        throw new AppError('not_allowed', 'you are signed in, and no role of this console is yours', {
          hint: withMissingGroups(principal, 'ask whoever reviews people.roles in config/interface.yaml'),
        });
      },
    }),
  );
  serveSignIn(app, setting, async (c) => {
    const cookie = cookieOf(c, sessionCookie);
    if (judgeAct(c.req.raw.headers, origin) !== undefined || cookie === undefined) return false;
    return formOf(await c.req.text(), formTokenOf(cookie)) !== undefined;
  });
  return { show: ({ run, person }) => flows.find(run, person)?.shown() };
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

function packedSaid(given: Said): string {
  const whole = packed(given);
  if (whole.length <= longestSaid) return whole;
  const lines = given.lines ?? [];
  return packedSaid({
    ...given,
    title: given.title.slice(0, 200),
    lines: lines.slice(0, -1).map((line) => line.slice(0, 400)),
  });
}
