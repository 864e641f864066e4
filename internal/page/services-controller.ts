/**
 * What one person does at a page: their run, what was last seen of their connections, and the one sign-in that may be
 * under way. It calls what the commands call. Nothing here is shared between people, so that a server can keep one for
 * each of them.
 */

import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';
import type { Service } from '../config/definitions.ts';
import { connectable } from '../config/lookup.ts';
import { examineServices, type Lookup, type ServiceState } from '../connection/check/list.ts';
import type { ClientEntry } from '../connection/client/enter-client.ts';
import { type Connected, type ConnectRequest, connectService, outcomeOf } from '../connection/connect.ts';
import { type Disconnected, disconnectService } from '../connection/disconnect.ts';
import { AppError } from '../errors/app-error.ts';
import { PlatformError } from '../platform/client.ts';
import { beginFlow, type Flow, type Matter } from './flow.ts';
import { checkedNotice, disconnectedNotice, failureNotice, type Notice, noticeOf, toEndByHand } from './notice.ts';

/** Who acts, on what, and under which configuration. */
export type PersonRun = Omit<
  ConnectRequest,
  | 'service'
  | 'newClient'
  | 'scopeChoice'
  | 'legacyEndpoints'
  | 'acceptAudience'
  | 'accountFlags'
  | 'confirm'
  | 'acceptOther'
  | 'detail'
  | 'warn'
> &
  Pick<Lookup, 'refreshFailures'>;

/** Hears what was done, for the terminal. */
export interface ActListener {
  connected(service: Service, connected: Connected): void;
  disconnected(service: Service, done: Disconnected): void;
  failed(service: Service | undefined, error: AppError): void;
  detail(text: string): void;
  warn(text: string): void;
}

/** What there is to show now. */
export interface View {
  services: readonly { service: Service; state: ServiceState | undefined; toEnd: string | undefined }[];
  examinedAt: Date | undefined;
  notice: Notice | undefined;
  flow: Flow | undefined;
}

/** How long a sign-in that is cut off gets to give back what it was granted. */
const lastWordsMs = 10_000;

/** One person's place at the page. */
export interface ServicesController {
  run: PersonRun;
  /** Changes nothing; the first look at the connections is waited for. */
  view(): Promise<View>;
  flow(): Flow | undefined;
  /** Begins to connect a service, or joins where that is under way. Undefined while another one is. */
  connect(service: Service, returnTo: URL): Flow | undefined;
  check(services: Iterable<Service>): Promise<void>;
  disconnect(service: Service): Promise<void>;
  /** Whether something is being connected or disconnected. */
  isBusy(): boolean;
  /** Cancels the sign-in, which gives back what it was granted, and waits for what cannot be cancelled. */
  stop(): Promise<void>;
  /** Rejects with what is nobody's to mend at a page: a bug, an interruption, a contested sign-in. */
  broken: Promise<never>;
}

/** Opens a person's controller and begins to look at the connections. */
export function openController(run: PersonRun, listener: ActListener): ServicesController {
  const states = new Map<string, ServiceState>();
  let examinedAt: Date | undefined;
  let notice: Notice | undefined;
  let flow: Flow | undefined;
  /** What is being taken out, by the name of the service: whoever presses once more joins it. */
  const takingOut = new Map<string, Promise<void>>();
  /** What somebody still has to end by hand, until the service is connected again: no later notice hides it. */
  const toEnd = new Map<string, string>();
  const { promise: broken, reject: breaking } = deferred<never>();
  broken.catch(() => {});

  /**
   * Tells an error to the person at the page and at the terminal. One that is no answer to them ends the run, and so does
   * somebody who tried to take their place: whoever did would try again at the next press of a button.
   */
  const fail = (title: string, service: Service | undefined, error: unknown, warnings: readonly string[] = []) => {
    const isOver = error instanceof AppError && error.code === 'interrupted' && run.visit.signal.aborted;
    if (!(error instanceof AppError) || isOver || error.code === 'sign_in_contested') breaking(error);
    else {
      notice = failureNotice(title, error, { service, warnings });
      listener.failed(service, error);
    }
  };

  const examine = async (services: Iterable<Service>) => {
    const found = await examineServices({ ...run, services, warn: listener.warn });
    for (const state of found) states.set(state.service.name, state);
    examinedAt = clock.now();
    return found;
  };
  /** Looks again at what an act changed. What was done stays done when that fails. */
  const lookAgain = (service: Service) =>
    examine([service]).then(
      () => {},
      (error: unknown) => {
        states.delete(service.name);
        if (!(error instanceof AppError)) breaking(error);
      },
    );

  /** Tells of an act that ended early; where nobody knows what became of it, what there is now is looked at. */
  const failed = async (what: string, service: Service, error: unknown, warnings: readonly string[]) => {
    const title = service.title ?? service.name;
    const known = !(error instanceof PlatformError && error.outcome === 'unknown');
    fail(known ? `${title} was not ${what}` : `It is not known whether ${title} was ${what}`, service, error, warnings);
    if (!known) await lookAgain(service);
  };

  const services = connectable(run.configuration);
  const firstLook = examine(services).then(
    () => {},
    (error: unknown) => fail('Your connections could not be looked at', undefined, error),
  );

  const carryOut = async (begun: Flow, service: Service, returnTo: URL) => {
    const title = service.title ?? service.name;
    const warnings: string[] = [];
    const warn = (text: string) => {
      warnings.push(text);
      listener.warn(text);
    };
    const { timeoutMs } = run.visit;
    const asked = async (question: string, about: Matter) => {
      const answer = await begun.ask(question, about, timeoutMs);
      // Whoever cancels has answered something else.
      if (begun.signal.aborted) throw new AppError('interrupted', 'cancelled');
      return answer === 'yes';
    };
    try {
      const connected = await connectService({
        ...run,
        service,
        visit: {
          ...run.visit,
          signal: AbortSignal.any([run.visit.signal, begun.signal]),
          returnTo,
          showCode: undefined,
          warn,
          async show({ anotherStart }) {
            begun.moveTo({ kind: 'leaving', start: anotherStart });
            // It goes to the browser that is at the page already, and nowhere else.
            return { startIsPublic: false, done: () => begun.moveTo({ kind: 'finishing' }) };
          },
        },
        clients: { ...run.clients, entry: { ...run.clients.entry, ask: askingAt(begun, run.clients.entry.ask) } },
        newClient: false,
        scopeChoice: { kind: 'usual' },
        legacyEndpoints: false,
        acceptAudience: false,
        accountFlags: { expected: undefined, accepted: undefined },
        confirm: (question) => asked(question, 'change'),
        acceptOther: (question) => asked(question, 'other account'),
        detail: listener.detail,
        warn,
      });
      notice = noticeOf(outcomeOf(service, run.principal, connected), warnings);
      toEnd.delete(service.name);
      listener.connected(service, connected);
      await lookAgain(service);
    } catch (error) {
      const cancelled = begun.signal.aborted && !run.visit.signal.aborted && isInterruption(error);
      if (cancelled)
        notice = { look: 'plain', title: `${title}: cancelled`, lines: ['Nothing was connected.', ...warnings] };
      else await failed('connected', service, error, warnings);
    } finally {
      flow = undefined;
      begun.moveTo({ kind: 'over' });
    }
  };

  return {
    run,
    broken,
    flow: () => flow,
    async view() {
      await firstLook;
      return {
        services: services.map((service) => ({
          service,
          state: states.get(service.name),
          toEnd: toEnd.get(service.name),
        })),
        examinedAt,
        notice,
        flow,
      };
    },
    connect(service, returnTo) {
      if (flow !== undefined) return flow.serviceName === service.name ? flow : undefined;
      notice = undefined;
      flow = beginFlow(service.name);
      void carryOut(flow, service, returnTo);
      return flow;
    },
    async check(wanted) {
      notice = undefined;
      try {
        const found = await examine(wanted);
        notice = checkedNotice(found);
      } catch (error) {
        fail('The check could not be made', undefined, error);
      }
    },
    isBusy: () => flow !== undefined || takingOut.size > 0,
    async stop() {
      const cut = flow;
      cut?.cancel();
      await Promise.all([cut?.until(['over'], lastWordsMs), ...takingOut.values()]);
    },
    async disconnect(service) {
      const act = takingOut.get(service.name) ?? takeOut(service).finally(() => takingOut.delete(service.name));
      takingOut.set(service.name, act);
      await act;
    },
  };

  async function takeOut(service: Service): Promise<void> {
    notice = undefined;
    try {
      const done = await disconnectService({ ...run, service, warn: listener.warn });
      notice = disconnectedNotice(service, run.principal, done);
      if (done.removed.length > 0) {
        toEnd.set(service.name, toEndByHand(service, done));
        listener.disconnected(service, done);
      }
      await done.told();
      await lookAgain(service);
    } catch (error) {
      await failed('disconnected', service, error, []);
    }
  }
}

/** Asks at the terminal as ever, while the page says what is asked there. A sign-in that is cancelled asks no more. */
function askingAt(flow: Flow, ask: ClientEntry['ask']): ClientEntry['ask'] {
  if (ask === undefined) return undefined;
  const told = async (what: string, asked: () => Promise<string>) => {
    flow.moveTo({ kind: 'at the terminal', what });
    return await asked().finally(() => flow.moveTo({ kind: 'starting' }));
  };
  return {
    shown: (question) => told(question, () => ask.shown(question, flow.signal)),
    unseen: (what) => told(`Enter ${what}.`, () => ask.unseen(what, flow.signal)),
  };
}

/**
 * What a sign-in ends with that was cancelled, wherever it was: waiting, asking, or between two requests. What it asked the
 * platform for goes on to its end, and that can be a failure of its own.
 */
function isInterruption(error: unknown): boolean {
  return (
    (error instanceof AppError && error.code === 'interrupted') ||
    (error instanceof Error && error.name === 'AbortError')
  );
}
