/**
 * The keychain of the operating system: the only file that touches it. It is asked in a process of its own, one for the
 * calls of a run that follow each other. The library waits inside native code, for a locked keychain as long as a dialog
 * that nobody may see stays open, and holds up everything else in its process meanwhile; only the end of that process ends it.
 *
 * On Linux the keychain is the Secret Service and nothing else. Left to itself the library takes the kernel's key ring where
 * there is none: that forgets everything at the next start, and a write there that fails halfway leaves the secret readable.
 */
import { createRequire } from 'node:module';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import { answeringLines } from './child-process.ts';

/** What a keychain keeps for us, by account. Throws {@link KeychainUnavailable} or `interrupted`. */
export interface Keychain {
  read(account: string): Promise<Secret | undefined>;
  write(account: string, value: Secret): Promise<void>;
  remove(account: string): Promise<void>;
}

/** There is no keychain that can be used now: nothing can be remembered, and nothing else is in the way. */
export class KeychainUnavailable extends Error {
  override readonly name: string = 'KeychainUnavailable';
}

/** It works, and does not take this: more than it has room for in one entry. Anything shorter may be kept. */
class TooLong extends KeychainUnavailable {
  override readonly name = 'TooLong';
}

type Act = keyof InstanceType<typeof import('@napi-rs/keyring').AsyncEntry> &
  ('getPassword' | 'setPassword' | 'deletePassword');

/** Under which name all of ours stands in the keychain. */
const service = 'managed-agents-interface';
const defaultTimeoutMs = 5_000;
/** Four tokens of 16 KiB each, and what is around them. What is longer could be written in many keychains, and never read. */
const longestEntry = 128 * 1024;
const longestAnswer = 4 * longestEntry;
/** A program that nobody asks anything does not keep what it has read. */
const idleMs = 2_000;

/** How long a write that failed may take to be undone, in milliseconds. */
const undoMs = 2_000;

/**
 * What the other process runs. It is told everything through its input: arguments can be read by anybody (P3). Removing
 * also removes from the kernel's key ring, where versions before this one may have written; that ring is not touched otherwise.
 */
const programText = `
const linux = process.platform === 'linux';
const isLeft = (description) => {
  try {
    const lines = linux ? require('node:fs').readFileSync('/proc/keys', 'utf8').split('\\n') : [];
    // In proc_keys(5) the flags come second: revoked, dead and invalidated keys only wait to be swept up.
    return lines.some((line) => line.includes(' ' + description + ': ') && !/[RDi]/.test(line.split(' ')[1]));
  } catch {
    return false;
  }
};
const { readSync, writeSync } = require('node:fs');
const piece = Buffer.alloc(65536);
let heard = Buffer.alloc(0);
const nextLine = () => {
  for (;;) {
    const end = heard.indexOf(10);
    if (end >= 0) {
      const line = heard.toString('utf8', 0, end);
      heard = heard.subarray(end + 1);
      return line;
    }
    let length = 0;
    try {
      length = readSync(0, piece);
    } catch (error) {
      // So Windows tells the end of a pipe.
      if (error.code !== 'EOF') throw error;
    }
    if (length === 0) return undefined;
    heard = Buffer.concat([heard, piece.subarray(0, length)]);
  }
};
const answerTo = async (line) => {
  try {
    const { library, act, service, account, words } = JSON.parse(line);
    const { AsyncEntry } = require(library);
    const entryIn = (store) => new AsyncEntry(service, account, { linux: { store } });
    const left = 'keyring:' + account + '@' + service;
    if (act === 'deletePassword' && isLeft(left)) await entryIn('keyutils').deletePassword().catch(() => {});
    let entry;
    try {
      entry = entryIn('secret-service');
    } catch (error) {
      if (linux) error.message = 'no Secret Service answers (GNOME Keyring, KWallet, KeePassXC): ' + error.message;
      throw error;
    }
    return { done: (await entry[act](...words)) ?? null, left: act === 'deletePassword' && isLeft(left) };
  } catch (error) {
    return { failed: String(error?.message) };
  }
};
(async () => {
  for (let line = nextLine(); line !== undefined; line = nextLine()) {
    const [number] = line.split(' ', 1);
    const answer = await answerTo(line.slice(number.length + 1));
    let left = Buffer.from(number + ' ' + JSON.stringify(answer) + '\\n');
    while (left.length > 0) left = left.subarray(writeSync(1, left));
  }
})();`;

/** Runs by their signal whose keychain has failed: it would keep everybody who asks waiting once more. */
const failed = new WeakMap<AbortSignal, KeychainUnavailable>();

/**
 * The keychain of this machine. Nothing happens before the first call; each call ends within the time limit. One that
 * failed is not asked again in the same run.
 */
export function openKeychain(signal: AbortSignal, timeoutMs: number = defaultTimeoutMs): Keychain {
  const program = startedWhenAsked();
  const ask = async (act: Act, account: string, ...words: string[]) => {
    const before = failed.get(signal);
    if (before !== undefined) throw before;
    try {
      return await askLibrary({ program, act, account, words, signal, timeoutMs });
    } catch (error) {
      if (!(error instanceof KeychainUnavailable)) throw error;
      const unavailable = act === 'setPassword' ? await undone(error, account) : error;
      if (!(error instanceof TooLong)) failed.set(signal, unavailable);
      throw unavailable;
    }
  };
  /** What was said not to be kept is not there: a write that was late, or failed halfway, is taken back. */
  const undone = async (error: KeychainUnavailable, account: string): Promise<KeychainUnavailable> => {
    try {
      const limits = { signal, timeoutMs: Math.min(timeoutMs, undoMs) };
      await askLibrary({ program, act: 'deletePassword', account, words: [], ...limits });
      return error;
    } catch (cause) {
      if (!(cause instanceof KeychainUnavailable)) throw cause;
      return new KeychainUnavailable(`${error.message}; nobody could look whether it kept it all the same`, { cause });
    }
  };
  return {
    async read(account) {
      const { done } = await ask('getPassword', account);
      return typeof done === 'string' ? new Secret(done) : undefined;
    },
    async write(account, value) {
      const words = value.reveal();
      if (Buffer.byteLength(words) > longestEntry) {
        const tooLong = new TooLong(`it is to keep more than ${longestEntry / 1024} KiB in one entry`);
        // What was there before is not what would be there now.
        throw await undone(tooLong, account);
      }
      await ask('setPassword', account, words);
    },
    async remove(account) {
      const { left } = await ask('deletePassword', account);
      if (left === true) {
        throw new KeychainUnavailable(
          'it is empty, but an older version left a copy in the key ring of the kernel: run keyctl purge user, or restart',
        );
      }
    },
  };
}

type KeychainProgram = ReturnType<typeof answeringLines>;

function startedWhenAsked(): KeychainProgram {
  return answeringLines({
    program: process.execPath,
    words: ['--input-type=commonjs', '-e', programText],
    longestAnswer,
    idleMs,
  });
}

interface Call {
  program: KeychainProgram;
  act: Act;
  account: string;
  words: string[];
  signal: AbortSignal;
  timeoutMs: number;
}

async function askLibrary({ program, act, account, words, signal, timeoutMs }: Call): Promise<LibraryAnswer> {
  const call = JSON.stringify({ library: pathOfLibrary(), act, service, account, words });
  const answer = await program(call, { signal, timeoutMs });
  switch (answer.kind) {
    case 'interrupted':
      throw new AppError('interrupted', 'interrupted while asking the keychain');
    case 'late':
      throw new KeychainUnavailable(`no answer within ${timeoutMs / 1000} s; it may be locked`);
    case 'failed':
      throw new KeychainUnavailable(`it gave no answer: ${answer.why}`);
    case 'answered':
      return judgeAnswer(answer.text, account);
  }
}

interface LibraryAnswer {
  done?: unknown;
  left?: boolean;
  failed?: string;
}

function judgeAnswer(text: string, account: string): LibraryAnswer {
  let answer: LibraryAnswer;
  try {
    answer = JSON.parse(text) as LibraryAnswer;
  } catch {
    throw new KeychainUnavailable('it gave no answer');
  }
  if (answer.failed !== undefined) throw failureOf(answer.failed, account);
  return answer;
}

/** What the library says, in words that lead out where they do not by themselves. */
function failureOf(said: string, account: string): KeychainUnavailable {
  const limit = /longer than (?:the )?platform limit of (\d+)/.exec(said)?.[1];
  if (limit !== undefined) return new TooLong(`one entry takes ${limit} bytes there, and this is longer`);
  const several = /^Entry is matched by (\d+)/.exec(said)?.[1];
  if (several === undefined) return new KeychainUnavailable(said);
  return new KeychainUnavailable(
    `it has ${several} entries of one name, and nobody can say which counts: remove them all (secret-tool clear service ${service} username '${account.replaceAll("'", "'\\''")}')`,
  );
}

/** The library is optional: where its native part cannot be installed, everything else works. */
function pathOfLibrary(): string {
  try {
    return createRequire(import.meta.url).resolve('@napi-rs/keyring');
  } catch {
    throw new KeychainUnavailable('the package @napi-rs/keyring is not installed');
  }
}
