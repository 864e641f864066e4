/**
 * Services and identity providers: the only file that talks to them. Everything sent goes to https (http on a
 * literal loopback address in sandbox mode only), follows no redirect, ends in time and reads a bounded body.
 */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** What this run allows. */
export interface HttpRules {
  /** Sandbox mode: http is allowed on a literal loopback address. */
  allowLoopbackHttp: boolean;
  signal: AbortSignal;
  /** How long an answer may take, its body included; 15 s unless told. */
  timeoutMs?: number;
}

/** The web as features use it: `fetch`, guarded. Rejects with `url_refused`, `service_unreachable` or `interrupted`. */
export type Fetch = (url: string, init?: FetchInit) => Promise<Response>;

/** The subset of a request that is used; what the OAuth library passes fits it. */
export interface FetchInit {
  method?: string | undefined;
  headers?: ConstructorParameters<typeof Headers>[0] | undefined;
  body?: RequestInit['body'];
  signal?: AbortSignal | null | undefined;
}

const defaultTimeoutMs = 15_000;
const largestBodyBytes = 1024 * 1024;

/** Makes the guarded fetch of one run. */
export function guardedFetch(rules: HttpRules): Fetch {
  const { timeoutMs = defaultTimeoutMs } = rules;
  return async (url, init = {}) => {
    const target = checkedUrl(url, rules.allowLoopbackHttp);
    const headers = new Headers(init.headers);
    headers.set('accept-encoding', 'identity');
    const signals = [rules.signal, AbortSignal.timeout(timeoutMs), ...(init.signal ? [init.signal] : [])];
    const failure = (cause: unknown): AppError => {
      if (cause instanceof AppError) return cause;
      if (rules.signal.aborted)
        return new AppError('interrupted', `interrupted while asking ${target.host}`, { cause });
      return new AppError(
        'service_unreachable',
        `${quote(target.host)} cannot be reached: ${reasonOf(cause, timeoutMs)}`,
        { hint: 'check the network and try again', cause },
      );
    };
    try {
      const response = await fetch(target, {
        method: init.method ?? 'GET',
        headers,
        body: init.body ?? null,
        redirect: 'manual',
        signal: AbortSignal.any(signals),
      });
      return bounded(response, target, failure);
    } catch (cause) {
      throw failure(cause);
    }
  };
}

/** The parsed form of a URL that may be asked, else `url_refused`: https, or loopback http in sandbox mode; no user info. */
export function checkedUrl(text: string, allowLoopbackHttp: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new AppError('url_refused', `not a URL: ${quote(text)}`);
  if (url.username !== '' || url.password !== '')
    throw new AppError('url_refused', `URL with user info: ${quote(url.host)}`);
  if (url.protocol === 'https:') return url;
  if (url.protocol === 'http:' && allowLoopbackHttp && ['127.0.0.1', '[::1]'].includes(url.hostname)) return url;
  throw new AppError('url_refused', `not an https URL: ${quote(text)}`, {
    hint: 'OAuth needs https everywhere; http on loopback is for the sandbox (MAI_ALLOW_LOOPBACK_HTTP=1)',
  });
}

/** The same response with a body that ends in one of our errors when it breaks off, stalls or grows without bound. */
function bounded(response: Response, target: URL, failure: (cause: unknown) => AppError): Response {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  let bytes = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        bytes += value.byteLength;
        if (bytes <= largestBodyBytes) return controller.enqueue(value);
        void reader.cancel().catch(() => {});
        throw new AppError('service_metadata', `${quote(target.host)} answered with more than 1 MiB`);
      } catch (cause) {
        controller.error(failure(cause));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

function reasonOf(cause: unknown, timeoutMs: number): string {
  for (let current = cause; current instanceof Error; current = current.cause) {
    if (current.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
    if ('code' in current && typeof current.code === 'string') return current.code;
  }
  return 'connection failed';
}
