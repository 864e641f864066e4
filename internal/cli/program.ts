/** What an executable is, what a process gives to a run of it, and what its commands get and give. */
import type { Command } from 'commander';
import type { AppError } from '../errors/app-error.ts';
import type { ExitCode } from '../errors/exit-codes.ts';
import type { OpenBrowser } from '../outside/browser.ts';
import type { Directories } from '../outside/directories.ts';
import type { TerminalInput } from '../outside/terminal-input.ts';
import type { Environment } from '../run/environment.ts';
import type { Ports, UseCase } from '../run/ports.ts';
import type { Table } from '../text/table.ts';
import type { MessageOptions } from './message.ts';
import type { Output } from './terminal.ts';

/** What a process gives to a run; tests give their own. */
export interface Invocation {
  /** The words after the program's name. */
  argv: readonly string[];
  environment: Environment;
  stdin: TerminalInput;
  stdout: { write(text: string): unknown; columns?: number | undefined };
  stderr: Output;
  /** Aborted on SIGINT, SIGTERM and SIGHUP. */
  signal: AbortSignal;
  directories(): Directories | Promise<Directories>;
  openBrowser: OpenBrowser;
  /** Keeps things between runs elsewhere than on this machine. */
  kept?: Partial<Pick<Ports, 'stores' | 'secrets' | 'record'>> | undefined;
  /** Carries out a use-case in another way than here and now. */
  perform?: Perform;
}

/** Carries out one use-case. */
export type Perform = <Request, Result>(
  useCase: UseCase<Request, Result>,
  request: Request,
  ports: Ports,
) => Promise<Result>;

/** The options that every command of every executable takes. */
export interface CommonOptions {
  config?: string;
  /** `--workspace`: the name of a workspace of the configuration. */
  workspace?: string;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  debug?: boolean;
  color?: boolean;
  /** `--ownership-key-fd`: where the private key is read from that owner records are signed with. */
  ownershipKeyFd?: number;
  tokenKeyFd?: number;
  parentTokenFd?: number;
  jsonEvents?: boolean;
}

/** What an action turns words into: a request that is carried out, and what its text is made of besides. */
export interface CommandContext extends Pick<Ports, 'besideServices'> {
  /** Carries out what the words ask for, with the ports of this command line. */
  perform<Request, Result>(useCase: UseCase<Request, Result>, request: Request): Promise<Result>;
  /** What a session is told, from where the options say it comes; undefined where they name nothing. */
  message(options: MessageOptions): Promise<string | undefined>;
  options: CommonOptions;
  environment: Pick<Environment, 'NO_COLOR'>;
  /** For the commands that are no use-case: `serve`, which runs them for others, and `wrap`, which has to do with none. */
  ports: Ports;
}

/** What people read: lines, and tables, which are as wide as the terminal lets them be; one piece below the other. */
export type ResultText = string | readonly (string | Table)[];

/** The result of a command: text for people, one value for `--json`. */
export interface CommandResult {
  text: ResultText;
  /** Without its member `beside`, where it has one. */
  json: unknown;
  /** The secret that was asked for, and nothing else: printed as it is, in the place of text and JSON. */
  secret?: string;
  /** 0 unless the result itself says otherwise (7 for `--check`). */
  exit?: ExitCode;
  /** Why the command failed all the same: the result is what there was until then. */
  failure?: AppError;
}

/** Turns an action into a commander action. */
export type Run = <Words extends unknown[]>(
  action: (context: CommandContext, ...words: Words) => Promise<CommandResult>,
) => (...words: [...Words, Command]) => Promise<void>;

/** An executable: its name and how its commander program is built around a {@link Run}. */
export interface Executable {
  name: string;
  /** Whether the first word can be a service in place of a command. */
  namesServices?: true;
  build(run: Run): Promise<Command>;
}
