import type { Configuration } from 'oidc-provider';
import type { DevicePaths, JsonObject } from './control.ts';
import type { Context, Middleware } from './middleware.ts';
import { type Brand, codeAcceptedPage, codePage, pageHeaders } from './pages.ts';

/** The device flow of one authorization server (RFC 8628). */
export interface DeviceFlow {
  /** Seconds that a client has to leave between two questions, 5 unless told; counts for codes handed out later. */
  intervalSeconds: number;
  /** What oidc-provider asks for as its feature `deviceFlow`. */
  readonly feature: NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
  readonly middleware: Middleware;
}

/** What happened with one device code so far. */
interface Polling {
  intervalSeconds: number;
  askedAt: number;
}

/** Seconds that a question asked too early adds to the interval, for good (RFC 8628 section 3.5). */
const slowDownSeconds = 5;

/** A timer may go off a little before its time; a client is not blamed for that. */
const timerSlackMs = 5;

/** Adds to the library's device flow what it leaves to others: the pages, and the pace at which clients may ask. */
export function deviceFlow(server: { brand: Brand; now: () => number; paths: { token: string } }, paths: DevicePaths) {
  const { brand, now } = server;
  const pollings = new Map<string, Polling>();

  function tooEarly(deviceCode: string): boolean {
    const polling = pollings.get(deviceCode);
    if (polling === undefined) return false;
    const elapsed = now() - polling.askedAt;
    polling.askedAt = now();
    if (elapsed + timerSlackMs >= polling.intervalSeconds * 1000) return false;
    polling.intervalSeconds += slowDownSeconds;
    return true;
  }

  const flow: DeviceFlow = {
    intervalSeconds: 5,
    feature: {
      enabled: true,
      mask: '****-****',
      async userCodeInputSource(ctx, _form, _out, error) {
        show(ctx);
        ctx.body = codePage(brand, {
          action: ctx.oidc.urlFor('code_verification'),
          xsrf: String(ctx.oidc.session?.state?.['secret']),
          problem: error && problemOf(error),
        });
      },
      async successSource(ctx) {
        show(ctx);
        ctx.body = codeAcceptedPage(brand);
      },
    },
    async middleware(ctx, next) {
      await next();
      if (ctx.method !== 'POST' || typeof ctx.body !== 'object') return;
      const answer = ctx.body as JsonObject;
      if (ctx.path === paths.authorization && typeof answer['device_code'] === 'string') {
        const { intervalSeconds } = flow;
        // The first question may come at any time.
        pollings.set(answer['device_code'], { intervalSeconds, askedAt: Number.NEGATIVE_INFINITY });
        // The address that has the code in it is an option of the RFC that invites nobody to compare the code.
        const { verification_uri_complete: _, ...rest } = answer;
        ctx.body = { ...rest, interval: intervalSeconds };
      }
      if (ctx.path !== server.paths.token || answer['error'] !== 'authorization_pending') return;
      const deviceCode = String(ctx.oidc.params?.['device_code']);
      if (tooEarly(deviceCode)) {
        const interval = pollings.get(deviceCode)?.intervalSeconds;
        ctx.body = { error: 'slow_down', error_description: 'asked too early', interval };
      }
    },
  };
  return flow;
}

function show(ctx: Context): void {
  for (const [name, value] of Object.entries(pageHeaders)) ctx.set(name, value);
  ctx.type = 'html';
}

function problemOf(error: Error): string {
  if (error.name === 'AbortedError') return 'Access was denied.';
  return error.name === 'ExpiredError' ? 'This code has expired.' : 'There is no such code.';
}
