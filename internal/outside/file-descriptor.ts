/** A file descriptor that whoever started us left open for us, such as that of `3< <(command)`: read once, then closed. */

import { close, fstat, read, write } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import { promisify } from 'node:util';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { Secret } from '../secret/secret.ts';

/** More than any secret. */
const longestBytes = 8 * 1024;

/**
 * The secret that a descriptor holds, without one final newline. Throws `usage` when nothing of the kind is open there or
 * it holds none, `timed_out` when its other end stays silent, or `interrupted`.
 */
export async function readSecretFrom(descriptor: number, signal: AbortSignal, timeoutMs: number): Promise<Secret> {
  const bytes = await readBounded(descriptor, AbortSignal.any([signal, clock.deadline(timeoutMs)])).catch(
    (cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      if (signal.aborted) throw new AppError('interrupted', 'interrupted while reading a file descriptor', { cause });
      if (cause instanceof Error && cause.name === 'TimeoutError') {
        throw new AppError('timed_out', `file descriptor ${descriptor} gave nothing within ${timeoutMs / 1000} s`, {
          hint: 'the command that writes to it has to end',
          cause,
        });
      }
      throw new AppError('usage', `file descriptor ${descriptor} cannot be read`, { hint, cause });
    },
  );
  if (bytes.length > longestBytes)
    throw new AppError('usage', `file descriptor ${descriptor} holds no secret: too long`);
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (text === '') throw new AppError('usage', `file descriptor ${descriptor} is empty`, { hint });
  return new Secret(text);
}

const hint = 'let a command write it: <command that prints the secret> | <this command> with 0 for the descriptor';

let stdinIsRead = false;

async function readBounded(descriptor: number, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  if (descriptor === 0) {
    if (stdinIsRead) throw new AppError('usage', 'stdin can hold one secret, and two are to be read from it', { hint });
    stdinIsRead = true;
  }
  const stats = await promisify(fstat)(descriptor);
  if (stats.isFile()) {
    const buffer = Buffer.alloc(longestBytes + 1);
    const { bytesRead } = await promisify(read)(descriptor, buffer, 0, buffer.length, null).finally(
      // What was opened next would be stdin.
      async () => descriptor === 0 || (await promisify(close)(descriptor)),
    );
    return buffer.subarray(0, bytesRead);
  }
  if (!stats.isFIFO() && !stats.isSocket()) throw new Error('neither a file nor a pipe');
  // A socket can be given up; a read of a pipe through the file system waits in a thread that nothing ends.
  const socket = descriptor === 0 ? process.stdin : new Socket({ fd: descriptor, readable: true, writable: false });
  const chunks: Buffer[] = [];
  let length = 0;
  const interrupt = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > longestBytes) break;
    }
  } finally {
    signal.removeEventListener('abort', interrupt);
    socket.destroy();
  }
  return Buffer.concat(chunks);
}

/** Writes a secret and a final newline to a descriptor and closes it. Throws `usage` when it cannot be written. */
export async function writeSecretTo(descriptor: number, secret: Secret): Promise<void> {
  const bytes = Buffer.from(`${secret.reveal()}\n`);
  try {
    for (let done = 0; done < bytes.length; ) {
      done += (await promisify(write)(descriptor, bytes, done, bytes.length - done, null)).bytesWritten;
    }
    await promisify(close)(descriptor);
  } catch (cause) {
    throw new AppError('usage', `file descriptor ${descriptor} cannot be written`, {
      hint: 'open it for this command, in bash or zsh: 3> >(<command that keeps the secret>)',
      cause,
    });
  }
}
