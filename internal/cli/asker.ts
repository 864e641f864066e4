import type { OpenBrowser } from '../outside/browser.ts';
import type { TerminalInput } from '../outside/terminal-input.ts';
import type { Environment } from '../run/environment.ts';
import type { Ports, Tell } from '../run/ports.ts';

/** What a question needs of a run. */
export interface Asker {
  /** For answers that must not be seen, too; to be read only where questions can be asked. */
  stdin: TerminalInput;
  signal: AbortSignal;
  progress: Pick<Tell, 'warn'>;
}

/** Where a command line was typed, with whoever sits there or nobody. */
export interface Terminal extends Asker, Pick<Ports, 'directories'> {
  environment: Environment;
  progress: Tell;
  /** Whether questions can be asked: stdin and stderr are terminals and this is not CI. */
  interactive: boolean;
  openBrowser: OpenBrowser;
}
