/**
 * The keychain of the operating system: the only file that touches it. Each call runs in a process of its own. The
 * library waits inside native code, for a locked keychain as long as a dialog that nobody may see stays open, and holds
 * up everything else in its process meanwhile; only the end of that process ends it.
 */
import { createRequire } from 'node:module';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';
import { askProgram } from './child-process.ts';

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

type Library = typeof import('@napi-rs/keyring/keytar.js');
type Act = 'getPassword' | 'setPassword' | 'deletePassword';

/** Under which name all of ours stands in the keychain. */
const service = 'managed-agents-interface';
const defaultTimeoutMs = 5_000;
const longestAnswer = 64 * 1024;

/** What the other process runs. It is told everything through its input: arguments can be read by anybody (P3). */
const program = `
let text = '';
process.stdin.setEncoding('utf8').on('data', (piece) => (text += piece)).on('end', async () => {
  let answer;
  try {
    const { library, act, words } = JSON.parse(text);
    answer = { done: (await require(library)[act](...words)) ?? null };
  } catch (error) {
    answer = { failed: String(error?.message) };
  }
  process.stdout.write(JSON.stringify(answer));
});`;

/** Runs by their signal whose keychain has failed: it would keep everybody who asks waiting once more. */
const failed = new WeakMap<AbortSignal, KeychainUnavailable>();

/**
 * The keychain of this machine. Nothing happens before the first call; each call ends within the time limit. One that
 * failed is not asked again in the same run.
 */
export function openKeychain(signal: AbortSignal, timeoutMs: number = defaultTimeoutMs): Keychain {
  const ask = async (act: Act, ...words: string[]) => {
    const before = failed.get(signal);
    if (before !== undefined) throw before;
    try {
      return await askLibrary({ act, words: [service, ...words], signal, timeoutMs });
    } catch (error) {
      if (error instanceof KeychainUnavailable) failed.set(signal, error);
      throw error;
    }
  };
  return {
    async read(account) {
      const value = await ask('getPassword', account);
      return typeof value === 'string' ? new Secret(value) : undefined;
    },
    async write(account, value) {
      await ask('setPassword', account, value.reveal());
    },
    async remove(account) {
      await ask('deletePassword', account);
    },
  };
}

interface Call {
  act: Act & keyof Library;
  words: string[];
  signal: AbortSignal;
  timeoutMs: number;
}

async function askLibrary({ act, words, signal, timeoutMs }: Call): Promise<unknown> {
  const answer = await askProgram({
    program: process.execPath,
    words: ['--input-type=commonjs', '-e', program],
    input: JSON.stringify({ library: pathOfLibrary(), act, words }),
    signal,
    timeoutMs,
    longestAnswer,
  });
  switch (answer.kind) {
    case 'interrupted':
      throw new AppError('interrupted', 'interrupted while asking the keychain');
    case 'late':
      throw new KeychainUnavailable(`no answer within ${timeoutMs / 1000} s; it may be locked`);
    case 'failed':
      throw new KeychainUnavailable(`it gave no answer: ${answer.why}`);
    case 'answered':
      return judgeAnswer(answer.text);
  }
}

function judgeAnswer(text: string): unknown {
  let answer: { done?: unknown; failed?: string };
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    throw new KeychainUnavailable('it gave no answer');
  }
  if (answer.failed !== undefined) throw new KeychainUnavailable(answer.failed);
  return answer.done;
}

/** The library is optional: where its native part cannot be installed, everything else works. */
function pathOfLibrary(): string {
  try {
    return createRequire(import.meta.url).resolve('@napi-rs/keyring/keytar.js');
  } catch {
    throw new KeychainUnavailable('the package @napi-rs/keyring is not installed');
  }
}
