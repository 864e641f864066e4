/**
 * The routes of the page of buttons. A GET changes nothing, so that a reload, the back button or a link from elsewhere
 * cannot; a POST comes from a form of ours, in the browser that was let in, or has no effect:
 *
 * 1. the path begins with a word that no other page knows
 * 2. the cookie opens a session, and with it the controller of one person
 * 3. origin and fetch metadata are those of this page
 * 4. the body is a small form, and its token is the session's
 */

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { setCookie } from 'hono/cookie';
import { deferred } from '../async/deferred.ts';
import type { Service } from '../config/definitions.ts';
import { connectable } from '../config/lookup.ts';
import { callbackPage } from '../markup/callback-page.ts';
import { style } from '../markup/style.ts';
import { type Intruder, strangerAmong } from '../oauth/start.ts';
import type { Handler } from '../outside/page-listener.ts';
import type { Peer } from '../outside/peer.ts';
import { isSame } from '../secret/same.ts';
import { sha256 } from '../text/canonical.ts';
import type { Flow } from './flow.ts';
import type { OpenTabs } from './open-tabs.ts';
import { pageScript } from './page-script.ts';
import { judgeAct, judgeSignOfLife, judgeVisit } from './request-origin.ts';
import type { ServicesController } from './services-controller.ts';
import { servicesPage, whatItWaitsFor } from './services-page.ts';
import type { Session, Sessions } from './sessions.ts';
import {
  contestedPage,
  disconnectPage,
  endPage,
  questionPage,
  type RefusalStatus,
  refusalPage,
  strangerPage,
  waitingPage,
} from './small-pages.ts';

/** What the routes need. Whose page it is comes with each request, from its session. */
export interface AppSetting {
  /** `http://127.0.0.1:<port>`. */
  origin: string;
  /** Begins and ends with a slash. */
  path: string;
  sessions: Sessions<Promise<ServicesController>>;
  tabs: OpenTabs;
  /** Whether other accounts may have read an invitation. */
  isPublic(): boolean;
  /** Somebody is there in place of the browser that was let in. */
  contested(who: Intruder): void;
  /** Whether that, or the same at a service, has happened: from then on everybody is told so. */
  isContested(): boolean;
  /** One of them was told. */
  told(): void;
  /** Something that nobody at a page can mend. */
  broken(error: unknown): void;
  /** Somebody is finished. */
  end(): void;
}

type Variables = {
  Bindings: { peer: Peer };
  Variables: { session: Session<Promise<ServicesController>>; controller: ServicesController; form: URLSearchParams };
};

const cookieName = 'page';
const largestBody = 4 * 1024;
/** How long a request waits for what happens next before it shows a page that asks again. */
const waitMs = 10_000;
/** How long a sign-in may take to get its address: discovery and registration have time limits of their own. */
const startMs = 120_000;
/** Where a page says what was done last: whoever gets there is read that first. */
const said = '#said';
/** How many forms are remembered as sent: more than anybody has open. */
const mostActs = 1_000;

async function nothingHere(): Promise<Response> {
  const words = { 'content-type': 'text/html; charset=UTF-8' };
  return new Response(await refusalPage(404), { status: 404, headers: words });
}

const hashOf = (text: string) => `'sha256-${sha256(text, 'base64')}'`;

/**
 * Nothing is loaded but what is in the page. Forms go to this page, which sends the browser on to a service; browsers
 * hold every step of that way against `form-action`, and the last one is the callback on this machine.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(pageScript)}`,
  "connect-src 'self'",
  "form-action 'self' https: http://127.0.0.1:* http://localhost:*",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Not `no-referrer`: with it, browsers say `Origin: null` for our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

/** Makes the handler of all requests. */
export function pageApp({
  origin,
  path,
  sessions,
  tabs,
  isPublic,
  isContested,
  contested,
  told,
  broken,
  end,
}: AppSetting): Handler {
  const app = new Hono<Variables>({ strict: true, getPath: ({ url }) => new URL(url).pathname.slice(path.length - 1) });
  const refuse = async (c: Context, status: RefusalStatus) => c.html(await refusalPage(status), status);
  /** What the forms that were sent have begun, by their own word. */
  const acts = new Map<string, Promise<void>>();
  /** Each time another address: some browsers show again what they have of one that they know, whatever they are told. */
  let times = 0;
  const back = (c: Context, to: '' | 'flow' = '', part: '' | typeof said = '') => {
    times += 1;
    return c.redirect(`${path}${to}?${times}${part}`, 303);
  };
  const leave = (c: Context, flow: Flow, start: () => URL) => {
    flow.moveTo({ kind: 'at the service', start });
    return c.redirect(start().href, 303);
  };
  app.notFound((c) => refuse(c, 404));
  app.onError(async (error, c) => {
    broken(error);
    return await refuse(c, 500);
  });

  /** The session of a request; none where two cookies claim to be it, which no browser of ours would send. */
  const sessionOf = (c: Context) => {
    const values = [...(c.req.header('cookie') ?? '').matchAll(/(?:^|;\s*)page=([^;]*)/g)].map(
      ([, value = '']) => value,
    );
    return values.length === 1 ? sessions.find(values[0] ?? '') : undefined;
  };

  const contest = async (c: Context, who: Intruder) => {
    if (!isContested()) contested(who);
    return await tell(c);
  };
  const tell = async (c: Context) => {
    const page = await contestedPage();
    told();
    return c.html(page, 403);
  };

  app.use(async (c, next) => (isContested() ? await tell(c) : await next()));

  app.get('/enter', async (c) => {
    if (judgeVisit(c.req.raw.headers, origin) !== undefined) return await refuse(c, 403);
    const invitation = c.req.query('once') ?? '';
    const stranger = strangerAmong(c.env.peer, { isPublic: isPublic() });
    if (stranger !== undefined) {
      return sessions.isInvitation(invitation) ? await contest(c, stranger) : c.html(await strangerPage(), 403);
    }
    if (sessionOf(c) !== undefined) return c.redirect(path, 303);
    const entered = sessions.enter(invitation);
    if (entered === 'used before') return await contest(c, { kind: 'a second visit' });
    if (entered === undefined) return c.html(await strangerPage(), 403);
    tabs.seen();
    setCookie(c, cookieName, entered.cookie.reveal(), { httpOnly: true, sameSite: 'Lax', path });
    return c.redirect(path, 303);
  });

  app.use(async (c, next) => {
    // The cookie is a secret; that it is brought by our own account is one thing more to steal.
    const session = c.env.peer.kind === 'other' ? undefined : sessionOf(c);
    if (session === undefined) {
      return c.req.method === 'GET' && c.req.path === '/' ? c.html(await strangerPage(), 403) : refuse(c, 403);
    }
    tabs.seen();
    c.set('session', session);
    // The person may still be signing in, in this very browser; where that fails, the terminal says why.
    const controller = await session.opened.catch(() => undefined);
    if (controller === undefined) return c.html(await callbackPage({ ok: false, title: 'You are not signed in' }));
    c.set('controller', controller);
    return await next();
  });

  app.get('/here', async (c) => {
    const refusal = judgeSignOfLife(c.req.raw.headers, origin);
    if (refusal !== undefined) return await refuse(c, refusal);
    return c.body(tabs.holdOpen(), 200, { 'content-type': 'text/event-stream' });
  });

  /** Whether a sign-in that a page waits for has moved on: 204 where that page has to be left, else the words for it. */
  app.get('/stage', async (c) => {
    const refusal = judgeSignOfLife(c.req.raw.headers, origin);
    if (refusal !== undefined) return await refuse(c, refusal);
    const stage = c.var.controller.flow()?.stage();
    const moves = stage === undefined || ['leaving', 'asking', 'over'].includes(stage.kind);
    return moves ? c.body(null, 204) : c.text(whatItWaitsFor(stage));
  });

  /** Everything else is a page that is gone to, or a form that is sent. */
  app.use(async (c, next) => {
    const refusal =
      c.req.method === 'POST' ? judgeAct(c.req.raw.headers, origin) : judgeVisit(c.req.raw.headers, origin);
    return refusal === undefined ? await next() : await refuse(c, refusal);
  });

  const serviceOf = (controller: ServicesController, name: string | null | undefined): Service | undefined =>
    controller.run.configuration.services.get(name ?? '');

  app.get('/', async (c) =>
    c.html(await servicesPage(c.var.controller, await c.var.controller.view(), c.var.session.formToken)),
  );

  app.get('/flow', async (c) => {
    const { controller, session } = c.var;
    const flow = controller.flow();
    if (flow === undefined) return back(c, '', said);
    const stage = await flow.until(['leaving', 'at the terminal', 'asking', 'over'], waitMs);
    if (stage.kind === 'over') return back(c, '', said);
    if (stage.kind === 'leaving') return leave(c, flow, stage.start);
    const title = serviceOf(controller, flow.serviceName)?.title ?? flow.serviceName;
    if (stage.kind === 'asking') return c.html(await questionPage(title, stage, session.formToken));
    return c.html(await waitingPage(title, flow, session.formToken));
  });

  app.get('/disconnect', async (c) => {
    const { controller, session } = c.var;
    const service = serviceOf(controller, c.req.query('service'));
    if (service === undefined) return await refuse(c, 404);
    const { services } = await controller.view();
    const connection = services.find((each) => each.service === service)?.state?.connection;
    // The browser's way back leads here when it was answered long ago: there is nothing to ask any more.
    if (connection === undefined) return back(c, '', said);
    return c.html(await disconnectPage(service, connection, session.formToken));
  });

  app.post('*', bodyLimit({ maxSize: largestBody, onError: (c) => refuse(c, 413) }), async (c, next) => {
    const form = new URLSearchParams(await c.req.text());
    const single = [...new Set(form.keys())].every((name) => form.getAll(name).length === 1);
    if (!single || !isSame(form.get('token') ?? '', c.var.session.formToken)) return await refuse(c, 403);
    c.set('form', form);
    // A form acts once: pressed again, it waits for what it has begun and shows what came of it.
    const once = form.get('once');
    if (once === null || c.req.path === '/connect') return await next();
    const before = acts.get(once);
    if (before !== undefined) {
      await before;
      return c.var.controller.flow() === undefined ? back(c, '', said) : back(c, 'flow');
    }
    const act = deferred();
    acts.set(once, act.promise);
    const [oldest] = acts.keys();
    if (acts.size > mostActs && oldest !== undefined) acts.delete(oldest);
    return await next().finally(act.resolve);
  });

  const connect = async (c: Context, controller: ServicesController, service: Service) => {
    // Another one is under way: the page says which, and lets it be cancelled.
    times += 1;
    const flow = controller.connect(service, new URL(`${path}flow?${times}`, origin));
    if (flow === undefined) return back(c);
    const stage = await flow.until(
      ['leaving', 'at the terminal', 'at the service', 'finishing', 'asking', 'over'],
      startMs,
    );
    return stage.kind === 'leaving' || stage.kind === 'at the service' ? leave(c, flow, stage.start) : back(c, 'flow');
  };

  app.post('/connect', async (c) => {
    const service = serviceOf(c.var.controller, c.var.form.get('service'));
    if (service === undefined) return await refuse(c, 404);
    return await connect(c, c.var.controller, service);
  });

  app.post('/answer', async (c) => {
    const { controller, form } = c.var;
    const [answer, question] = [form.get('answer'), form.get('question')];
    if ((answer !== 'yes' && answer !== 'no' && answer !== 'again') || question === null) return await refuse(c, 400);
    const flow = controller.flow();
    const service = serviceOf(controller, flow?.serviceName);
    const taken = flow?.answer(question, answer) === true;
    if (!taken || answer !== 'again' || flow === undefined || service === undefined) return back(c, 'flow');
    await flow.until(['over'], startMs);
    return await connect(c, controller, service);
  });

  app.post('/cancel', async (c) => {
    const flow = c.var.controller.flow();
    flow?.cancel();
    await flow?.until(['over'], waitMs);
    return back(c, '', said);
  });

  app.post('/check', async (c) => {
    const { controller, form } = c.var;
    const name = form.get('service');
    const service = serviceOf(controller, name);
    if (name !== null && service === undefined) return await refuse(c, 404);
    await controller.check(service === undefined ? connectable(controller.run.configuration) : [service]);
    return back(c, '', said);
  });

  app.post('/disconnect', async (c) => {
    const service = serviceOf(c.var.controller, c.var.form.get('service'));
    if (service === undefined) return await refuse(c, 404);
    // A sign-in would put back what is taken out.
    if (c.var.controller.flow()?.serviceName === service.name) return back(c);
    await c.var.controller.disconnect(service);
    return back(c, '', said);
  });

  app.post('/end', async (c) => {
    end();
    return c.html(await endPage());
  });

  return async (request, peer) => {
    const inside = new URL(request.url).pathname.startsWith(path);
    const response = inside ? await app.fetch(request, { peer }) : await nothingHere();
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    return response;
  };
}
