/** What a command line gives its action, and the ports of the run: its options, its terminal, its browser. */
import type { Ports, Tell } from '../run/ports.ts';
import { boundToRun } from '../secret/secret.ts';
import { visible } from '../text/quote.ts';
import type { Terminal } from './asker.ts';
import type { CommandContext, CommonOptions, Invocation } from './program.ts';
import { type BrowserOptions, terminalBrowser } from './terminal-browser.ts';
import { version } from './version.ts';

/** The options that say how a run reaches people and other programs; a command has those that it declares. */
type PortOptions = CommonOptions & BrowserOptions & { clientSecretFd?: number; privateKeyToFd?: number };

/** What is decided outside: what is said, and what becomes of the result. */
type Given = Pick<Ports, 'executable' | 'besideServices' | 'stream' | 'afterwards' | 'tell'>;

/** Lines on a terminal, without the name of the tool in front of each. */
function shownOn(stderr: Invocation['stderr']): (lines: readonly string[]) => void {
  // A terminal belongs to no run.
  const shown = boundToRun(visible);
  return (lines) => void stderr.write(lines.map((line) => `${shown(line)}\n`).join(''));
}

/** Lines for a program that reads events. */
function toldBy({ warn }: Tell): (lines: readonly string[]) => void {
  return (lines) => {
    for (const line of lines) warn(line);
  };
}

/** Some terminals say that they are 0 wide; nothing can be laid out for one that is narrower than this. */
function countable(size: number | undefined): number | undefined {
  return size === undefined || size < leastRoom ? undefined : size;
}

const leastRoom = 10;

/** The context of one command line, with its ports. Each option is read when a run asks for it, and not before. */
export function contextOf(invocation: Invocation, options: PortOptions, given: Given): CommandContext {
  const { environment, stdin, stderr, signal, directories, openBrowser } = invocation;
  const interactive = stdin.isTTY === true && stderr.isTTY === true && environment.CI === undefined;
  const { tell: progress } = given;
  const terminal: Terminal = { stdin, signal, progress, environment, directories, openBrowser, interactive };
  const kept = {
    stores: async () => (await import('./machine-stores.ts')).machineStores(invocation),
    record: once(async () => (await import('./machine-stores.ts')).machineRecord(invocation)),
    secrets: async () => (await import('./machine-stores.ts')).machineSecrets(invocation),
    ...invocation.kept,
  };
  const ports: Ports = {
    ...given,
    environment,
    signal,
    directories,
    version,
    ...kept,
    project: {
      get config() {
        return options.config;
      },
      get workspace() {
        return options.workspace;
      },
    },
    descriptors: {
      get clientSecret() {
        return options.clientSecretFd;
      },
      get ownershipKey() {
        return options.ownershipKeyFd;
      },
      get tokenKey() {
        return options.tokenKeyFd;
      },
      get parentToken() {
        return options.parentTokenFd;
      },
      get newKey() {
        return options.privateKeyToFd;
      },
    },
    get timeoutSeconds() {
      return options.timeout;
    },
    screen: {
      get columns() {
        return countable(stderr.columns ?? invocation.stdout.columns);
      },
      get rows() {
        return countable(stderr.rows);
      },
    },
    ask: interactive
      ? {
          show: options.jsonEvents === true ? toldBy(progress) : shownOn(stderr),
          yes: async (question, timeoutMs) =>
            await (await import('./confirm.ts')).confirm(terminal, question, timeoutMs),
          line: async (question, timeoutMs) =>
            await (await import('./confirm.ts')).typedLine(terminal, question, timeoutMs),
          needed: async (question, timeoutMs, given) =>
            await (await import('./needed-line.ts')).shownLine(terminal, question, timeoutMs, given),
          unseen: async (what, timeoutMs, given) =>
            await (await import('./needed-line.ts')).unseenLine(terminal, what, timeoutMs, given),
        }
      : undefined,
    async entered(entering) {
      const { enteredLine } = await import('./entered-line.ts');
      return await enteredLine(terminal, { ...entering, timeout: options.timeout });
    },
    browser: (command) => terminalBrowser(terminal, options, command),
  };
  return {
    perform: async (useCase, request) =>
      await (invocation.perform === undefined
        ? (await import('./perform.ts')).performWhereItBelongs(useCase, request, ports)
        : invocation.perform(useCase, request, ports)),
    message: async (said) => await (await import('./message.ts')).readMessage(terminal, said),
    options,
    environment,
    besideServices: given.besideServices,
    ports,
  };
}

/** What is opened when it is first asked for: whoever asks again gets the same. */
function once<Thing>(open: () => Promise<Thing>): () => Promise<Thing> {
  let opened: Promise<Thing> | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
}
