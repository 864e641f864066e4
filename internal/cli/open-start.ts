/** Opens an address of ours that works once, so that no other account of the machine gains anything by reading `ps`. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { type RedirectFile, redirectFile } from '../outside/redirect-file.ts';
import type { Environment } from '../run/environment.ts';
import { quote } from '../text/quote.ts';
import type { Terminal } from './asker.ts';

/** How it was opened. */
export interface Opened {
  /** Whether a program was started. */
  opened: boolean;
  /** Whether the address is an argument of that program. */
  isPublic: boolean;
  /** Removes what was written for it. */
  done(): void;
}

/** What an address is opened with. */
export interface OpenStart {
  address: URL;
  /** Whether the listener behind it is told by the kernel whose a connection is, and lets in nobody else. */
  namesPeers: boolean;
}

/**
 * Opens it. Where the kernel names the owner of a connection the address itself is the argument: no other account can use
 * it, and every browser can open it. Elsewhere the argument is a file that only its owner can read. Where neither is
 * possible nothing is opened; the address is printed in any case.
 */
export async function openStart(
  context: Pick<Terminal, 'environment' | 'openBrowser' | 'directories' | 'progress'>,
  { address, namesPeers }: OpenStart,
): Promise<Opened> {
  const { environment, progress } = context;
  const visible = isVisible(environment);
  const program = environment.BROWSER;
  const none: Opened = { opened: false, isPublic: false, done() {} };
  if (program === undefined && visible && isWindowsSubsystem()) {
    // The browser of Windows comes through a relay, of which no kernel says whose it is.
    progress.note('under WSL nothing is opened by itself: open the address in your browser');
    return none;
  }
  if (program !== undefined) {
    const { isTextBrowser } = await import('../outside/browser.ts');
    if (isTextBrowser(program)) {
      progress.note(
        `${quote(program)} needs a terminal for itself: open the address there, in another one on this machine`,
      );
      return none;
    }
  }
  const file = namesPeers ? undefined : await fileFor(context, address);
  if (!namesPeers && file === undefined) {
    progress.warn('no file could be written to start the browser with: open the address yourself');
    return none;
  }
  const opened = await context.openBrowser(file?.url ?? address, { program, visible });
  if (!opened) await file?.remove();
  return { opened, isPublic: opened && file === undefined, done: () => void file?.remove().catch(() => {}) };
}

async function fileFor(
  { directories }: Pick<Terminal, 'directories'>,
  address: URL,
): Promise<RedirectFile | undefined> {
  const { state } = await directories();
  return await redirectFile(join(state, 'browser'), address);
}

/** Whether a browser opened on this machine would be seen by the person at the keyboard. */
export function isVisible(environment: Environment): boolean {
  if (environment.CI !== undefined || environment.SSH_CONNECTION !== undefined) return false;
  if (process.platform !== 'linux') return true;
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) return false;
  return environment.DISPLAY !== undefined || environment.WAYLAND_DISPLAY !== undefined;
}

function isWindowsSubsystem(): boolean {
  return process.platform === 'linux' && /microsoft/i.test(release());
}
