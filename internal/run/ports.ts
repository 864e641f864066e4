/**
 * What a run gets from whoever starts it: a command line at a terminal, or a server that has no terminal. What people say
 * and see goes through here, and nothing in this room or below knows more of where it runs.
 */
import type { Configuration } from '../config/definitions.ts';
import type { Proof } from '../identity/proof.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import type { Directories } from '../outside/directories.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { KeptSecrets } from '../stores/kept-secret.ts';
import type { Stores } from '../stores/kept-text.ts';
import type { Environment } from './environment.ts';
import type { ProgressEvent } from './event-table.ts';
import type { ShownRecord, ShowRecordRequest } from './values/record.ts';

/** Something that takes time; `done` ends it on every path, with or without a last line. */
export interface Waiting {
  /**
   * Says how far it is: so many of so many are done, or so many so far where nobody knows how many there are. `now` is what
   * is being done just now, in place of what is waited for. On a terminal the line changes, a log gets a line now and then.
   */
  at(done: number, all?: number, now?: string): void;
  done(text?: string): void;
}

/** The lines a run says while it works. */
export interface Tell {
  /** For everybody, unless `--quiet`. */
  note(text: string): void;
  /** With `--verbose`. */
  detail(text: string): void;
  /** Said even with `--quiet`: something the person has to know or do. With `--json-events`, `event` stands for it. */
  warn(text: string, event?: ProgressEvent): void;
  /** For programs only, with `--json-events`: what people read elsewhere. */
  event(event: ProgressEvent): void;
  /** A command to the runner of a CI job, which reads it at the beginning of a line. */
  command(line: string): void;
  /** A spinner on a terminal, one plain line otherwise; nothing with `--quiet`. */
  wait(text: string): Waiting;
}

/** Questions to the person who is here. Each throws `interrupted` on Ctrl-C. */
export interface Ask {
  /** Shows what a question is about, as lines of its own. Nothing in them moves a cursor, whatever they hold (P9). */
  show(lines: readonly string[]): void;
  /** Asks once for a yes. Everything else is no, and so is waiting too long. `about` is for whoever has other words for the answers. */
  yes(question: string, timeoutMs: number, about?: 'other account'): Promise<boolean>;
  /** Asks once for one line, which is empty where none came. */
  line(question: string, timeoutMs: number): Promise<string>;
  /** One line that has to come: throws `timed_out`, and `client_needed` where the person is gone. */
  needed(question: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<string>;
  /** The same, with nothing shown while it is typed. */
  unseen(what: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<string>;
}

/** A secret that a person or another program enters. */
export interface Entering {
  /** In words: "the token of GitHub". */
  what: string;
  /** The command that asks, for the hint. */
  command: string;
}

/** How somebody is sent to a browser and comes back. */
export interface Browser
  extends Pick<BrowserVisit, 'timeoutMs' | 'callbackPort' | 'returnsTo' | 'listen' | 'show' | 'showCode'> {
  /** Shows a page of ours that waits for one browser. What it returns cleans up. Throws `sign_in_needed`. */
  invite(page: InvitingPage, purpose: string): Promise<() => void>;
}

/** A page that lets in whoever has its address. */
export interface InvitingPage {
  address: URL;
  /** Whether its listener is told by the kernel whose a connection is. */
  namesPeers: boolean;
  /** Says that the address became the argument of a program, which every account of the machine can read. */
  invitedPublicly(): void;
}

/** File descriptors through which another program of whoever starts the run hands secrets over. */
export interface Descriptors {
  /** `--client-secret-fd`: the secret of a client at a service. */
  readonly clientSecret?: number | undefined;
  /** `--ownership-key-fd`: the private key that owner records are signed with. */
  readonly ownershipKey?: number | undefined;
  /** `--token-key-fd`: the private key that session tokens are signed with. */
  readonly tokenKey?: number | undefined;
  /** `--parent-token-fd`: the token of the session that begins this one. */
  readonly parentToken?: number | undefined;
  /** `--private-key-to-fd`: where a new private key goes. */
  readonly newKey?: number | undefined;
}

/** Which configuration a run is about. */
export interface Project {
  /** `--config`. */
  readonly config?: string | undefined;
  /** `--workspace`: the name of a workspace of the configuration. */
  readonly workspace?: string | undefined;
  /** The configuration itself, where a server has read it whole: then none is looked for. */
  readonly read?: Configuration | undefined;
  /** As it is by now, for a run that looks again whether it is the same. */
  readonly readAgain?: (() => Promise<Configuration>) | undefined;
}

/** Acts that are remembered from reading the record before. */
export interface LatestActs {
  /** What the whole record would say to this; undefined where that has to be read for it. */
  of(request: ShowRecordRequest): Promise<ShownRecord | undefined>;
}

/** What a run gets from whoever starts it. */
export interface Ports {
  /** What a person types to start it, for hints. */
  executable: string;
  version: string;
  environment: Environment;
  signal: AbortSignal;
  directories(): Directories | Promise<Directories>;
  /** What is kept between runs. */
  stores(): Promise<Stores>;
  /** The record of what is done; every run has one, whatever it does. */
  record(): Promise<RecordLog>;
  /** The latest acts in it, where whoever starts the run goes on for long and remembers them. */
  readonly latestActs?: LatestActs | undefined;
  /** Secrets that are kept between runs; undefined where the person wants none kept. Throws `usage`. */
  secrets(): Promise<KeptSecrets | undefined>;
  project: Project;
  /** Who the run is for, where whoever starts it has proven that: a server. Nobody signs in then, and the key is nobody's proof. */
  readonly proof?: Proof | undefined;
  descriptors: Descriptors;
  /** The commands that stand where a service can be named: no service can have the name of one. */
  besideServices: readonly string[];
  /**
   * Has the console of the configuration carry out a part of what a command does here: for the person of the ports' proof.
   * Left out where the configuration names none.
   */
  readonly atConsole?:
    | (<Request, Result>(useCase: UseCase<Request, Result>, request: Request, ports: Ports) => Promise<Result>)
    | undefined;
  /** `--timeout`: how long a person may take; undefined where nobody said. */
  readonly timeoutSeconds?: number | undefined;
  tell: Tell;
  /** Undefined where nobody can be asked. */
  ask: Ask | undefined;
  /** How much room there is where people read, as far as anybody knows; asked for by what lays lines out, and not before. */
  screen: { readonly columns: number | undefined; readonly rows: number | undefined };
  /**
   * One secret, typed unseen or piped in, as it came. Throws `sign_in_needed` where nobody can enter anything or nothing was
   * entered, `timed_out` or `interrupted`.
   */
  entered(entering: Entering): Promise<string>;
  /** The browser of a run; `command` is how to run it where somebody is. */
  browser(command: string): Browser;
  /** A piece of the result before the run ends, for answers that stream. */
  stream(text: string): void;
  /** Has something done once the result was handed over, and not before. */
  afterwards(work: () => Promise<void>): void;
}

/** Asks for a yes within a time; undefined where nobody can be asked. */
export function yesWithin({ ask }: Ports, timeoutMs: number): ((question: string) => Promise<boolean>) | undefined {
  return ask && (async (question) => await ask.yes(question, timeoutMs));
}

/**
 * What one command does, whoever starts it. Request and result are plain values that survive JSON; they are those of
 * `use-cases.ts`. A result is what `--json` prints, and in `beside` what only the text for people says. Throws AppErrors.
 */
export type UseCase<Request, Result> = (request: Request, ports: Ports) => Promise<Result>;
