/** The person's browser. It is given a URL and nothing else: no shell, no secrets in its environment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { env } from 'node:process';
import { clock } from '../clock/clock.ts';

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
 * Opens a URL once and says whether something was started, and did not fail at once. Never throws: the URL is printed as
 * well, so a browser that does not start costs nothing but a click.
 */
export const openBrowser: OpenBrowser = async (url, environment) => {
  const address = harmlessArgument(url);
  const { program } = environment;
  if (program !== undefined) {
    for (const command of commandsIn(program)) {
      if (isOfTerminal(command[0])) continue;
      if (await started(withAddress(command, address))) return true;
    }
    return false;
  }
  if (!environment.visible) return false;
  try {
    const { default: open } = await import('open');
    return await staysOrEndsWell(await open(address));
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

/** A program and its words. */
type Command = readonly [program: string, ...words: string[]];

/** What stands between two of these in a list is one browser, as in the PATH of the system. */
const entry = delimiter === ';' ? /(?:"[^"]*"|'[^']*'|[^;])+/g : /(?:"[^"]*"|'[^']*'|[^:])+/g;
const word = /(?:"[^"]*"|'[^']*'|\S)+/g;

/**
 * What `BROWSER` names, in the order in which it is tried: a list of commands, as xdg-open(1) and others read it, with quotes
 * around what has blanks in it. No shell reads it. A path may have blanks and colons in it: what is a program as a whole is that
 * one.
 */
function commandsIn(text: string): Command[] {
  const entries = (text.match(entry) ?? []).flatMap((each): Command[] => {
    const [program, ...words] = (each.match(word) ?? []).map((one) => one.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
    return program === undefined ? [] : [[each], [program, ...words]];
  });
  const commands: Command[] = [[text], ...entries];
  return [...new Map(commands.map((command) => [JSON.stringify(command), command])).values()];
}

/** `firefox --new-window %s`: the address stands where %s is, or last. */
function withAddress([program, ...words]: Command, address: string): Command {
  const isPlaced = words.some((each) => each.includes('%s'));
  return [program, ...words.map((each) => each.replaceAll('%s', () => address)), ...(isPlaced ? [] : [address])];
}

/** Starts a program and says whether it did. Its own chatter is kept away from our streams. */
async function started([program, ...words]: Command): Promise<boolean> {
  try {
    // Some reasons are thrown here and now, such as a path through a file, and others come as an event.
    return await staysOrEndsWell(spawn(program, words, { stdio: 'ignore', shell: false, detached: true }));
  } catch {
    return false;
  }
}

/** So long a browser has to say that it cannot: without a screen, or without a terminal. */
const failsWithinMs = 300;

/** Whether a program that was started is there after a moment, or has ended well by then, as one that told another does. */
function staysOrEndsWell(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (well: boolean) => {
      stop();
      child.unref();
      resolve(well);
    };
    const stop = clock.after(failsWithinMs, () => settle(true));
    child.once('error', () => settle(false));
    child.once('exit', (code) => settle(code === 0));
    if (child.exitCode !== null) settle(child.exitCode === 0);
  });
}

/** Browsers that show pages in the terminal that they are started in. */
const textBrowsers: ReadonlySet<string> = new Set([
  'w3m',
  'lynx',
  'links',
  'links2',
  'elinks',
  'retawq',
  'browsh',
  'netrik',
  'carbonyl',
]);

/** Whether every browser that `BROWSER` names needs a terminal for itself. Started from here it would have none, and end at once. */
export function isTextBrowser(text: string): boolean {
  const programs = commandsIn(text).map(([program]) => program);
  // What is tried as a whole is a path, or it is none: then the words of it say which browser is meant.
  const known = programs.filter(isOfTerminal);
  return known.length > 0 && programs.every((program) => known.includes(program) || realNamesOf(program).length === 0);
}

/** By its own name or the one that it leads to, such as `www-browser` of Debian. */
function isOfTerminal(program: string): boolean {
  return [program, ...realNamesOf(program).slice(0, 1)].some((name) =>
    textBrowsers.has(basename(name).replace(/\.exe$/i, '')),
  );
}

/** The files that a program leads to, in the order in which they are found. */
function realNamesOf(program: string): string[] {
  // biome-ignore lint/style/noProcessEnv: where the system looks for programs is no setting of ours
  const searched = env['PATH'] ?? '';
  const places = /[\\/]/.test(program) ? [program] : searched.split(delimiter).map((folder) => join(folder, program));
  return places.flatMap((path) => {
    try {
      accessSync(path, constants.X_OK);
      return [realpathSync(path)];
    } catch {
      return [];
    }
  });
}
