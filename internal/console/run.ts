/**
 * One run of a use-case for somebody proven. Whatever the use-case says goes out as a line; whatever it asks the person
 * goes out as a question, and waits for the answer that comes in a request of its own.
 */
import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { AppError, asAppError } from '../errors/app-error.ts';
import { allOf, assuranceMissing, requireAssurance, unmet } from '../identity/assurance.ts';
import type { Proof } from '../identity/proof.ts';
import type { Entry } from '../oauth/browser-visit.ts';
import type { Directories } from '../outside/directories.ts';
import type { LoopbackListener } from '../outside/loopback.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Environment } from '../run/environment.ts';
import type { Browser, LatestActs, Ports, Tell } from '../run/ports.ts';
import { beginSecrets, boundToRun, concealed } from '../secret/secret.ts';
import type { Stores } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { BetterSignInNeeded } from './better-sign-in.ts';
import type { Caller } from './credentials.ts';
import { withLocksOfNow } from './current-configuration.ts';
import type { AnswerBody, Asking, Said, WireError } from './protocol.ts';
import type { Reachable } from './reach.ts';

/** What a console runs use-cases with. */
export interface RunSetting {
  version: string;
  /** The one workspace that the console is for; each run names its own where it is for all. */
  workspace: string | undefined;
  environment: Environment;
  directories: Directories;
  stores: Stores;
  record: RecordLog;
  latestActs: LatestActs;
  /** The configuration as it is by now: some runs go on for hours, or wait for a person. */
  readAgain(): Promise<Configuration>;
}

/** What one run is of. */
export interface RunRequest {
  id: string;
  useCase: Reachable;
  /** Judged by the definition of the use-case. */
  request: unknown;
  asking: Asking;
  caller: Caller;
  configuration: Configuration;
  /** Where the browser comes back to, where it is at a page of the console itself; else the person's machine listens. */
  returnsTo?: URL | undefined;
}

/** A run that has begun. */
export interface Run {
  caller: Caller;
  /** What is said, up to `end`. To be read once. */
  lines: AsyncIterable<Said>;
  /** Answers a question. False where nothing is asked with that id. */
  answer(id: number, answer: AnswerBody): boolean;
  /** Ends it as soon as it waits for somebody to answer, which may take any time. */
  endWhenWaiting(): void;
  /** As Ctrl-C does: what was begun is brought to an end, and nothing further is. */
  interrupt(): void;
  /** Settles when all is over, with the code that it ended with; undefined where it went well. */
  over: Promise<AppError | undefined>;
}

/** So much longer than a person may take do we wait: the one who asks them says how it ended. */
const graceMs = 15_000;
const defaultTimeoutSeconds = 300;
/** More lines than any run says while nobody reads. */
const mostWaiting = 10_000;

/** Begins a run. */
export function beginRun(setting: RunSetting, request: RunRequest): Run {
  const { useCase, caller, id } = request;
  const controller = new AbortController();
  const { signal } = controller;
  const out = lineQueue(() => controller.abort());
  const inRun = beginSecrets();
  // A socket or a timer may call what says something, and belongs to no run.
  const say = inRun(() => boundToRun((line: Said) => out.say(withoutSecrets(line))));
  let patient = true;
  const questions = openQuestions((line) => {
    if (!patient) controller.abort();
    say(line);
  }, signal);
  const work: (() => Promise<void>)[] = [];
  const carryOut = async (): Promise<AppError | undefined> => {
    say({ kind: 'run', id, version: setting.version });
    try {
      const ports = portsOf(setting, request, { signal, say, questions, afterwards: work });
      const perform = (await useCase.load()) as (request: unknown, ports: Ports) => Promise<unknown>;
      const result = await perform(request.request, ports);
      say({ kind: 'result', result });
      // What is to follow once the person has the result; they may be gone by now, and it follows all the same.
      for (const each of work) await each();
      return undefined;
    } catch (error) {
      const failure = asAppError(error, signal);
      say({ kind: 'error', error: wireError(failure, id) });
      return failure;
    } finally {
      out.end();
    }
  };
  return {
    caller,
    lines: out.lines,
    answer: questions.answer,
    endWhenWaiting() {
      patient = false;
      if (questions.isOpen()) controller.abort();
    },
    interrupt: () => controller.abort(),
    over: inRun(carryOut),
  };
}

/**
 * A line without the secrets of its run (P3): everything that goes out passes here, also what a service or an agent has
 * repeated. Where the browser is sent is said whole: it is made of what the person's machine has to know.
 */
function withoutSecrets(line: Said): Said {
  const harmless = (value: unknown): unknown => {
    if (typeof value === 'string') return concealed(value);
    if (Array.isArray(value)) return value.map(harmless);
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, harmless(each)]));
  };
  const said = harmless(line) as Said;
  return said.kind === 'visit' && line.kind === 'visit' ? { ...said, authorization: line.authorization } : said;
}

/** An error as it is said. Nothing secret of the run is in it (P3). */
export function wireError(error: AppError, id: string): WireError {
  const { code, message, hint } = error;
  return {
    code,
    message: concealed(message),
    hint: hint === undefined ? null : concealed(hint),
    id,
    ...(error instanceof BetterSignInNeeded && { requirement: error.requirement }),
  };
}

/** Who the run is for. What the sign-in has to show is looked at here as everywhere. */
function proofOf({ caller, configuration, asking }: RunRequest): Proof {
  const { principal, expiresAt } = caller;
  const { identity } = configuration.interface;
  return {
    async abandon() {},
    async prove({ requirement } = {}) {
      if (principal.kind === 'sso' && identity.mode === 'sso') {
        const wanted = allOf([identity.require, requirement]);
        const shown = principal.assurance ?? { acr: undefined, amr: [], authTime: undefined };
        const why = unmet(shown, wanted, clock.now());
        if (why !== undefined) throw new BetterSignInNeeded(assuranceMissing(why), wanted);
      } else requireAssurance(principal, requirement);
      const source = asking.signedInNow ? 'fresh' : 'kept';
      return { principal, source, expiresAt, keptIn: undefined, token: undefined };
    },
  };
}

/** What a run says and asks with. */
interface Channel {
  signal: AbortSignal;
  say(line: Said): void;
  questions: Questions;
  afterwards: (() => Promise<void>)[];
}

function portsOf(setting: RunSetting, request: RunRequest, { signal, say, questions, afterwards }: Channel): Ports {
  const { asking, configuration } = request;
  const patience = (timeoutMs: number) => timeoutMs + graceMs;
  const line = async (kind: 'line' | 'needed' | 'unseen', text: string, timeoutMs: number, given?: AbortSignal) => {
    const answer = await questions.ask((id) => ({ kind, id, text, timeoutMs }), patience(timeoutMs), given);
    return 'line' in answer ? answer.line : '';
  };
  const workspace = setting.workspace ?? asking.workspace;
  if (asking.workspace !== undefined && asking.workspace !== workspace) {
    throw new AppError('not_allowed', `this console is for the workspace ${quote(workspace)} alone`);
  }
  const timeoutMs = (asking.timeoutSeconds ?? defaultTimeoutSeconds) * 1000;
  return {
    executable: asking.executable,
    version: setting.version,
    environment: setting.environment,
    signal,
    directories: () => setting.directories,
    stores: async () => setting.stores,
    record: async () => setting.record,
    latestActs: setting.latestActs,
    // What a person has kept is on their own machine.
    secrets: async () => undefined,
    project: { workspace, read: withLocksOfNow(configuration, setting.readAgain), readAgain: setting.readAgain },
    proof: proofOf(request),
    descriptors: {},
    besideServices: [],
    timeoutSeconds: asking.timeoutSeconds,
    tell: tellThrough(say),
    screen: { columns: undefined, rows: undefined },
    ask: asking.interactive
      ? {
          show(lines) {
            for (const each of lines) say({ kind: 'warn', text: each });
          },
          async yes(text, milliseconds, about) {
            const answer = await questions.ask(
              (id) => ({ kind: 'yes', id, text, timeoutMs: milliseconds, ...(about !== undefined && { about }) }),
              patience(milliseconds),
            );
            return 'yes' in answer && answer.yes;
          },
          line: async (question, milliseconds) => await line('line', question, milliseconds),
          needed: async (question, milliseconds, given) => await line('needed', question, milliseconds, given),
          unseen: async (what, milliseconds, given) => await line('unseen', what, milliseconds, given),
        }
      : undefined,
    async entered({ what, command }) {
      const answer = await questions.ask((id) => ({ kind: 'entered', id, what, command }), patience(timeoutMs));
      return 'line' in answer ? answer.line : '';
    },
    browser: (command) => browserThrough({ asking, command, timeoutMs, say, questions, returnsTo: request.returnsTo }),
    stream: (text) => say({ kind: 'stream', text }),
    afterwards: (each) => void afterwards.push(each),
  };
}

function tellThrough(say: (line: Said) => void): Tell {
  let waits = 0;
  return {
    note: (text) => say({ kind: 'note', text }),
    detail: (text) => say({ kind: 'detail', text }),
    warn: (text, event) => say({ kind: 'warn', text, ...(event !== undefined && { event: { ...event } }) }),
    event: (event) => say({ kind: 'event', event: { ...event } }),
    // It is a command to the runner of a job, and there is none here.
    command() {},
    wait(text) {
      waits += 1;
      const id = waits;
      say({ kind: 'wait', id, text });
      let last = Number.NEGATIVE_INFINITY;
      return {
        at(done, all, now) {
          if (clock.monotonic() - last < progressEveryMs) return;
          last = clock.monotonic();
          say({
            kind: 'waiting',
            id,
            done,
            ...(all !== undefined && { all }),
            ...(now !== undefined && { text: now }),
          });
        },
        done: (ended) => say({ kind: 'waited', id, ...(ended !== undefined && { text: ended }) }),
      };
    },
  };
}

/** How often a client hears how far something is: each is a line over the network. */
const progressEveryMs = 250;

interface BrowserSetting {
  asking: Asking;
  command: string;
  timeoutMs: number;
  say(line: Said): void;
  questions: Questions;
  returnsTo: URL | undefined;
}

/**
 * The browser of the person: it is on their machine, and so is the listener that it comes back to. Where they are at a page of
 * the console, it comes back to the console.
 */
function browserThrough({ asking, command, timeoutMs, say, questions, returnsTo }: BrowserSetting): Browser {
  const listeners = new Map<string, number>();
  const paths = new Map<string, string>();
  return {
    timeoutMs: timeoutMs + graceMs,
    callbackPort: asking.callbackPort,
    returnsTo: returnsTo?.href,
    async listen(place): Promise<LoopbackListener> {
      let listener = questions.nextId();
      let authority = returnsTo?.host ?? '';
      if (returnsTo === undefined) {
        const answer = await questions.ask((id) => {
          listener = id;
          return { kind: 'listen', id, place };
        }, graceMs);
        if (!('port' in answer)) throw new AppError('console_refused', 'the command does not say where it listens');
        authority = `${place.host}:${answer.port}`;
      }
      const redirectUri = returnsTo?.href ?? `http://${authority}${place.path}`;
      listeners.set(redirectUri, listener);
      paths.set(redirectUri, place.path);
      const close = () => say({ kind: 'finish', listener });
      return {
        redirectUri,
        authority,
        namesPeers: false,
        dropped: () => 0,
        serve() {},
        async finish({ ok, title, facts, next }) {
          const outcome = {
            ok,
            title,
            next,
            ...(facts !== undefined && { facts: facts.map(([name, value]): [string, string] => [name, value]) }),
          };
          say({ kind: 'finish', listener, outcome });
        },
        close,
      };
    },
    async show({ authorization, redirectUri, server }, purpose) {
      const listener = listeners.get(redirectUri);
      if (listener === undefined) throw new Error('the browser is sent to where nobody listens');
      return {
        startIsPublic: false,
        done() {},
        prompt(entry) {
          const over = new AbortController();
          // What a listener of its own would have got: only what the service says counts, and the console knows where it was sent.
          const asAtListener = (address: string) =>
            returnsTo === undefined
              ? address
              : `http://${returnsTo.host}${paths.get(redirectUri) ?? ''}${address.slice(address.indexOf('?'))}`;
          void visitThrough(entry, asAtListener, questions, over.signal, (id) => ({
            kind: 'visit',
            id,
            listener,
            authorization: authorization.href,
            purpose,
            command,
            issuer: server.issuer,
            issuerInResponse: server.authorization_response_iss_parameter_supported === true,
          }));
          return { close: () => over.abort() };
        },
      };
    },
    showCode: asking.byCode
      ? (address, code, purpose) => {
          const id = questions.nextId();
          say({ kind: 'code', id, address: address.href, code, purpose, command });
          return { done: () => say({ kind: 'over', id }) };
        }
      : undefined,
    async invite() {
      throw new AppError('usage', 'a console does not open the page of buttons of one machine');
    },
  };
}

/** Waits for the address that the browser came back to. What it says is judged here, where the state is known. */
async function visitThrough(
  entry: Entry,
  asAtListener: (address: string) => string,
  questions: Questions,
  over: AbortSignal,
  question: (id: number) => Said,
): Promise<void> {
  try {
    const answer = await questions.ask(question, undefined, over);
    if ('address' in answer && entry.enter(asAtListener(answer.address)) === undefined) return;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
  // The command says what was the matter: it has the browser.
  if (!over.aborted) entry.interrupt();
}

/** Questions that wait for their answers. */
interface Questions {
  nextId(): number;
  /** Throws what the person's side says that went wrong, `timed_out`, or `interrupted`. */
  ask(question: (id: number) => Said, timeoutMs?: number, given?: AbortSignal): Promise<AnswerBody>;
  answer(id: number, answer: AnswerBody): boolean;
  /** Whether one waits now. */
  isOpen(): boolean;
}

function openQuestions(say: (line: Said) => void, signal: AbortSignal): Questions {
  const open = new Map<number, (answer: AnswerBody) => void>();
  let last = 0;
  const nextId = () => {
    last += 1;
    return last;
  };
  return {
    nextId,
    isOpen: () => open.size > 0,
    async ask(question, timeoutMs, given) {
      signal.throwIfAborted();
      const id = nextId();
      const { promise, resolve, reject } = deferred<AnswerBody>();
      const interrupted = () => reject(new AppError('interrupted', 'interrupted'));
      const stop =
        timeoutMs === undefined
          ? () => {}
          : clock.after(timeoutMs, () => reject(new AppError('timed_out', 'nobody answered in time')));
      for (const each of [signal, given]) each?.addEventListener('abort', interrupted, { once: true });
      open.set(id, resolve);
      say(question(id));
      try {
        const answer = await promise;
        if (!('failed' in answer)) return answer;
        const { code, message, hint } = answer.failed;
        throw new AppError(code, message, hint === undefined ? {} : { hint });
      } finally {
        stop();
        open.delete(id);
        for (const each of [signal, given]) each?.removeEventListener('abort', interrupted);
        say({ kind: 'over', id });
      }
    },
    answer(id, answer) {
      const resolve = open.get(id);
      open.delete(id);
      resolve?.(answer);
      return resolve !== undefined;
    },
  };
}

/** Lines that wait for their reader. `overflowed` is called once where there are too many. */
function lineQueue(overflowed: () => void): { lines: AsyncIterable<Said>; say(line: Said): void; end(): void } {
  const waiting: Said[] = [];
  let ended = false;
  let wake = deferred();
  const push = (line: Said) => {
    waiting.push(line);
    wake.resolve();
  };
  return {
    say(line) {
      if (ended) return;
      // Results and errors always have a place: there is one of either.
      if (waiting.length >= mostWaiting && line.kind !== 'result' && line.kind !== 'error') return overflowed();
      push(line);
    },
    end() {
      push({ kind: 'end' });
      ended = true;
    },
    lines: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const next = waiting.shift();
          if (next !== undefined) {
            yield next;
            if (next.kind === 'end') return;
            continue;
          }
          wake = deferred();
          await wake.promise;
        }
      },
    },
  };
}
