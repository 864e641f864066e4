/** The prompt at which a person pastes the address that the browser ended at. Nothing of it is shown, then or later. */
import { isIPv4 } from 'node:net';
import type { Shown, VisitPlaces } from '../oauth/browser-visit.ts';
import { readHidden, type TerminalInput } from '../outside/terminal-input.ts';
import type { Environment } from '../run/environment.ts';
import type { Tell } from '../run/ports.ts';

/** Says where to begin elsewhere, what to paste and what not to, and asks for it until the wait is over. */
export function pastePrompt(
  input: TerminalInput,
  environment: Environment,
  progress: Tell,
  { authorization, redirectUri }: Pick<VisitPlaces, 'authorization' | 'redirectUri'>,
): Pick<Shown, 'prompt'> {
  progress.warn(`that address is on this machine; in a browser elsewhere, open: ${authorization.href}`);
  const tunnel = tunnelHint(environment, new URL(redirectUri).port);
  if (tunnel !== undefined) progress.warn(tunnel);
  progress.warn(
    `where the browser cannot come back by itself, paste the whole address that it ends at: ${redirectUri}?...`,
  );
  progress.warn('do this only if you started it yourself; nothing is shown while you paste, and Enter ends it');
  return {
    prompt: ({ enter, interrupt }) =>
      readHidden(input, {
        line(text) {
          const wrong = enter(text);
          if (wrong !== undefined) progress.warn(`${wrong}; paste it again`);
        },
        interrupt,
        end: () => progress.warn('nothing more can be pasted; still waiting for the browser'),
      }),
  };
}

/** How a browser on the person's own machine comes to a port of this one, where they are here by SSH. */
export function tunnelHint({ SSH_CONNECTION }: Environment, port: string): string | undefined {
  if (SSH_CONNECTION === undefined) return undefined;
  return `a browser on your own machine can open the address on this one through: ssh -L ${port}:127.0.0.1:${port} ${sshHost(SSH_CONNECTION)}`;
}

/** The address at which this machine was reached, where it can be said in one word. */
function sshHost(connection: string): string {
  const [, , here = ''] = connection.split(' ');
  return isIPv4(here) ? here : '<this machine>';
}
