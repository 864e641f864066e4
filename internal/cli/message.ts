/** What a session is told: from an argument, from stdin or from a file. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { readBoundedBytes } from '../outside/terminal-input.ts';
import { quote } from '../text/quote.ts';
import type { Asker } from './asker.ts';
import { namedFile } from './named-file.ts';

/** The options that name a message; commander refuses both at once. */
export interface MessageOptions {
  /** The text, or `-` for stdin. */
  message?: string;
  messageFile?: string;
  /** How long stdin may take, in seconds. */
  timeout?: number;
}

/** More than a model can read at once, and far less than the 32 MB of a request. */
const longestBytes = 4 * 2 ** 20;
const defaultSeconds = 300;

/**
 * The text that the options name, without the line break at its end; undefined where they name none. Throws `usage` for one
 * that is empty, too long or no UTF-8, `file_system`, `timed_out` or `interrupted`.
 */
export async function readMessage(
  asker: Asker,
  { message, messageFile, timeout }: MessageOptions,
): Promise<string | undefined> {
  if (messageFile !== undefined) return checked(await namedFile(messageFile, longestBytes), quote(messageFile));
  if (message === undefined) return undefined;
  if (message !== '-') return checked(Buffer.from(message), 'the message');
  return checked(await stdinBytes(asker, timeout ?? defaultSeconds), 'stdin');
}

async function stdinBytes({ stdin, signal, progress }: Asker, seconds: number): Promise<Buffer> {
  if (stdin.isTTY === true) progress.warn('type the message; Ctrl-D on a line of its own ends it');
  try {
    return await readBoundedBytes(stdin, longestBytes, AbortSignal.any([signal, clock.deadline(seconds * 1000)]));
  } catch (cause) {
    if (signal.aborted) throw new AppError('interrupted', 'interrupted', { cause });
    throw new AppError('timed_out', `no message ended on stdin within ${seconds} s`, {
      hint: 'nothing was sent; give it more time with --timeout <seconds>',
      cause,
    });
  }
}

function checked(bytes: Buffer, source: string): string {
  if (bytes.length > longestBytes) {
    throw new AppError('usage', `${source} is longer than the ${longestBytes / 2 ** 20} MiB that a message may have`, {
      hint: 'nothing was sent; give the agent a smaller piece, or a place where it can read the whole',
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('usage', `${source} is not UTF-8 text`, { hint: 'nothing was sent', cause });
  }
  if (text.trim() === '') throw new AppError('usage', `${source} is empty`, { hint: 'nothing was sent' });
  return text.replace(/\r?\n$/, '');
}
