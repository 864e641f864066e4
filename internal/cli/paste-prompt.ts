/** The prompt at which a person pastes the address that the browser ended at. Nothing of it is shown, then or later. */
import { isIPv4 } from 'node:net';
import type { Shown } from '../oauth/browser-visit.ts';
import { readHidden, type TerminalInput } from '../outside/terminal-input.ts';
import type { Environment } from './environment.ts';
import type { Progress } from './terminal.ts';

/** Says what to paste and what not to, and asks for it until the wait is over. */
export function pastePrompt(
  input: TerminalInput,
  { SSH_CONNECTION }: Environment,
  progress: Progress,
  redirectUri: string,
): Shown {
  if (SSH_CONNECTION !== undefined) {
    const { port } = new URL(redirectUri);
    progress.warn(
      `a browser on your own machine comes back here through: ssh -L ${port}:127.0.0.1:${port} ${sshHost(SSH_CONNECTION)}`,
    );
  }
  progress.warn(
    `where the browser cannot come back by itself, paste the whole address that it ends at: ${redirectUri}?...`,
  );
  progress.warn('do this only if you started it yourself; nothing is shown while you paste, and Enter ends it');
  return {
    done() {},
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

/** The address at which this machine was reached, where it can be said in one word. */
function sshHost(connection: string): string {
  const [, , here = ''] = connection.split(' ');
  return isIPv4(here) ? here : '<this machine>';
}
