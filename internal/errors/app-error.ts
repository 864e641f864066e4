import type { ErrorCode } from './exit-codes.ts';
import { hintOf } from './hints.ts';

/** What an {@link AppError} carries beside its message. */
export interface AppErrorOptions {
  /** What to do next, as a command where there is one; the advice for the code when left out. */
  hint?: string;
  /** The error underneath, shown with `--debug` only. */
  cause?: unknown;
}

/**
 * The one error class of the product: what could not be done, to which thing, and why.
 * Messages are lower case without a final stop; text from outside in them goes through
 * `quote` (P9), and secrets never appear, not even malformed ones (P3).
 */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? hintOf[code];
  }
}

/** What ended a run as the one kind of error that is printed: an interruption and a bug too. */
export function asAppError(error: unknown, signal: AbortSignal): AppError {
  if (error instanceof AppError) return error;
  if (signal.aborted) return new AppError('interrupted', 'interrupted', { cause: error });
  return new AppError('bug', 'this is a bug in the tool', {
    hint: 'run again with --debug and report the stack',
    cause: error,
  });
}
