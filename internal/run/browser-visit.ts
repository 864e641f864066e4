/** How a command shows a URL to the person: printed always, opened where a browser would be seen. */

import { isVisible, type Opened, openStart } from '../cli/open-start.ts';
import type { CommandContext } from '../cli/program.ts';
import type { Progress } from '../cli/terminal.ts';
import { AppError } from '../errors/app-error.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { guardedFetch } from '../outside/http.ts';
import { quote } from '../text/quote.ts';

/** The options of every command that signs somebody in. */
export interface BrowserOptions {
  /** False with `--no-browser`. */
  browser?: boolean;
  /** `--paste`: ask at the terminal for the address that the browser ends at. */
  paste?: boolean;
  /** `--device`, for services that have it. */
  device?: boolean;
  /** `--callback-port`, for services only: the redirect URI of single sign-on is what the provider has on record. */
  callbackPort?: number;
  /** `--timeout`, in seconds. */
  timeout?: number;
}

const defaultTimeoutSeconds = 300;

/** The browser visit of one run. */
export function browserVisit(
  context: CommandContext,
  options: BrowserOptions,
  command: string,
  reviewedHosts: ReadonlySet<string>,
): BrowserVisit {
  const { environment, progress, signal } = context;
  const allowLoopbackHttp = environment.MAI_ALLOW_LOOPBACK_HTTP === '1';
  if (allowLoopbackHttp) progress.warn('MAI_ALLOW_LOOPBACK_HTTP is set: http on loopback is allowed, for tests only');
  if (options.paste === true && !context.interactive) {
    throw new AppError('sign_in_needed', 'nobody is here to paste an address', {
      hint: `run this in a terminal: ${command} --paste`,
    });
  }
  if (options.device === true && !context.interactive) {
    throw new AppError('sign_in_needed', 'nobody is here to enter a code', {
      hint: `run this in a terminal: ${command} --device`,
    });
  }
  const timeoutMs = (options.timeout ?? defaultTimeoutSeconds) * 1000;
  const wanted = options.browser !== false;
  return {
    fetch: guardedFetch({ allowLoopbackHttp, reviewedHosts, signal }),
    allowLoopbackHttp,
    reviewedHosts,
    signal,
    timeoutMs,
    callbackPort: options.callbackPort,
    warn: progress.warn,
    showCode: options.device === true ? showCode(progress, timeoutMs) : undefined,
    async show({ start, authorization, redirectUri, namesPeers }, purpose) {
      // The address is one of ours: who will ask, and for whom, has to be seen before.
      const client = authorization.searchParams.get('client_id');
      progress.warn(`${quote(authorization.origin)} will ask you, for the client ${quote(client)}`);
      progress.warn(`to ${purpose}, open: ${start.href}`, {
        event: 'waiting',
        for: 'browser',
        purpose,
        url: start.href,
        redirect_port: Number(new URL(redirectUri).port),
        code: null,
        until: until(timeoutMs),
      });
      const nothing: Opened = { opened: false, isPublic: false, done() {} };
      const { opened, isPublic, done } = wanted ? await openStart(context, { address: start, namesPeers }) : nothing;
      if (!opened && wanted && !context.interactive) {
        throw new AppError('sign_in_needed', `nobody is here to ${purpose}`, {
          hint: `run this in a terminal: ${command}`,
        });
      }
      // Without a browser here the person's own is on another machine, and comes back to that one.
      if (options.paste === true || (context.interactive && !opened && !isVisible(environment))) {
        const { pastePrompt } = await import('../cli/paste-prompt.ts');
        const prompt = pastePrompt(context.stdin, environment, progress, { authorization, redirectUri });
        return { ...prompt, startIsPublic: isPublic, done };
      }
      const waiting = progress.wait(
        `waiting for the browser, at most ${Math.round(timeoutMs / 1000)} s (Ctrl-C ends it)`,
      );
      return {
        startIsPublic: isPublic,
        done() {
          waiting.done();
          done();
        },
      };
    },
  };
}

/** Shows the code of the device flow. No browser is opened: what is entered is to be what was read here. */
function showCode(progress: Progress, timeoutMs: number): BrowserVisit['showCode'] {
  return (address, code, purpose) => {
    progress.warn(`to ${purpose}, open ${address.href} in any browser and enter the code: ${code}`, {
      event: 'waiting',
      for: 'code',
      purpose,
      url: address.href,
      redirect_port: null,
      code,
      until: until(timeoutMs),
    });
    progress.warn(
      'do this only if you started it yourself: whoever gave you a code from elsewhere would get the access',
    );
    return progress.wait('waiting for the code to be entered (Ctrl-C ends it)');
  };
}

function until(timeoutMs: number): string {
  return new Date(Date.now() + timeoutMs).toISOString();
}
