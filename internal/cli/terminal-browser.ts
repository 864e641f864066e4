/** The browser of a command line: its address is printed always, and opened where it would be seen. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import type { Browser, InvitingPage, Tell } from '../run/ports.ts';
import { quote } from '../text/quote.ts';
import type { Terminal } from './asker.ts';
import { isVisible, type Opened, openStart } from './open-start.ts';

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

/** The options of every command that becomes a client of a service. */
export interface ClientOptions {
  /** `--client-secret-fd`. */
  clientSecretFd?: number;
}

const defaultTimeoutSeconds = 300;

/** The browser of one run; `command` is what to type where somebody is. */
export function terminalBrowser(terminal: Terminal, options: BrowserOptions, command: string): Browser {
  const { environment, progress } = terminal;
  if (options.paste === true && !terminal.interactive) {
    throw new AppError('sign_in_needed', 'nobody is here to paste an address', {
      hint: `run this in a terminal: ${command} --paste`,
    });
  }
  if (options.device === true && !terminal.interactive) {
    throw new AppError('sign_in_needed', 'nobody is here to enter a code', {
      hint: `run this in a terminal: ${command} --device`,
    });
  }
  const timeoutMs = (options.timeout ?? defaultTimeoutSeconds) * 1000;
  const wanted = options.browser !== false;
  return {
    timeoutMs,
    callbackPort: options.callbackPort,
    showCode: options.device === true ? showCode(progress, timeoutMs) : undefined,
    invite: async (page, purpose) => await invite(terminal, options, { page, purpose, command, timeoutMs }),
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
      const { opened, isPublic, done } = wanted ? await openStart(terminal, { address: start, namesPeers }) : nothing;
      if (!opened && wanted && !terminal.interactive) {
        throw new AppError('sign_in_needed', `nobody is here to ${purpose}`, {
          hint: `run this in a terminal: ${command}`,
        });
      }
      // Without a browser here the person's own is on another machine, and comes back to that one.
      if (options.paste === true || (terminal.interactive && !opened && !isVisible(environment))) {
        const { pastePrompt } = await import('./paste-prompt.ts');
        const prompt = pastePrompt(terminal.stdin, environment, progress, { authorization, redirectUri });
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

/** Prints the address of a page, which lets one browser in, and opens it where that would be seen. */
async function invite(
  terminal: Terminal,
  options: BrowserOptions,
  { page, purpose, command, timeoutMs }: { page: InvitingPage; purpose: string; command: string; timeoutMs: number },
): Promise<() => void> {
  const { environment, progress } = terminal;
  const { address, namesPeers } = page;
  progress.warn(`to ${purpose}, open: ${address.href}`, {
    event: 'waiting',
    for: 'browser',
    purpose,
    url: address.href,
    redirect_port: null,
    code: null,
    until: until(timeoutMs),
  });
  if (options.browser === false) return () => {};
  const { opened, isPublic, done } = await openStart(terminal, { address, namesPeers });
  if (isPublic) page.invitedPublicly();
  if (opened) return done;
  done();
  if (!terminal.interactive) {
    throw new AppError('sign_in_needed', `nobody is here to ${purpose}`, {
      hint: `run this in a terminal: ${command}`,
    });
  }
  const { tunnelHint } = await import('./paste-prompt.ts');
  const tunnel = tunnelHint(environment, address.port);
  if (tunnel !== undefined) progress.warn(tunnel);
  if (tunnel !== undefined && options.callbackPort === undefined) {
    progress.warn('to connect services from there, name a second port with --callback-port, and forward it too');
  }
  return () => {};
}

/** Shows the code of the device flow. No browser is opened: what is entered is to be what was read here. */
function showCode(progress: Tell, timeoutMs: number): BrowserVisit['showCode'] {
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
  return new Date(clock.now().getTime() + timeoutMs).toISOString();
}
