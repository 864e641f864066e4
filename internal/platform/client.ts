/**
 * The platform: the only file that sends it anything. Reads can only read (any request but GET is refused before
 * it leaves), and every change goes through `change`, one request each, so that a durable record of intent and
 * outcome can be put there once (P7). What can be asked for is in the files of the things: vaults.ts, sessions.ts ...
 *
 * The SDK's own habits are switched off: it would repeat creates and 409s, which can make two of a thing, and its
 * debug log prints bodies with secrets in them.
 */

import { randomBytes } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { accountName } from '../outside/accounts.ts';
import { Headers, Response } from '../outside/fetch-types.ts';
import { sendPlainly } from '../outside/plain-fetch.ts';
import type { Proxies } from '../outside/proxies.ts';
import type { Answer } from '../outside/send.ts';
import { isNeverSent, whyUnreached } from '../outside/unreached.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import type { Actor } from './actor.ts';
import { type Act, hintAfterLoss } from './acts.ts';
import { agentVerbs } from './agents.ts';
import type { Change, Delegation, OnChange } from './change.ts';
import { credentialVerbs } from './credentials.ts';
import type { Ask, Door, How, PageQuery, Read } from './door.ts';
import { environmentVerbs } from './environments.ts';
import { readFrames, watched } from './event-stream.ts';
import type { Federation } from './exchange.ts';
import type { FederatedToken } from './federated-token.ts';
import { eachOnce } from './pages.ts';
import { fieldsOf, type Reading, UnreadableAnswer } from './reading.ts';
import { type Recorder, recorderOf } from './recorder.ts';
import type { Client, ClientOptions } from './sdk.ts';
import { sessionVerbs } from './sessions.ts';
import { skillVerbs } from './skills.ts';
import { vaultVerbs } from './vaults.ts';

/** The platform as features use it: verbs, one request each. They throw {@link PlatformError}, or `interrupted` on a signal. */
export interface Platform extends Verbs {
  /** Members of answers so far that this version does not know, that decide nothing and that nobody has accepted. */
  unknownMembers(): readonly string[];
  /** How far the platform's clock is ahead of ours, in milliseconds, as its last answer said; 0 where that is a moment. */
  aheadMs(): number;
  /** Records what is done beside it by whoever it was opened for, such as a lock file that is written. */
  recorder: Recorder;
}

type Verbs = ReturnType<typeof verbsOver>;

/** Every verb, through one door. */
export function verbsOver(door: Door) {
  return {
    vaults: vaultVerbs(door),
    credentials: credentialVerbs(door),
    agents: agentVerbs(door),
    environments: environmentVerbs(door),
    sessions: sessionVerbs(door),
    skills: skillVerbs(door),
  };
}

/** How to reach the platform. */
export interface PlatformSettings {
  baseUrl: string | undefined;
  apiKey: Secret | undefined;
  authToken: Secret | undefined;
  /** Looked at where there is neither key nor token. */
  federation?: Federation | undefined;
  workspaceId?: string | undefined;
  signal: AbortSignal;
  /** How the network is left, where that is not directly. */
  proxies?: Proxies | undefined;
  /** Told when a 429 makes us wait. */
  onWait(text: string): void;
  /** Members of answers that the reviewed configuration takes, by name, although this version does not know them. */
  acceptedMembers?: readonly string[] | undefined;
  /** Told once of each other member that this version does not know, and that decides nothing. */
  onUnknownMember?: ((member: string) => void) | undefined;
  /** Hears of each change, once. */
  onChange: OnChange;
  /** How long an answer may take, in milliseconds: half a minute to a read and a whole one to a change unless told. */
  patience?: { readMs: number; changeMs: number };
}

/**
 * The platform said no, or was not there. `status` is its HTTP status, undefined when no answer came;
 * `outcome` says what became of a change: `refused` (nothing happened) or `unknown` (it may have happened,
 * so look before asking again).
 */
export class PlatformError extends AppError {
  override readonly name: string = 'PlatformError';
  readonly status: number | undefined;
  readonly outcome: 'refused' | 'unknown';

  constructor(
    code: 'platform_unreachable' | 'platform_refused' | 'platform_outcome_unknown',
    message: string,
    details: PlatformErrorDetails,
  ) {
    super(code, message, details);
    this.status = details.status;
    this.outcome = code === 'platform_outcome_unknown' ? 'unknown' : 'refused';
  }
}

interface PlatformErrorDetails {
  status?: number | undefined;
  hint?: string;
  cause: unknown;
}

const usualPatience = { readMs: 30_000, changeMs: 60_000 };
/** The longest Retry-After that is waited for; a longer one is reported instead. */
const longestWaitSeconds = 120;
const readAttempts = 3;
/** More than the largest answer there is, a skill of 30 MB unpacked, and few enough for eight of them in memory. */
const largestAnswerBytes = 40 * 2 ** 20;

/**
 * Opens the platform for somebody, with the rule that lets them change what they change; for nobody it can only be read, and
 * a change is a bug of ours.
 */
export type Opening = (actor: Actor | undefined, delegation?: Delegation) => Platform;

/**
 * Gets everything ready but whose platform it is, so that whoever has no key learns it before they have to say who they are.
 * Loads the SDK; sends nothing. Throws `platform_key_missing` or `url_refused`, and `config_invalid` where a federated token
 * would be for another workspace than the configuration names.
 */
export async function preparePlatform(settings: PlatformSettings): Promise<Opening> {
  const { doorFor, ...said } = await prepareDoor(settings);
  return (actor, delegation) => ({
    ...verbsOver(doorFor(actor, delegation)),
    ...said,
    // Whoever opened it holds the key, also where nobody had to say who they are.
    recorder: recorderOf(settings.onChange, actor ?? { kind: 'key_holder', account: accountName() }, delegation),
  });
}

/** What the verbs go through. Throws as {@link preparePlatform}. */
export async function prepareDoor(
  settings: PlatformSettings,
): Promise<
  { doorFor(actor: Actor | undefined, delegation?: Delegation): Door } & Pick<Platform, 'unknownMembers' | 'aheadMs'>
> {
  const { AnthropicError, APIConnectionError, APIError, connect, rawEvents } = await import('./sdk.ts');
  const baseUrl = checkedBaseUrl(settings.baseUrl);
  const stored = settings.apiKey ?? settings.authToken;
  if (stored === undefined && settings.federation === undefined) {
    throw new AppError('platform_key_missing', 'no credential for the platform');
  }
  const federated = stored === undefined ? await tokenOf(settings, baseUrl) : undefined;
  const credential = (signal: AbortSignal): Pick<ClientOptions, 'apiKey' | 'authToken' | 'credentials'> => {
    if (settings.apiKey !== undefined) return { apiKey: settings.apiKey.reveal() };
    if (federated === undefined) return { authToken: stored?.reveal() ?? null };
    // Expired at once for the SDK, so that it asks each time and holds none of its own.
    return { credentials: async () => ({ token: await federated.current(signal), expiresAt: 0 }) };
  };
  const reading = readingOf(settings);
  const clientOver = (
    fetch: typeof globalThis.fetch,
    timeout: number,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Client =>
    connect({
      ...credential(signal),
      ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
      defaultHeaders: {
        ...(settings.workspaceId !== undefined && { 'anthropic-workspace-id': settings.workspaceId }),
        ...headers,
      },
      maxRetries: 0,
      timeout,
      logLevel: 'off',
      openTelemetry: false,
      fetch: federated === undefined ? fetch : forgetting(fetch, federated),
    });
  const { signal, patience = usualPatience } = settings;
  let aheadMs = 0;
  const heard = ({ headers }: Answer) => {
    aheadMs = aheadOf(headers.get('date'), clock.now().getTime()) ?? aheadMs;
  };
  const over = (until: AbortSignal) => interruptible(until, heard, settings.proxies);
  const reader = clientOver(onlyGet(over(signal)), patience.readMs, signal);
  const never = new AbortController().signal;
  const trace = traceOf();
  /** Only changes carry it: what the platform does because of one hangs below it, and its id is in the record. */
  const writerFor = (until: AbortSignal): Client =>
    clientOver(over(until), patience.changeMs, until, { traceparent: trace.parent() });
  const finishingReader = clientOver(onlyGet(over(never)), patience.readMs, never);

  /** The platform's answer to a failed request as our error; anything that is not one passes unchanged. */
  const translate = (what: string, error: unknown, changing?: Act, uninterrupted = false): unknown => {
    if (settings.signal.aborted && !uninterrupted)
      return new AppError('interrupted', `interrupted: ${what}`, { cause: error });
    const large = tooLarge(error);
    if (large !== undefined && changing === undefined) {
      return new PlatformError(
        'platform_refused',
        `${what}: the platform answered with more than ${largestAnswerBytes / 2 ** 20} MiB`,
        {
          status: large.status,
          hint: 'nothing that large was asked for: check ANTHROPIC_BASE_URL, and what stands between you and the platform',
          cause: error,
        },
      );
    }
    if (error instanceof UnreadableAnswer) {
      return changing === undefined
        ? new PlatformError('platform_refused', `${what}: the platform ${error.message}`, {
            hint: 'check ANTHROPIC_BASE_URL, and what stands between you and the platform',
            cause: error,
          })
        : new PlatformError('platform_outcome_unknown', `${what}: the platform ${error.message}`, {
            hint: hintAfterLoss(changing),
            cause: error,
          });
    }
    if (error instanceof APIConnectionError || error instanceof SyntaxError) {
      return changing !== undefined && !isNeverSent(error)
        ? new PlatformError('platform_outcome_unknown', `${what}: the platform's answer was lost`, {
            hint: hintAfterLoss(changing),
            cause: error,
          })
        : unreachable(what, error);
    }
    if (error instanceof AnthropicError && !(error instanceof APIError)) {
      // An id that the platform gave and that no address can hold, such as an empty one: it is answered like an unknown one.
      return new PlatformError('platform_refused', `${what}: nothing was sent: ${quote(error.message)}`, {
        status: 400,
        cause: error,
      });
    }
    if (!(error instanceof APIError) || error.status === undefined) return error;
    const said = `${error.status}${error.apiMessage === null ? '' : ` ${quote(error.apiMessage)}`}`;
    const request = error.requestID ? ` (request ${quote(error.requestID)})` : '';
    const unknown = changing !== undefined && error.status >= 500;
    return new PlatformError(
      unknown ? 'platform_outcome_unknown' : 'platform_refused',
      `${what}: the platform answered ${said}${request}`,
      {
        status: error.status,
        ...(unknown ? { hint: hintAfterLoss(changing) } : hintFor(error.status, settings, federated !== undefined)),
        cause: error,
      },
    );
  };

  /** Waits as a 429 asks; false when there is nothing to wait for or it would take too long. */
  const waitedFor = async (error: unknown, what: string): Promise<boolean> => {
    if (!(error instanceof APIError) || error.status !== 429) return false;
    return await waitAsAsked(error.headers, settings.onWait, what, signal);
  };

  /** Whether a 401 was for a token that can be had anew, as it is once for each request. Like a 429, it comes before any act. */
  const renewable = (error: unknown): boolean =>
    federated !== undefined && error instanceof APIError && error.status === 401;

  const reads = async <Result>(
    what: string,
    uninterrupted: boolean,
    ask: (client: Client) => Promise<Result>,
  ): Promise<Result> => {
    let renewed = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask(uninterrupted ? finishingReader : reader);
      } catch (error) {
        const again = attempt < readAttempts && !settings.signal.aborted;
        if (again && !renewed && renewable(error)) {
          renewed = true;
          continue;
        }
        if (again && (await waitedFor(error, what))) continue;
        const stumbled =
          (error instanceof APIConnectionError && tooLarge(error) === undefined) ||
          (error instanceof APIError && (error.status ?? 0) >= 500);
        if (!again || !stumbled) throw translate(what, error, undefined, uninterrupted);
        await clock.pause(250 * attempt, settings.signal);
      }
    }
  };

  const doorFor = (actor: Actor | undefined, delegation?: Delegation): Door => ({
    read: (what, read, ask, { uninterrupted = false } = {}) =>
      reads(what, uninterrupted, async (client) => read(await ask(client), reading)),
    async *pages(what, read, ask) {
      const refused = (why: string) =>
        new PlatformError('platform_refused', `${what}: the platform ${why}`, {
          hint: 'nothing was chosen from that list: check ANTHROPIC_BASE_URL, and what stands between you and the platform',
          cause: undefined,
        });
      // The SDK would take null for an empty list, and fail on what is none.
      const page = (query: PageQuery) =>
        reads(what, false, async (client) => {
          const body = fieldsOf((await (await ask(client, query).asResponse()).json()) as unknown);
          return { data: body?.['data'], next_page: body?.['next_page'] };
        });
      for await (const items of eachOnce(inSmallerPages(page), refused)) yield items.map((item) => read(item, reading));
    },
    async listen(what, ask) {
      const closed = new AbortController();
      const counts = { bytes: 0, pending: { bytes: 0 } };
      const close = () => closed.abort();
      const failed = (error: unknown): Error | undefined => {
        if (closed.signal.aborted && !settings.signal.aborted) return undefined;
        if (error instanceof AppError) return error;
        if (settings.signal.aborted) return new AppError('interrupted', `interrupted: ${what}`, { cause: error });
        return new PlatformError('platform_unreachable', `${what}: the stream broke off`, { cause: error });
      };
      try {
        const response = await ask(reader, closed.signal).asResponse();
        const { body, headers } = response;
        if (body === null || !headers.get('content-type')?.startsWith('text/event-stream')) {
          throw new PlatformError(
            'platform_refused',
            `${what}: the platform answered with something else than a stream`,
            {
              status: response.status,
              cause: undefined,
            },
          );
        }
        const bytes = watched(body, counts, largestAnswerBytes);
        const frames = readFrames(rawEvents(new Response(bytes), closed), counts.pending);
        return { frames: endedBy(frames, failed), bytes: () => counts.bytes, close };
      } catch (error) {
        close();
        throw translate(what, error);
      }
    },
    async change<Thing>(
      act: Act,
      id: string | undefined,
      { label = id ?? '', uninterrupted = false, grounds }: How,
      read: Read<Thing>,
      ask: Ask,
    ) {
      const what = `${act} ${quote(label)}`;
      if (actor === undefined) throw new Error(`${what}: the platform was opened for reading`);
      const [kind] = act.split('.') as [Change['target']['kind']];
      const change: Change = { actor, act, target: { kind, id, label }, delegation, ...grounds, trace: trace.id };
      const ended = await settings.onChange(change);
      const writer = writerFor(uninterrupted ? never : signal);
      let renewed = false;
      for (let attempts = 1; ; attempts += 1) {
        let thing: Thing;
        try {
          thing = read(await ask(writer), reading);
        } catch (error) {
          if (attempts < readAttempts && !renewed && renewable(error)) {
            renewed = true;
            continue;
          }
          if (attempts < readAttempts && (await waitedFor(error, what))) continue;
          const failure = translate(what, error, act, uninterrupted);
          const unknown = !(failure instanceof PlatformError) || failure.outcome === 'unknown';
          const code = failure instanceof AppError ? failure.code : 'bug';
          await ended({ outcome: unknown ? 'unknown' : 'failure', attempts, error: code });
          throw failure;
        }
        const made = fieldsOf(thing)?.[id === undefined ? 'id' : 'made'];
        await ended({ outcome: 'success', attempts, ...(typeof made === 'string' && { made }) });
        return thing;
      }
    },
  });
  return { doorFor, unknownMembers: () => [...reading.told], aheadMs: () => aheadMs };
}

/** The trace of a run (W3C Trace Context): one id, and a parent of its own for each change. It says nothing of anybody. */
function traceOf(): { id: string; parent(): string } {
  const id = randomBytes(16).toString('hex');
  return { id, parent: () => `00-${id}-${randomBytes(8).toString('hex')}-01` };
}

/** Nobody is there. Why is only said where somebody in between is meant. */
function unreachable(what: string, cause: Error): PlatformError {
  const { reason, hint = 'check the network and ANTHROPIC_BASE_URL' } = whyUnreached(cause) ?? { reason: '' };
  const named = /^[A-Z_]*$/.test(reason) ? '' : `: ${reason}`;
  return new PlatformError('platform_unreachable', `${what}: the platform cannot be reached${named}`, { hint, cause });
}

/** How answers are read in this run. */
function readingOf({
  acceptedMembers = [],
  onUnknownMember,
}: PlatformSettings): Reading & { told: ReadonlySet<string> } {
  const told = new Set<string>();
  return {
    told,
    accepted: new Set(acceptedMembers),
    unknown(member) {
      if (told.has(member)) return;
      told.add(member);
      onUnknownMember?.(member);
    },
  };
}

/** How many items are asked for: as many as usual, and fewer where those are too much. One alone is what it is. */
const pageSizes: readonly PageQuery[] = [{}, { limit: 100 }, { limit: 10 }, { limit: 1 }];
/** So many pages later more are tried again: what is large comes seldom, and a list has an end to its pages. */
const smallPagesInARow = 10;

/** Asks for a page that was too large in smaller ones. */
function inSmallerPages<Page>(ask: (query: PageQuery) => Promise<Page>): (cursor: { page?: string }) => Promise<Page> {
  let [size, pages] = [0, 0];
  return async (cursor) => {
    for (;;) {
      try {
        const page = await ask({ ...cursor, ...pageSizes[size] });
        pages += 1;
        if (pages % smallPagesInARow === 0) size = Math.max(0, size - 1);
        return page;
      } catch (error) {
        if (tooLarge(error) === undefined || size === pageSizes.length - 1) throw error;
        size += 1;
        pages = 0;
      }
    }
  };
}

/** What breaks off a stream as our error; nothing where the reader closed it. */
async function* endedBy<Each>(
  frames: AsyncGenerator<Each, void, undefined>,
  failed: (error: unknown) => Error | undefined,
): AsyncGenerator<Each, void, undefined> {
  try {
    yield* frames;
  } catch (error) {
    const translated = failed(error);
    if (translated !== undefined) throw translated;
  }
}

/** Waits as a Retry-After says, a second without one; false when it would take too long, which is told, or was interrupted. */
async function waitAsAsked(
  headers: Headers | undefined,
  onWait: PlatformSettings['onWait'],
  what: string,
  signal: AbortSignal,
): Promise<boolean> {
  const seconds = secondsOf(headers?.get('retry-after') ?? '1');
  if (seconds === undefined) return false;
  if (seconds > longestWaitSeconds) {
    onWait(`the platform asks to wait ${seconds} s, longer than a command does: ${what}`);
    return false;
  }
  onWait(`the platform asks to wait ${seconds} s before: ${what}`);
  await clock.pause(seconds * 1000, signal);
  return !signal.aborted;
}

/** A Retry-After (RFC 9110 section 10.2.3): a number of seconds or a date, which is over where it has passed. */
function secondsOf(retryAfter: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(retryAfter.trim())) return Number(retryAfter);
  // Date.parse takes much for a date, also "-1".
  const at = /^[A-Z][a-z]+,? .+ (GMT|\d{4})$/.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - clock.now().getTime()) / 1000));
}

/** The token of a job, for the workspace that the configuration names: it is good in one only, and no header moves it. */
async function tokenOf(
  { federation, workspaceId, onWait, proxies }: PlatformSettings,
  baseUrl: string | undefined,
): Promise<FederatedToken | undefined> {
  if (federation === undefined) return undefined;
  if (federation.workspaceId !== undefined && workspaceId !== undefined && federation.workspaceId !== workspaceId) {
    throw new AppError(
      'config_invalid',
      `ANTHROPIC_WORKSPACE_ID is ${quote(federation.workspaceId)}, but platform.workspace_id of the configuration is ${quote(workspaceId)}`,
      { hint: 'leave ANTHROPIC_WORKSPACE_ID out, or correct the one that is wrong; nothing was sent' },
    );
  }
  const { federatedToken } = await import('./federated-token.ts');
  const inWorkspace = { ...federation, workspaceId: federation.workspaceId ?? workspaceId };
  return federatedToken({
    federation: inWorkspace,
    baseUrl,
    proxies,
    waitAsAsked: (headers, what, signal) => waitAsAsked(headers, onWait, what, signal),
  });
}

/** The key goes to https only, or to this very machine. */
function checkedBaseUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = isUrl(text) ? new URL(text) : undefined;
  const loopback = url !== undefined && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback)) return text;
  throw new AppError('url_refused', `ANTHROPIC_BASE_URL is not an https address: ${quote(text)}`, {
    hint: 'use https, or http on loopback for the sandbox',
  });
}

/**
 * A fetch that a signal ends. The body is read here, but for a stream of events, so that an answer that stalls or
 * breaks off in its middle is to the SDK what one is that never came: late, or lost. Nor does it grow without bound.
 */
function interruptible(signal: AbortSignal, heard: (answer: Answer) => void, proxies?: Proxies): typeof fetch {
  return async (input, init) => {
    const until = init?.signal ? AbortSignal.any([init.signal, signal]) : signal;
    const answer = await sendPlainly(input, { ...init, signal: until }, proxies);
    heard(answer);
    const { pieces, status, headers } = answer;
    const isStream = headers.get('content-type')?.startsWith('text/event-stream');
    if (pieces === undefined || isStream) return new Response(pieces, { status, headers });
    const response = new Response(await bounded(pieces, status), { status, headers });
    // The SDK looks at the stream of each answer and never reads one: to make them costs more than the answer.
    return Object.defineProperty(response, 'body', { value: null });
  };
}

/** A Date header has whole seconds, and its answer was on the way for a while: what differs by less is the same time. */
const sameTimeMs = 5_000;

/** How far the clock of an answer (RFC 9110 section 6.6.1) is ahead; undefined where it does not say. */
function aheadOf(date: string | null, now: number): number | undefined {
  const ahead = Date.parse(date ?? '') - now;
  if (Number.isNaN(ahead)) return undefined;
  return Math.abs(ahead) < sameTimeMs ? 0 : ahead;
}

/** An answer that is larger than any that was asked for. The SDK hands it on as the cause of an error of its own. */
class AnswerTooLarge extends Error {
  override readonly name: string = 'AnswerTooLarge';
  readonly status: number;

  constructor(status: number) {
    super('the answer is too large');
    this.status = status;
  }
}

function tooLarge(error: unknown): AnswerTooLarge | undefined {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if (current instanceof AnswerTooLarge) return current;
  }
  return undefined;
}

async function bounded(body: AsyncIterable<Uint8Array>, status: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    // Leaving the loop ends the connection.
    if (bytes > largestAnswerBytes) throw new AnswerTooLarge(status);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A fetch after which a token that was refused is not used again. */
function forgetting(send: typeof fetch, { refused }: FederatedToken): typeof fetch {
  return async (input, init) => {
    const response = await send(input, init);
    if (response.status === 401)
      refused(new Headers(init?.headers).get('authorization')?.replace(/^Bearer /, '') ?? '');
    return response;
  };
}

function onlyGet(send: typeof fetch): typeof fetch {
  return (input, init) => {
    const method = init?.method?.toUpperCase() ?? 'GET';
    if (method !== 'GET') throw new Error(`a read tried to ${method}`);
    return send(input, init);
  };
}

function hintFor(status: number, { apiKey }: PlatformSettings, federated: boolean): { hint?: string } {
  if (federated && status === 401) {
    return { hint: 'the token that was given for this job is refused: see Workload identity in the Console' };
  }
  if (federated && status === 403) {
    return {
      hint: 'the rule of this job needs the scope workspace:developer, and its token is good in one workspace only: compare it with platform.workspace_id',
    };
  }
  const variable = apiKey === undefined ? 'ANTHROPIC_AUTH_TOKEN' : 'ANTHROPIC_API_KEY';
  if (status === 401) return { hint: `the key is wrong, expired or revoked: check ${variable}` };
  if (status === 403) return { hint: 'this credential may not do that in this workspace' };
  if (status === 429) return { hint: 'the rate limit of the organization is used up: try again later' };
  return {};
}
