/**
 * Services and identity providers: the only file that talks to them. Everything sent goes to https at a public address
 * (http on loopback in sandbox mode only), follows no redirect, ends in time and reads a bounded body.
 */

import { isIP, type LookupFunction } from 'node:net';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import type { Resolve } from './addresses.ts';
import { Headers, Response } from './fetch-types.ts';
import type { Proxies } from './proxies.ts';
import { type Answer, sender } from './send.ts';
import { whyUnreached } from './unreached.ts';

/** What this run allows. */
export interface HttpRules {
  /** Sandbox mode: http is allowed on loopback. */
  allowLoopbackHttp: boolean;
  signal: AbortSignal;
  /** How long an answer may take, its body included; 15 s unless told. */
  timeoutMs?: number;
  /** How host names are looked up; as the system does unless told. */
  resolve?: Resolve;
  /** Host names that the reviewed configuration names: these may lead into the organization's own network. */
  reviewedHosts?: ReadonlySet<string>;
  /** How the network is left, where that is not directly. */
  proxies?: Proxies | undefined;
}

/** The web as features use it: `fetch`, guarded. Rejects with `url_refused`, `service_unreachable` or `interrupted`. */
export type Fetch = (url: string, init?: FetchInit) => Promise<Response>;

/** The subset of a request that is used; what the OAuth library passes fits it. */
export interface FetchInit {
  method?: string | undefined;
  headers?: ConstructorParameters<typeof Headers>[0] | undefined;
  /** Text or form parameters; nothing else is ever sent. */
  body?: RequestInit['body'];
  signal?: AbortSignal | null | undefined;
  /** How long an answer may be; 1 MiB unless told. */
  largestBytes?: number | undefined;
  /** Whose address it is, for the message where it is refused or nobody answers there: who named it, and as what. */
  whose?: string | undefined;
  /** Done once the connection stands, before the first byte of the request is sent. */
  beforeSending?: (() => Promise<void>) | undefined;
}

const defaultTimeoutMs = 15_000;
const mebibyte = 1024 * 1024;

/** `service_metadata`: an answer was longer than it may be. */
export class TooLong extends AppError {
  override readonly name: string = 'TooLong';
  /** How long it was or, where nobody knows, that it was longer than the limit; in words. */
  readonly size: string;

  constructor(host: string, limit: number, length: number | undefined) {
    const size = length === undefined ? `more than ${inMebibytes(limit)}` : inMebibytes(length);
    const beyond = length === undefined ? '' : `, more than ${inMebibytes(limit)}`;
    super('service_metadata', `${quote(host)} answered with ${size}${beyond}`);
    this.size = `${size}${beyond}`;
  }
}

function inMebibytes(bytes: number): string {
  return `${Number((bytes / mebibyte).toFixed(1))} MiB`;
}
/** Firewalls forget idle connections without a word; a request on such a one would wait for its whole time limit. */
const idleMs = 4_000;

/** Makes the guarded fetch of one run. */
export function guardedFetch(rules: HttpRules): Fetch {
  const { timeoutMs = defaultTimeoutMs } = rules;
  // Its connections are its own, and each was opened to an address that was checked just before: using one again asks
  // the same peer, whatever its name means by then.
  const { proxies } = rules;
  const sendOut = sender({ lookup: checkedLookup(rules), timeout: idleMs }, proxies);
  const sendHere = sender({ lookup: loopbackLookup, timeout: idleMs }, proxies);
  return async (url, init = {}) => {
    const { whose } = init;
    const target = checkedUrl(url, rules.allowLoopbackHttp, whose);
    const signal = AbortSignal.any([rules.signal, clock.deadline(timeoutMs), ...(init.signal ? [init.signal] : [])]);
    const failure = (cause: unknown): AppError => {
      if (cause instanceof AppError)
        return whose !== undefined && cause.code === 'url_refused' ? of(cause, whose) : cause;
      if (rules.signal.aborted)
        return new AppError('interrupted', `interrupted while asking ${target.host}`, { cause });
      const { reason, hint } = reasonOf(signal.aborted ? signal.reason : cause, timeoutMs);
      const named = whose === undefined ? '' : ` (${whose})`;
      return new AppError('service_unreachable', `${quote(target.host)}${named} cannot be reached: ${reason}`, {
        hint,
        cause,
      });
    };
    try {
      await refuseForbiddenLiteral(target, rules);
      if (target.protocol === 'https:' && proxies?.for(target) !== undefined) await refuseForbiddenName(target, rules);
      const { method = 'GET' } = init;
      const send = target.protocol === 'http:' ? sendHere : sendOut;
      const answer = await send(target, {
        method,
        headers: headersOf(init),
        body: textOf(init.body),
        signal,
        beforeSending: init.beforeSending,
      });
      return bounded(answer, target, failure, init.largestBytes ?? mebibyte);
    } catch (cause) {
      throw failure(cause);
    }
  };
}

/** The lookup of every connection by name: it opens to one of the addresses that were checked, and looks up no more. */
function checkedLookup({ resolve, reviewedHosts }: HttpRules): LookupFunction {
  return (host, options, opened) => {
    const addresses = import('./addresses.ts').then(({ permittedAddresses }) =>
      permittedAddresses(host, { resolve, internal: reviewedHosts?.has(host) === true }),
    );
    addresses.then(
      (found) => (options.all ? opened(null, found) : opened(null, found[0]?.address ?? '', found[0]?.family)),
      (error: NodeJS.ErrnoException) => opened(error, []),
    );
  };
}

/** Every name that http is allowed for is `localhost`, and means this machine whatever a resolver says of it. */
const loopbackLookup: LookupFunction = (_host, { all }, opened) => {
  process.nextTick(() => (all ? opened(null, loopbackAddresses) : opened(null, '127.0.0.1', 4)));
};
const loopbackAddresses = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** A connection to a literal address looks nothing up. Odd spellings are gone by now: the URL parser made them plain. */
async function refuseForbiddenLiteral(target: URL, { allowLoopbackHttp, reviewedHosts }: HttpRules): Promise<void> {
  const host = target.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0 || (allowLoopbackHttp && loopbackHosts.includes(target.hostname))) return;
  const { permittedAddresses } = await import('./addresses.ts');
  await permittedAddresses(host, { internal: reviewedHosts?.has(target.hostname) === true });
}

/**
 * A proxy looks names up by itself. What they mean here is judged all the same; where they mean nothing here, as in networks
 * that leave all names to the proxy, that is told.
 */
async function refuseForbiddenName({ hostname }: URL, { resolve, reviewedHosts, proxies }: HttpRules): Promise<void> {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return;
  const { permittedAddresses } = await import('./addresses.ts');
  const internal = reviewedHosts?.has(hostname) === true;
  await permittedAddresses(hostname, { resolve, internal }).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    proxies?.resolvedThere?.(hostname);
  });
}

function headersOf(init: FetchInit): Headers {
  const headers = new Headers(init.headers);
  headers.set('accept-encoding', 'identity');
  // Some services turn a request away that does not say what sent it.
  if (!headers.has('user-agent')) headers.set('user-agent', 'managed-agents-interface');
  if (!headers.has('accept')) headers.set('accept', '*/*');
  if (init.body instanceof URLSearchParams && !headers.has('content-type')) {
    headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
  }
  return headers;
}

function textOf(body: FetchInit['body']): string | undefined {
  if (body === undefined || body === null || typeof body === 'string') return body ?? undefined;
  if (body instanceof URLSearchParams) return body.toString();
  throw new AppError('bug', 'only text and form parameters can be sent to a service');
}

/** The hosts that sandbox mode adds. */
const loopbackHosts = ['127.0.0.1', '[::1]', 'localhost'];

/** A name of letters, digits, dots and hyphens, or an address. The parser lets more through, such as `$(id)`. */
const plainHost = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;

/**
 * The parsed form of a URL that may be asked, else `url_refused`: https, or loopback http in sandbox mode; no user info.
 *
 * @param whose who named the address, and as what
 */
export function checkedUrl(text: string, allowLoopbackHttp: boolean, whose?: string): URL {
  const refuse = (message: string, hint?: string) => {
    const error = new AppError('url_refused', message, hint === undefined ? {} : { hint });
    return whose === undefined ? error : of(error, whose);
  };
  const url = isUrl(text) ? new URL(text) : undefined;
  if (url === undefined) throw refuse(`not a URL: ${quote(text)}`);
  if (url.username !== '' || url.password !== '') throw refuse(`URL with user info: ${quote(url.host)}`);
  const isHttps = url.protocol === 'https:';
  if (isHttps && !plainHost.test(url.hostname)) throw refuse(`not a host name: ${quote(url.host)}`);
  if (isHttps) return url;
  if (url.protocol === 'http:' && allowLoopbackHttp && loopbackHosts.includes(url.hostname)) return url;
  throw refuse(
    `not an https URL: ${quote(text)}`,
    'OAuth needs https everywhere; http on loopback is for the sandbox (MAI_ALLOW_LOOPBACK_HTTP=1)',
  );
}

/** The same refusal, with who named the address. */
function of({ code, message, hint, cause }: AppError, whose: string): AppError {
  return new AppError(code, `${whose}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause });
}

/** The answer as a response, with a body that ends in one of our errors when it breaks off, stalls or grows without bound. */
function bounded(
  { status, headers, pieces, leave }: Answer,
  target: URL,
  failure: (cause: unknown) => AppError,
  largestBytes: number,
): Response {
  if (pieces === undefined) return new Response(null, { status, headers });
  // Nobody asked for it, and a few bytes of it can become any number.
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') {
    leave();
    throw new AppError('service_metadata', `${quote(target.host)} answered compressed, which it was asked not to`);
  }
  const announced = Number(headers.get('content-length') ?? 0);
  if (announced > largestBytes) {
    leave();
    throw new TooLong(target.host, largestBytes, announced);
  }
  const reader = pieces[Symbol.asyncIterator]();
  let bytes = 0;
  const body: AsyncIterableIterator<Uint8Array> = {
    async next() {
      try {
        const piece = await reader.next();
        bytes += piece.done ? 0 : piece.value.byteLength;
        if (bytes <= largestBytes) return piece;
        leave();
        throw new TooLong(target.host, largestBytes, undefined);
      } catch (cause) {
        throw failure(cause);
      }
    },
    async return() {
      leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => body,
  };
  return new Response(body, { status, headers });
}

/** Why there is no answer, and what to do about it. */
function reasonOf(cause: unknown, timeoutMs: number): { reason: string; hint: string } {
  for (let current = cause; current instanceof Error; current = current.cause) {
    if (current.name === 'TimeoutError') return { reason: `no answer within ${timeoutMs / 1000} s`, hint: usualHint };
  }
  const { reason, hint = usualHint } = whyUnreached(cause) ?? { reason: 'connection failed' };
  return { reason, hint };
}

const usualHint = 'check the network and try again';
