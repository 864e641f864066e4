/**
 * An MCP server as a program of this machine: told on stdin, heard on stdout, line by line. It has a process group of its own,
 * which is ended as a whole: what it started has no other owner.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import process, { env, kill, platform } from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';

/** How one is started, and who hears it. */
export interface StdioServerStart {
  program: string;
  words: readonly string[];
  /** Variables by name, beside those of {@link usualVariables}. */
  variables: Readonly<Record<string, string>>;
  /** Names of further variables that it has as we have them. */
  passed: readonly string[];
  /** The longest line of stdout, in bytes. */
  longestLine: number;
  /** A line of stdout, without its end. */
  hear(line: string): void;
  /** A line of stdout was longer than that; nothing is kept of it. */
  tooLong(): void;
  /** A line of stderr; what is beyond {@link longestSaid} bytes of it is left out. */
  said(line: string): void;
}

/** How it ended, in words; its own doing where nobody asked for it. */
export interface StdioServerEnd {
  why: string;
}

/** One that was started. */
export interface StdioServer {
  /** False where it cannot be told anything any more, or does not read what it is told. */
  tell(line: string): boolean;
  /** Reads nothing more of stdout until told otherwise: then it waits as soon as its pipe is full. */
  hold(held: boolean): void;
  /** Settled once it has ended, and everything of its group with it. */
  ended: Promise<StdioServerEnd>;
  /** Ends its group: asked to, and a moment later made to. */
  end(): Promise<void>;
}

/** What every server gets of ours: where programs and its own files are, and how text and time are written. */
export const usualVariables = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'TERM',
] as const;

/** Longer lines of stderr are cut, in bytes. */
const longestSaid = 8 * 1024;
/** How long a group has between being asked to end and being made to. */
const graceMs = 2_000;
/** How long its last words have to come through its pipes. */
const lastWordsMs = 500;
/** What may wait for a server that does not read, in bytes. */
const mostUntold = 16 * 1024 * 1024;

/** Process groups that are there, by the id of their first process. A process of ours that ends at once takes them along. */
const groups = new Set<number>();
let watched = false;

function watchOwnEnd(): void {
  if (watched) return;
  watched = true;
  process.on('exit', () => {
    for (const group of groups) signalGroup(group, 'SIGKILL');
  });
}

/** Whether there was anybody to hear it. */
function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    return kill(-group, signal);
  } catch {
    return false;
  }
}

/** Whether this system has process groups that can be ended as a whole. */
export const endsWholeGroups: boolean = platform !== 'win32';

/** Starts one. What hinders that is how it ended. */
export function startStdioServer(start: StdioServerStart): StdioServer {
  const ended = deferred<StdioServerEnd>();
  let child: ChildProcessByStdio<Writable, Readable, Readable>;
  try {
    child = spawn(start.program, start.words, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
      env: environmentFor(start),
    });
  } catch (error) {
    // Some reasons come as an event, and others are thrown.
    const why = error instanceof Error ? error.message : String(error);
    return {
      tell: () => false,
      hold: () => {},
      ended: Promise.resolve({ why }),
      end: async () => {},
    };
  }
  const { pid, stdin, stdout, stderr } = child;
  if (pid !== undefined) {
    watchOwnEnd();
    groups.add(pid);
  }
  let over = false;
  const finish = (why: string) => {
    if (over) return;
    over = true;
    if (pid !== undefined) groups.delete(pid);
    stdin.destroy();
    ended.resolve({ why });
  };
  child.once('error', ({ message }) => finish(message));
  child.once('exit', (code, signal) => {
    const why = signal === null ? `it ended with exit ${code}` : `it was ended by ${signal}`;
    // What it started has nobody to answer to any more, and would keep the pipes open.
    if (pid !== undefined) signalGroup(pid, 'SIGKILL');
    // Its last words are still in them. What left its group may have them open for ever.
    stdout.resume();
    const stop = clock.after(lastWordsMs, () => finish(why));
    child.once('close', () => {
      stop();
      finish(why);
    });
  });
  // One that does not read, or is gone, says so by its end.
  stdin.on('error', () => {});
  readLines(stdout, start.longestLine, start.hear, start.tooLong);
  readLines(stderr, longestSaid, start.said, undefined);
  const end = async () => {
    if (pid === undefined || over) return;
    stdin.end();
    // A held pipe would keep it from ending.
    stdout.resume();
    signalGroup(pid, 'SIGTERM');
    const stop = clock.after(graceMs, () => signalGroup(pid, 'SIGKILL'));
    await ended.promise;
    stop();
  };
  return {
    tell(line) {
      if (over || stdin.destroyed || stdin.writableLength > mostUntold) return false;
      stdin.write(`${line}\n`);
      return true;
    },
    hold: (held) => void (held ? stdout.pause() : stdout.resume()),
    ended: ended.promise,
    end,
  };
}

function environmentFor({ variables, passed }: StdioServerStart): Record<string, string> {
  const names = new Set<string>([...usualVariables, ...passed]);
  const own = Object.entries(env).filter((each): each is [string, string] => names.has(each[0]));
  return { ...Object.fromEntries(own), ...variables };
}

/** Hands over each line. Of one that is too long nothing is handed over where `tooLong` hears of it, else its beginning. */
function readLines(
  stream: Readable,
  longest: number,
  line: (text: string) => void,
  tooLong: (() => void) | undefined,
): void {
  let pieces: Buffer[] = [];
  let length = 0;
  let skipping = false;
  const take = (piece: Buffer) => {
    if (skipping) return;
    pieces.push(piece);
    length += piece.length;
    if (length <= longest) return;
    skipping = true;
    if (tooLong === undefined) line(Buffer.concat(pieces).subarray(0, longest).toString('utf8'));
    else tooLong();
    pieces = [];
    length = 0;
  };
  const finish = () => {
    if (!skipping && length > 0) line(Buffer.concat(pieces).toString('utf8').replace(/\r$/, ''));
    pieces = [];
    length = 0;
    skipping = false;
  };
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let to = chunk.indexOf(0x0a); to >= 0; to = chunk.indexOf(0x0a, from)) {
      take(chunk.subarray(from, to));
      finish();
      from = to + 1;
    }
    if (from < chunk.length) take(chunk.subarray(from));
  });
  stream.on('end', finish);
  // A pipe that breaks ends with its program.
  stream.on('error', () => {});
}
