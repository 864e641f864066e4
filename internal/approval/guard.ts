/**
 * Answers calls that wait by the rules, for as long as it runs. Events only say when to look: what is answered is what the
 * history says, so that a stream may drop, repeat and reorder as it likes. What no rule lets through waits for a person, and so
 * does everything while this does not run.
 */
import { inParallel } from '../async/in-parallel.ts';
import { Places } from '../async/places.ts';
import { clock } from '../clock/clock.ts';
import type { Agent, Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { PlatformError } from '../platform/client.ts';
import type { EventStream, Frame } from '../platform/event-stream.ts';
import { isLive, unlessMissing } from '../platform/live.ts';
import type { Session } from '../platform/sessions.ts';
import type { Answer } from '../session/answer.ts';
import { readCall } from '../session/call.ts';
import { readEvent, type ToolCall } from '../session/event.ts';
import { agentKey } from '../session/facts.ts';
import { openStream } from '../session/follow.ts';
import { readLive } from '../session/live.ts';
import type { SessionRequest } from '../session/prepare.ts';
import { readRest } from '../session/session-state.ts';
import { lookupsOf, type VerifyRequest } from '../session/verify.ts';
import type { KeptTexts, Workspace } from '../stores/kept-text.ts';
import { ownerOf } from '../vault/owner.ts';
import { requireApprovable } from './approvable.ts';
import { bindingDigest, bindingOf } from './binding.ts';
import { type AnswerEntry, giveAnswer } from './give.ts';
import { judgeByRules, platformTime, type SignInOf } from './judge-call.ts';
import { UseCounter } from './quota.ts';
import { yesesTo } from './yeses.ts';

/** What became of one call. */
export interface Guarded {
  session: string;
  call: ToolCall;
  /** `left`: a person decides. `elsewhere`: somebody was quicker. */
  outcome: 'allowed' | 'denied' | 'left' | 'elsewhere';
  /** The place of the rule; undefined where none says anything. */
  rule: string | undefined;
  because: string;
}

/** What guarding needs. */
export interface GuardRequest extends VerifyRequest {
  configuration: Configuration;
  /** Who runs it. */
  principal: Principal;
  approvals: KeptTexts;
  quotas: KeptTexts;
  workspace: Workspace;
  /** Ends it: what is under way is finished. */
  signal: AbortSignal;
  /** Which sessions it looks after. */
  isInScope(session: Session): Promise<boolean>;
  readLocks(agent: Agent): Promise<Pick<SessionRequest, 'lock' | 'toolPins'>>;
  signInOf: SignInOf;
  record(entry: AnswerEntry): Promise<void>;
  /**
   * Throws where it has to end: whoever runs it may no more, or the configuration is another one; and a `PlatformError` where
   * that is not known. Asked before each look, so it has to be cheap.
   */
  requireStill(): Promise<void>;
  told(guarded: Guarded): void;
  warn(text: string): void;
}

/** Between two looks for sessions that are new, and for what ends the guard. */
const everyMs = 2000;
/** After so long without an event a session is looked at all the same. */
const silenceMs = 20_000;
/** Sessions beyond these are looked at when they are listed. */
const mostStreams = 200;
/** The calls of one session, and the looks and calls of all together. */
const atOnce = 8;
const atOnceInAll = 16;
const longestPauseMs = 30_000;

/** Guards until the signal is aborted. Throws what `requireStill` throws, and `record_unwritable`. */
export async function guardSessions(request: GuardRequest): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([request.signal, ending.signal]);
  const guard = new Guard({ ...request, signal });
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    ending.abort();
  };
  while (!signal.aborted) {
    try {
      await request.requireStill();
      await guard.discover(fail);
    } catch (error) {
      if (!isPassing(error)) fail(error);
    }
    await clock.pause(everyMs, signal);
  }
  await guard.settled();
  if (failure !== undefined && !(request.signal.aborted && isInterruption(failure))) throw failure;
}

class Guard {
  readonly #request: GuardRequest;
  readonly #watched = new Map<string, SessionGuard>();
  readonly #running = new Set<Promise<void>>();
  readonly #uses: UseCounter;
  readonly #places = new Places(atOnceInAll);

  constructor(request: GuardRequest) {
    this.#request = request;
    this.#uses = new UseCounter(request.quotas, request.workspace, request.signal);
  }

  /** Begins to watch what is new, and stops with what has ended. */
  async discover(fail: (error: unknown) => void): Promise<void> {
    const seen = new Set<string>();
    for await (const session of readLive(this.#request.platform)) {
      if (this.#watched.has(session.id) || (await this.#request.isInScope(session))) seen.add(session.id);
    }
    for (const [id, watched] of this.#watched) {
      if (seen.has(id)) continue;
      watched.end();
      this.#watched.delete(id);
    }
    for (const id of seen) {
      const known = this.#watched.get(id);
      if (known !== undefined) {
        if (!known.streams) this.#run(known.look(), fail);
        continue;
      }
      const shared = { uses: this.#uses, places: this.#places };
      const watched = new SessionGuard(this.#request, shared, id, this.#watched.size < mostStreams);
      this.#watched.set(id, watched);
      this.#run(watched.streams ? watched.watch() : watched.look(), fail);
    }
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  #run(work: Promise<void>, fail: (error: unknown) => void): void {
    const running: Promise<void> = work.catch(fail).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

/** What the sessions of one guard have together. */
interface Shared {
  uses: UseCounter;
  places: Places;
}

/** The calls of one session. */
class SessionGuard {
  readonly streams: boolean;
  readonly #request: GuardRequest;
  readonly #shared: Shared;
  readonly #id: string;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  /** What was answered, or left to a person. */
  readonly #settled = new Set<string>();
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(request: GuardRequest, shared: Shared, id: string, streams: boolean) {
    this.#request = request;
    this.#shared = shared;
    this.#id = id;
    this.streams = streams;
    this.#signal = AbortSignal.any([request.signal, this.#ended.signal]);
  }

  end(): void {
    this.#ended.abort();
  }

  /** Looks whenever an event says that something waits, and whenever nothing can be heard. */
  async watch(): Promise<void> {
    const { platform } = this.#request;
    for (let pauseMs = 250; !this.#signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      let stream: EventStream | undefined;
      try {
        stream = await openStream({ platform, sessionId: this.#id, signal: this.#signal });
        await this.look();
        if (stream !== undefined && (await this.#hear(stream))) pauseMs = 250;
      } catch (error) {
        if (!isPassing(error)) throw error;
      } finally {
        stream?.close();
      }
      await clock.pause(pauseMs, this.#signal);
    }
  }

  /** Whether anything was heard before the stream ended. */
  async #hear(stream: EventStream): Promise<boolean> {
    let heard = false;
    let next = arrivalOf(stream);
    while (!this.#signal.aborted) {
      const arrival = await beforeSilence(next, this.#signal);
      if (arrival === 'end') return heard;
      if (arrival !== 'silence') {
        heard = true;
        next = arrivalOf(stream);
        if (arrival.kind === 'error') return heard;
        if (arrival.kind === 'event' && !saysThatSomethingWaits(arrival.value)) continue;
      }
      await this.look();
    }
    return heard;
  }

  /** Looks once more where something came while it looked. */
  async look(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #lookOn(): Promise<void> {
    while (this.#again && !this.#signal.aborted) {
      this.#again = false;
      try {
        if (!(await this.#lookOnce())) this.#again = true;
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.#again = true;
      }
      if (this.#again) await clock.pause(1000, this.#signal);
    }
  }

  /** Whether nothing was left that may be answered in a moment. */
  async #lookOnce(): Promise<boolean> {
    const { platform, warn } = this.#request;
    const { places } = this.#shared;
    const { session, asks } = (await places.within(() => this.#waiting())) ?? {};
    if (session === undefined || asks === undefined) return true;
    let requireTool: Promise<(call: ToolCall) => void> | undefined;
    const approvable = () => {
      requireTool ??= requireApprovable({ ...this.#request, session, lookups: lookupsOf(platform) });
      return requireTool;
    };
    const done = await inParallel(asks, atOnce, async (ask) => {
      try {
        const guarded = await places.within(async () =>
          this.#signal.aborted ? undefined : await this.#guard(session, ask, approvable),
        );
        if (guarded === undefined) return true;
        this.#settled.add(ask.eventId);
        this.#request.told(guarded);
        return true;
      } catch (error) {
        if (!(error instanceof AppError) || isInterruption(error) || error.code === 'record_unwritable') throw error;
        if (error.code === 'digest_differs' || error.code === 'already_running' || error instanceof PlatformError) {
          warn(`a call of ${this.#id} was not answered now: ${error.message}`);
          return false;
        }
        if (error.code === 'call_over') return true;
        // Nobody says yes by a rule where something is the matter.
        this.#settled.add(ask.eventId);
        this.#request.told({ session: this.#id, call: ask, outcome: 'left', rule: undefined, because: error.message });
        return true;
      }
    });
    return done.every(Boolean);
  }

  /** The session and its calls that nobody settled yet; undefined where there are none. */
  async #waiting(): Promise<{ session: Session; asks: ToolCall[] } | undefined> {
    const { platform, requireStill } = this.#request;
    if (this.#signal.aborted) return undefined;
    const session = await unlessMissing('listed', platform.sessions.retrieve(this.#id, this.#signal));
    if (session === undefined || !isLive(session)) return undefined;
    // The stored status comes after the events, so that only they are asked.
    const { state } = await readRest(platform, { ...session, status: 'idle' });
    if (state.kind !== 'waiting') return undefined;
    const asks = state.asks.filter(({ eventId }) => !this.#settled.has(eventId));
    if (asks.length === 0) return undefined;
    // Nothing is answered by somebody of whom that is not known.
    await requireStill();
    return { session, asks };
  }

  async #guard(
    session: Session,
    ask: ToolCall,
    approvable: () => Promise<(call: ToolCall) => void>,
  ): Promise<Guarded | undefined> {
    const { platform, configuration, principal, approvals, workspace } = this.#request;
    // A call that lies further back than was looked.
    const found = ask.tool === undefined ? await readCall(platform, this.#id, ask.eventId) : undefined;
    const call = found?.call ?? ask;
    const now = platformTime(platform);
    const verdict = await judgeByRules(configuration, session, call, now, this.#request.signInOf);
    const { rule, because } = verdict;
    const guarded = { session: this.#id, call, rule, because };
    const left = (why: string) => ({ ...guarded, outcome: 'left' as const, because: why });
    const binding = bindingOf(session, call, configuration);
    const owner = ownerOf(session.metadata);
    if (verdict.outcome === 'person' || verdict.outcome === 'two_persons') return left(because);
    const answer: Answer = verdict.outcome === 'deny' ? { kind: 'no', reason: verdict.message } : { kind: 'yes' };
    if (call.service === 'custom') return left('it runs outside the platform, which waits for its result');
    if (verdict.outcome === 'allow') {
      if (binding === undefined || owner === undefined) return left('nobody can read what is asked, or whose it is');
      (await approvable())(call);
      const agent = session.metadata[agentKey] ?? '';
      const subjects = {
        person: JSON.stringify([owner.kind, owner.issuer, owner.subject]),
        agent,
        tool: JSON.stringify([binding.service, binding.tool]),
      };
      for (const { rule: counted, quota } of verdict.quotas) {
        const use = { rule: counted, quota, subject: subjects[quota.of], call: bindingDigest(binding), now };
        if (await this.#shared.uses.take(use)) continue;
        return left(`${counted} has said yes ${quota.most} times in ${quota.per} for this ${quota.of}`);
      }
    }
    const given = await giveAnswer({
      platform,
      seen: call,
      sessionId: this.#id,
      answer,
      as: 'rule',
      rule,
      by: principal,
      owner: owner ?? principal,
      binding,
      validFor: '1s',
      kept: yesesTo(approvals, workspace, this.#id, call.eventId),
      signal: this.#signal,
      record: this.#request.record,
      requireStanding: async () => {},
    });
    if (given.kind === 'answered') return { ...guarded, outcome: 'elsewhere' };
    return { ...guarded, outcome: verdict.outcome === 'allow' ? 'allowed' : 'denied' };
  }
}

/** Whether an event of a stream may say that a call waits; one that cannot be read may. */
function saysThatSomethingWaits(value: unknown): boolean {
  const event = readEvent(value);
  if (event === 'preview') return false;
  return event === undefined || (event.kind === 'idle' && event.reason.type === 'requires_action');
}

async function arrivalOf({ frames }: EventStream): Promise<Frame | 'end'> {
  try {
    const { done, value } = await frames.next();
    return done === true ? 'end' : value;
  } catch (error) {
    if (error instanceof AppError) return 'end';
    throw error;
  }
}

async function beforeSilence(next: Promise<Frame | 'end'>, signal: AbortSignal): Promise<Frame | 'end' | 'silence'> {
  const arrived = new AbortController();
  try {
    const silence = clock.pause(silenceMs, AbortSignal.any([arrived.signal, signal])).then(() => 'silence' as const);
    return await Promise.race([next, silence]);
  } finally {
    arrived.abort();
  }
}

/** What may work in a moment. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof PlatformError)) return false;
  const { status } = error;
  return status === undefined || status >= 500 || [404, 408, 409, 429].includes(status);
}

function isInterruption(error: unknown): boolean {
  return error instanceof AppError && error.code === 'interrupted';
}
