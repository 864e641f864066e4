/** The person's browser. It is given a URL and nothing else: no shell, no secrets in its environment. */
import { spawn } from 'node:child_process';

/** Where a browser may be looked for. */
export interface BrowserEnvironment {
  /** The program named by `BROWSER`. */
  program: string | undefined;
  /** Whether a browser opened here would be seen by the person: a desktop, not SSH, not CI. */
  visible: boolean;
}

/** Opens a URL and says whether something was started. */
export type OpenBrowser = (url: URL, environment: BrowserEnvironment) => Promise<boolean>;

/**
 * Opens a URL once and says whether something was started. Never throws: the URL is printed as well, so a browser
 * that does not start costs nothing but a click.
 */
export const openBrowser: OpenBrowser = async (url, environment) => {
  const address = harmlessArgument(url);
  if (environment.program !== undefined) return started(environment.program, address);
  if (!environment.visible) return false;
  try {
    const { default: open } = await import('open');
    const child = await open(address);
    child.on('error', () => {});
    return true;
  } catch {
    return false;
  }
};

/**
 * The address with everything percent-encoded that a shell could read something into. No shell is started here, but
 * what a desktop's own opener does with its argument is out of our sight (CVE-2025-6514 was such a surprise).
 */
export function harmlessArgument({ href }: URL): string {
  return href
    .replace(/%(?![0-9A-Fa-f]{2})/g, '%25')
    .replace(
      /[^\w\-.~%/:@?&=+*,#[\]]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}

/** Resolves once the program runs or cannot be started. Its own chatter is kept away from our streams. */
function started(program: string, argument: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, [argument], { stdio: 'ignore', shell: false, detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
