/** What a console says of itself: a line of JSON for each request and each change of its own state, without content. */
import { clock } from '../clock/clock.ts';
import type { AppError } from '../errors/app-error.ts';

/** One line. Nothing of a request or an answer is in it but where it went, whose it was and how it ended. */
export type JournalLine = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Where lines go. */
export interface Journal {
  say(what: string, line?: JournalLine): void;
}

/** Lines as they are written. */
export function journalTo(write: (text: string) => void): Journal {
  return {
    say: (what, line = {}) => write(`${JSON.stringify({ at: clock.now().toISOString(), what, ...line })}\n`),
  };
}

/** Where something was made: never its message, which may quote what came from outside. */
export function framesOf(error: Error): string {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .slice(0, 20)
    .join(' | ');
}

/** Says that a certificate was renewed, or why the one before goes on. */
export function sayCertificate(journal: Journal, change: 'renewed' | AppError): void {
  if (change === 'renewed') journal.say('certificate');
  else journal.say('certificate refused', { code: change.code, why: change.message });
}
