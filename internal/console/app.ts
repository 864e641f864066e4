/**
 * What a console answers. Each request goes the same way: from where it comes, which route it is, who asks, whether they have
 * the role, whether they ask too often, what they ask for. Whatever fails on the way is an answer with an id, and nothing more.
 */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { clock } from '../clock/clock.ts';
import { AppError, asAppError } from '../errors/app-error.ts';
import { type ErrorCode, exitCodeOf } from '../errors/exit-codes.ts';
import { clockMarginOf } from '../identity/assurance.ts';
import { isSamePerson, withMissingGroups } from '../identity/principal.ts';
import type { ConsoleHandler } from '../outside/console-listener.ts';
import { readDelivery } from '../platform/webhook.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Role } from '../run/use-cases.ts';
import type { OffboardPersonRequest } from '../run/values/vaults.ts';
import { beginSecrets, conceal, type Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { type Caller, type CredentialSetting, callerOf, exchange, personOf, requireStill } from './credentials.ts';
import type { CurrentConfiguration, Reviewed } from './current-configuration.ts';
import type { Figures } from './figures.ts';
import { framesOf, type Journal } from './journal.ts';
import { limitEach, TooOften } from './limits.ts';
import { judgeLogoutToken } from './logout-token.ts';
import { openApi } from './open-api.ts';
import { errorPage, pageHeaders } from './pages/layout.ts';
import { NothingThere } from './pages/page.ts';
import { isOfPages, type PagesSetting, pageOf, servePages } from './pages/serve-pages.ts';
import { pages } from './pages/table.ts';
import type { Letter, Peers } from './peers.ts';
import type { PlatformEvents } from './platform-events.ts';
import { answerBody, exchangeGrant, largestRequest, runBody, type Said } from './protocol.ts';
import type { HeardOnce } from './remembered.ts';
import type { RequestVariables } from './request.ts';
import { rolesOf } from './roles.ts';
import { type Admission, paths, type Route, routes } from './routes.ts';
import { beginRun, type Run, type RunSetting, wireError } from './run.ts';
import { type Gone, isMeant, isOf, mayBeSame, signedOutEvent } from './sessions.ts';

/** What a console answers with. */
export interface AppSetting extends CredentialSetting, Omit<RunSetting, 'readAgain'>, Pick<PagesSetting, 'fetch'> {
  configuration: CurrentConfiguration;
  journal: Journal;
  counted: Figures;
  /** What the platform sends, and the keys that it signs with; undefined where it has none. */
  told: { events: PlatformEvents; keys: readonly Secret[] } | undefined;
  /** What others told, so that each counts once. */
  heard: HeardOnce;
  peers: Peers;
  /** Whether the record was seen not to take what it is told. */
  isUnwritable(): boolean;
}

/** A console that answers. */
export interface ConsoleApp {
  handle: ConsoleHandler;
  /** Takes no new runs. Those that wait for a person end; the others are brought to their end. */
  drain(): void;
  /** Ends every run as Ctrl-C does. */
  interruptAll(): void;
  /** Settles when no run is left. */
  idle(): Promise<void>;
}

/** Runs beside each other: of all, and of one person. */
const mostRuns = 500;
const mostRunsOfOne = 20;
const pingMs = 15_000;
/** So long one look at whether somebody was let go is good: a run elsewhere goes on for longer before it hears of that. */
const sameLookMs = 250;
/** A reader that takes nothing for so long is gone. */
const longestSilenceMs = 60_000;

/** Requests of one address, before anybody is anybody; and of one person after. */
const perAddress = { burst: 200, perSecond: 20 };
const perPerson = { burst: 60, perSecond: 5 };
const perExchange = { burst: 30, perSecond: 1 };

/** Nobody interrupts what goes on beside the requests. */
const { signal: never } = new AbortController();

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=63072000',
};

/** The status that says roughly the same as an exit code. */
function statusOf(code: ErrorCode): 400 | 401 | 403 | 409 | 429 | 500 | 502 | 503 {
  if (code === 'sign_in_needed') return 401;
  if (code === 'console_refused' || code === 'database_unavailable') return 503;
  switch (exitCodeOf[code]) {
    case 2:
      return 400;
    case 3:
      return 403;
    case 6:
      return 503;
    case 70:
      return 500;
    case 1:
      return 502;
    default:
      return 409;
  }
}

/** Makes the answers of a console. */
export function consoleApp(setting: AppSetting): ConsoleApp {
  const { origin, journal, configuration, sessions, counted, told, heard, peers } = setting;
  const host = new URL(origin).host;
  const runs = new Map<string, { run: Run; admission: Route['admission'] }>();
  const limits = { address: limitEach(perAddress), person: limitEach(perPerson), exchange: limitEach(perExchange) };
  let draining = false;
  const app = new Hono<RequestVariables>({ strict: true });

  const fail = async (c: Context<RequestVariables>, error: AppError, given?: number): Promise<Response> => {
    const status =
      given ?? (error instanceof TooOften ? 429 : error instanceof NothingThere ? 404 : statusOf(error.code));
    const wire = wireError(error, c.env.id);
    const { code, message, hint, id, requirement } = wire;
    if (error instanceof TooOften) c.header('retry-after', String(error.seconds));
    if (error.code === 'database_unavailable') c.header('retry-after', '2');
    if (isOfPages(c.req.path))
      return c.html(await errorPage({ error: wire, status, from: pageOf(c.req, origin) }), status as 400);
    if (status === 401) c.header('www-authenticate', `DPoP realm="${origin}", Bearer realm="${origin}"`);
    return c.json({ error: { code, message, hint, id, ...(requirement && { requirement }) } }, status as 400);
  };
  /** Throws {@link TooOften}. */
  const within = (limit: keyof typeof limits, name: string) => {
    const limited = limits[limit](name);
    if (!limited.ok) throw new TooOften(limited.retryAfterSeconds);
  };

  const fault = (id: string, error: unknown) =>
    journal.say('bug', { id, stack: error instanceof Error ? framesOf(error) : '' });

  app.notFound((c) => fail(c, new AppError('usage', 'there is nothing here'), 404));
  app.onError((error, c) => {
    const failure = asAppError(error, c.req.raw.signal);
    if (failure.code === 'bug') fault(c.env.id, error);
    return fail(c, failure);
  });

  app.use(async (c, next) => {
    const { network, isPrivate } = c.env.origin;
    const health = c.req.path === paths.live || c.req.path === paths.ready || c.req.path === paths.metrics;
    // Those who look whether it lives ask by address, as nobody, and learn nothing.
    if (!health) {
      if (!isPrivate) return fail(c, new AppError('usage', 'only over TLS'), 403);
      if (c.req.header('host') !== host) return fail(c, new AppError('usage', `this console is ${origin}`), 421);
      within('address', network);
    }
    return await next();
  });

  /** When it was last looked whether somebody's word counts, and what was known then. */
  const looks = new WeakMap<Caller, { at: number; reviewed: Reviewed; lettings: number }>();
  /** As {@link requireStill}. What one request has looked at a moment ago, and nothing has changed since, is not asked again. */
  const requireSo = async (caller: Caller, reviewed: Reviewed) => {
    const look = { at: clock.monotonic(), reviewed, lettings };
    const last = looks.get(caller);
    if (last?.reviewed === reviewed && last.lettings === lettings && look.at - last.at < sameLookMs) return;
    await requireStill(setting, reviewed.configuration, caller);
    looks.set(caller, look);
  };

  /** Throws where somebody proven may not take a route, as {@link requireStill} does and `not_allowed`. */
  const requireAdmitted = async (caller: Caller, admission: Admission | readonly Role[], reviewed: Reviewed) => {
    const { configuration: read } = reviewed;
    await requireSo(caller, reviewed);
    if (admission === 'everybody' || admission === 'this machine' || admission === 'proven') return;
    const roles = typeof admission === 'string' ? [admission] : admission;
    const own = rolesOf(caller.principal, read);
    if (roles.some((role) => own.has(role))) return;
    const reviewedIn = (role: Role) => (role === 'operator' ? 'people.operators' : `people.roles.${role}`);
    throw new AppError(
      'not_allowed',
      `${quote(caller.principal.label)} has no role ${roles.map((role) => quote(role)).join(' or ')} here`,
      {
        hint: withMissingGroups(
          caller.principal,
          `ask whoever reviews ${roles.map(reviewedIn).join(' or ')} in config/interface.yaml`,
        ),
      },
    );
  };

  /** What counts now. Whoever may not do any more what a run of theirs does has no such run: some go on for hours. */
  const current = async (): Promise<Reviewed> => {
    const reviewed = await configuration.current();
    if (reviewed === judgedBy) return reviewed;
    judgedBy = reviewed;
    for (const { run, admission } of runs.values()) {
      try {
        await requireAdmitted(run.caller, admission, reviewed);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        run.interrupt();
      }
    }
    return reviewed;
  };
  let judgedBy: Reviewed | undefined;
  /** How often somebody was let go: who is judged meanwhile is judged again. */
  let lettings = 0;

  /** Who asks, by what they show, and whether they may. */
  const admit = (route: Route) => async (c: Context<RequestVariables>, next: () => Promise<void>) => {
    const reviewed = await current();
    c.set('reviewed', reviewed);
    if (route.admission === 'everybody') return await next();
    if (route.admission === 'this machine') {
      if (!c.env.origin.isHere) return fail(c, new AppError('not_allowed', 'only from this machine'), 403);
      return await next();
    }
    const shown = {
      method: c.req.method,
      path: new URL(c.req.url).pathname,
      authorization: c.req.header('authorization'),
      proof: c.req.header('dpop'),
    };
    const caller = await callerOf(setting, reviewed.configuration, shown, (proven) => requireSo(proven, reviewed));
    c.set('caller', caller);
    await requireAdmitted(caller, route.admission, reviewed);
    within('person', personOf(caller));
    return await next();
  };
  const bounded = bodyLimit({
    maxSize: largestRequest,
    onError: (c) => fail(c, new AppError('usage', `a request has at most ${largestRequest / 1024} KiB`), 413),
  });

  const ready = () => !draining && configuration.broken() === undefined && peers.isThere() && !setting.isUnwritable();
  const answers: Record<string, (c: Context<RequestVariables>) => Response | Promise<Response>> = {
    [paths.live]: (c) => c.json({ live: true }),
    [paths.ready]: (c) => c.json({ ready: ready() }, ready() ? 200 : 503),
    [paths.metrics]: async (c) =>
      c.text(
        counted.text({
          runs_now: runs.size,
          sessions_now: await sessions.count(),
          configuration_broken: configuration.broken() === undefined ? 0 : 1,
          record_unwritable: setting.isUnwritable() ? 1 : 0,
        }),
      ),
    [paths.description]: async (c) => c.json((await openApi(origin, setting.version)) as object),
    [paths.token]: async (c) => {
      within('exchange', c.env.origin.network);
      const form = new URLSearchParams(await c.req.text());
      const one = (name: string) => (form.getAll(name).length === 1 ? (form.get(name) ?? '') : '');
      if (one('grant_type') !== exchangeGrant) throw new AppError('usage', 'this console only exchanges tokens');
      const { token, seconds, principal } = await exchange(setting, c.var.reviewed.configuration, {
        subjectToken: one('subject_token'),
        subjectTokenType: one('subject_token_type'),
        proof: c.req.header('dpop'),
        path: paths.token,
      });
      // Many people are behind one address: whoever is proven counts as themselves, and as one of those no more.
      limits.exchange.giveBack(c.env.origin.network);
      within('person', personOf({ principal }));
      return c.json({
        access_token: token,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'DPoP',
        expires_in: seconds,
      });
    },
    [paths.logout]: async (c) => {
      const { identity } = c.var.reviewed.configuration.interface;
      if (identity.mode !== 'sso') throw new AppError('usage', 'nobody signs in here');
      const tokens = new URLSearchParams(await c.req.text()).getAll('logout_token');
      const [token = ''] = tokens;
      if (tokens.length !== 1) throw new AppError('usage', 'there has to be exactly one logout_token');
      conceal(token);
      const judged = await judgeLogoutToken(token, {
        issuer: identity.issuer,
        clientId: identity.client_id,
        keys: setting.keysOf(identity),
        marginSeconds: clockMarginOf(identity),
      }).catch((error: unknown) => {
        // Section 2.8: a bad one is a bad request, and no refusal of whoever brings it.
        if (error instanceof AppError && error.code === 'identity_refused') return error;
        throw error;
      });
      if (judged instanceof AppError) return fail(c, judged, 400);
      const { issuer, subject, signIn, at } = judged;
      const shown = `logout ${issuer} ${judged.id}`;
      if (!(await heard.isNew(shown)))
        return fail(c, new AppError('identity_refused', 'the logout token was shown before (jti)'), 400);
      try {
        const ended = await sessions.signOut(judged);
        lettings += 1;
        endRuns((caller) => isOf(judged, caller));
        journal.say('signed out', { id: c.env.id, ended });
        // The sessions have ended whatever comes now; this is for the time after a restart.
        await setting.record.append({
          kind: 'heard',
          what: signedOutEvent,
          id: judged.id,
          from: issuer,
          happened: at.toISOString(),
          subject,
          sign_in: signIn,
        });
      } catch (error) {
        // The provider's next attempt is a first one.
        await heard.forget(shown);
        throw error;
      }
      return c.body(null, 200);
    },
    [paths.webhook]: async (c) => {
      if (told === undefined) {
        throw new AppError('console_refused', 'this console has no key of the platform to judge that with', {
          hint: 'set ANTHROPIC_WEBHOOK_SIGNING_KEY where it is started',
        });
      }
      const header = (name: string) => c.req.header(name) ?? '';
      const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
      const shown = Object.fromEntries(names.map((name) => [name, header(name)])) as Record<
        (typeof names)[number],
        string
      >;
      try {
        const { id, sentAt, event } = readDelivery(await c.req.text(), shown, told.keys);
        const [one, attempt] = [`delivery ${id}`, `delivery ${id} ${sentAt}`];
        if (!(await heard.isNew(attempt))) throw new AppError('identity_refused', 'this delivery was brought before');
        // Another attempt of the platform, which had no answer to the one before.
        const isFirst = await heard.isNew(one);
        const outcome = !isFirst ? 'again' : event === undefined ? 'unread' : 'taken';
        try {
          if (outcome === 'taken' && event !== undefined) await told.events.take({ id, event });
        } catch (error) {
          // The next attempt is a first one.
          for (const each of [one, attempt]) await heard.forget(each);
          throw error;
        }
        counted.delivered(outcome);
        journal.say('delivery', { id: c.env.id, delivery: id, event: event?.type, outcome });
        return c.body(null, 204);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'identity_refused') throw error;
        counted.delivered('refused');
        return fail(c, error, 400);
      }
    },
    [paths.answer]: async (c) => {
      const answered = answerBody.safeParse(await jsonOf(c));
      if (!answered.success) throw new AppError('usage', 'that is no answer to any question');
      const answer = { question: Number(c.req.param('question')), body: answered.data };
      if (!(await handOver(c, answer))) throw new AppError('usage', 'nothing is asked there, or it was answered');
      return c.body(null, 204);
    },
    [paths.interrupt]: async (c) => {
      if (!(await handOver(c))) throw new AppError('usage', 'there is no such run of yours');
      return c.body(null, 204);
    },
  };

  /** Ends the runs of some as Ctrl-C does. */
  const endRuns = (isMeantBy: (caller: Caller) => boolean) => {
    for (const { run } of runs.values()) if (isMeantBy(run.caller)) run.interrupt();
  };

  /** Whether a run takes it that is here and that person's. Somebody else's is as little there as none. */
  const take = ({ run: id, person, answer }: Letter): boolean => {
    const run = runs.get(id)?.run;
    if (run === undefined || !isSamePerson(run.caller.principal, person)) return false;
    if (answer !== undefined) return run.answer(answer.question, answer.body);
    run.interrupt();
    return true;
  };
  /** Gives something to a run of somebody's own, wherever that is. */
  const hand: PagesSetting['hand'] = async ({ principal }, run, answer) => {
    const { kind, issuer, subject } = principal;
    const letter = { run, person: { kind, issuer, subject }, ...(answer && { answer }) };
    return runs.has(run) ? take(letter) : await peers.send(letter);
  };
  const handOver = (c: Context<RequestVariables>, answer?: Letter['answer']) =>
    hand(c.var.caller, c.req.param('run') ?? '', answer);

  /** Begins a run of somebody who was proven. Throws what {@link requireAdmitted} throws, `console_refused` and `usage`. */
  const open: PagesSetting['open'] = async ({ id, caller, useCase, request: given, asking, returnsTo, isLook }) => {
    const { request } = await useCase.values();
    const judged = request.safeParse(given);
    if (!judged.success) {
      throw new AppError(
        'usage',
        `this console, version ${setting.version}, does not take that request of ${useCase.name}`,
        {
          hint: 'a command of another version may ask for what it does not know: compare --version, and leave out what is new',
        },
      );
    }
    // A body may come slowly: what is so now counts, and nothing waits any more between here and the run.
    let reviewed: Reviewed;
    let before: number;
    do {
      before = lettings;
      reviewed = await current();
      await requireAdmitted(caller, useCase.role, reviewed);
    } while (before !== lettings || judgedBy !== reviewed);
    if (draining) throw new AppError('console_refused', 'this console is about to end: try again');
    const own = [...runs.values()].filter(({ run }) => isSamePerson(run.caller.principal, caller.principal));
    if (own.length >= mostRunsOfOne || runs.size >= mostRuns) throw new TooOften(1);
    const offboarding =
      useCase.name === 'offboardPerson' ? leavingOf(id, judged.data as OffboardPersonRequest) : undefined;
    const run = beginRun(
      {
        ...setting,
        record: offboarding?.record ?? setting.record,
        readAgain: async () => (await current()).configuration,
      },
      { id, useCase, request: judged.data, asking, caller, configuration: reviewed.configuration, returnsTo },
    );
    runs.set(id, { run, admission: useCase.role });
    void run.over.then((failure) => {
      runs.delete(id);
      leaving.delete(id);
      counted.ended(useCase.name, failure?.code ?? 'done');
      if (isLook !== true || failure !== undefined)
        journal.say('run', {
          id,
          use_case: useCase.name,
          ...personIn(caller),
          code: failure?.code ?? 'done',
          configuration: reviewed.digest,
          ...(failure?.code === 'bug' && { stack: framesOf(failure) }),
        });
      if (failure === undefined) void offboarding?.done().catch((error: unknown) => fault(id, error));
    });
    return run;
  };

  const begin = async (c: Context<RequestVariables>, useCase: NonNullable<Route['useCase']>) => {
    const body = runBody.safeParse(await jsonOf(c));
    if (!body.success) throw new AppError('usage', 'the request is not one of this interface: compare the versions');
    const { request, asking } = body.data;
    const run = await open({ id: c.env.id, caller: c.var.caller, useCase, request, asking });
    return new Response(
      streamOf(run, () => void current().catch((error: unknown) => fault(c.env.id, error))),
      {
        headers: { 'content-type': 'application/x-ndjson', 'x-accel-buffering': 'no' },
      },
    );
  };

  /** The runs that let somebody go, and whom. */
  const leaving = new Map<string, Gone>();
  const endRunsOf = (who: Gone) => {
    lettings += 1;
    for (const [id, { run }] of runs) {
      // Who lets themselves go is not stopped half-way.
      const own = leaving.get(id);
      if (own !== undefined && mayBeSame(own, who)) continue;
      if (isMeant(who, run.caller.principal)) run.interrupt();
    }
  };
  /**
   * Off-boarding is in force from its first act on, however it ends: who is let go has no session left, no run that goes on,
   * and nothing that opens another one.
   */
  const leavingOf = (own: string, { subject, issuer, kind, undo, dryRun }: OffboardPersonRequest) => {
    const who: Gone = { subject, issuer, kind };
    leaving.set(own, who);
    const letGo = async () => {
      const ended = await sessions.letGo(who);
      endRunsOf(who);
      journal.say('sessions ended', { ended });
    };
    const record: RecordLog = {
      ...setting.record,
      async append(entry) {
        const head = await setting.record.append(entry);
        if (entry.kind === 'intent' && entry.act === 'person.offboard') await letGo();
        return head;
      },
    };
    return {
      record,
      async done() {
        if (dryRun) return;
        if (undo) await sessions.letIn(who);
        else await letGo();
      },
    };
  };

  for (const route of routes()) {
    const { method, path, useCase } = route;
    const answer = useCase === undefined ? answers[path] : (c: Context<RequestVariables>) => begin(c, useCase);
    if (answer === undefined) throw new Error(`nothing answers ${path}`);
    app.on(method, path, admit(route), bounded, answer);
  }
  const { show } = servePages(app, {
    ...setting,
    current,
    requireAdmitted,
    open,
    hand,
    look: async ({ principal: { kind, issuer, subject } }, run) =>
      await peers.look({ run, person: { kind, issuer, subject } }),
    nameOf: () => peers.nameOf(randomUUID()),
    within: (caller: Caller) => within('person', personOf(caller)),
    withinSignIns: (network) => within('exchange', network),
    fail,
    bounded,
  });
  peers.receive({
    take,
    show,
    letGo: endRunsOf,
    signOut(ended) {
      lettings += 1;
      endRuns((caller) => isOf(ended, caller));
    },
    failed: (error) => journal.say('the database is away', { code: asAppError(error, never).code }),
  });

  const routePaths = [...routes(), ...pages].map(({ path }) => ({
    path,
    shape: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`),
  }));

  return {
    async handle(request, from) {
      const began = clock.monotonic();
      const id = peers.nameOf(randomUUID());
      const { pathname } = new URL(request.url);
      const route = routePaths.find(({ shape }) => shape.test(pathname))?.path ?? 'none';
      // What a request shows is concealed in what is said about it, and forgotten with it.
      const response = await beginSecrets()(() => app.fetch(request, { origin: from, id }));
      const all = isOfPages(pathname) ? { ...headers, ...pageHeaders } : headers;
      for (const [name, value] of Object.entries(all)) response.headers.set(name, value);
      response.headers.set('x-request-id', id);
      const took = clock.monotonic() - began;
      counted.answered(route, response.status, took / 1000);
      if (route !== paths.live && route !== paths.ready) {
        journal.say('request', {
          id,
          route,
          method: request.method,
          status: response.status,
          ms: Math.round(took),
          address: from.address,
        });
      }
      return response;
    },
    drain() {
      draining = true;
      for (const { run } of runs.values()) run.endWhenWaiting();
    },
    interruptAll() {
      for (const { run } of runs.values()) run.interrupt();
    },
    async idle() {
      while (runs.size > 0) await Promise.all([...runs.values()].map(({ run }) => run.over));
    },
  };
}

/** The lines of a run as they come. A reader that leaves ends the run as Ctrl-C does. */
function streamOf(run: Run, onSilence: () => void): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  const bytes = (line: Said) => text.encode(`${JSON.stringify(line)}\n`);
  const lines = run.lines[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<Said>> | undefined;
  let stopWatching = () => {};
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      stopWatching();
      pending ??= lines.next();
      let stop = () => {};
      const pinged = new Promise<'ping'>((resolve) => {
        stop = clock.after(pingMs, () => resolve('ping'));
      });
      const next = await Promise.race([pending, pinged]);
      stop();
      if (next === 'ping') {
        onSilence();
        controller.enqueue(bytes({ kind: 'ping' }));
      } else {
        pending = undefined;
        if (next.done === true) return controller.close();
        controller.enqueue(bytes(next.value));
        if (next.value.kind === 'end') return controller.close();
      }
      // Until the next one is asked for, the reader has not taken this one.
      stopWatching = clock.after(longestSilenceMs, () => {
        run.interrupt();
        controller.error(new Error('nobody reads'));
      });
    },
    cancel() {
      stopWatching();
      run.interrupt();
    },
  });
}

/** Somebody in a line of the journal: who they are to the issuer, and not how they are called. */
function personIn({ principal }: Caller): { person: string; proof: string } {
  return { person: principal.subject, proof: principal.kind };
}

async function jsonOf(c: Context<RequestVariables>): Promise<unknown> {
  if (c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
    throw new AppError('usage', 'a request is JSON: content-type application/json');
  }
  try {
    return JSON.parse(await c.req.text());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new AppError('usage', 'the request is no JSON');
  }
}
