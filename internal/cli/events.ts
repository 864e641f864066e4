/**
 * What a command says with `--json-events`: each line on stderr is one JSON object. The shapes are stable, and
 * docs/events.md has the same table. Nothing in an event is secret (P3), and no text in one moves a cursor (P9).
 */
import { clock } from '../clock/clock.ts';
import type { AppError } from '../errors/app-error.ts';
import type { ErrorCode, ExitCode } from '../errors/exit-codes.ts';
import type { EventOf, ProgressEvent } from '../run/event-table.ts';
import type { Tell } from '../run/ports.ts';
import { boundToRun } from '../secret/secret.ts';
import { harmlessJson } from '../text/quote.ts';
import type { Output, Verbosity } from './terminal.ts';

/** What comes before the error of a run that ended for one of these reasons. */
const causes: Partial<Record<ErrorCode, 'denied' | 'blocked' | 'expired' | 'mismatch'>> = {
  access_denied: 'denied',
  sign_in_needed: 'blocked',
  not_allowed: 'blocked',
  identity_refused: 'blocked',
  assurance_missing: 'blocked',
  offboarded: 'blocked',
  client_needed: 'blocked',
  config_unconfirmed: 'blocked',
  timed_out: 'expired',
  account_mismatch: 'mismatch',
  another_person: 'mismatch',
};

/** How often a program hears how far something is. */
const everyMs = 1_000;

/** The progress of a run as events. */
export function eventsOn(stderr: Output, verbosity: Verbosity): Tell {
  const event = boundToRun((told: ProgressEvent) => void stderr.write(eventLine(told)));
  const note = (message: string) => event({ event: 'note', message });
  const quiet = verbosity === 'quiet';
  return {
    note: (text) => void (!quiet && note(text)),
    detail: (text) => void ((verbosity === 'verbose' || verbosity === 'debug') && note(text)),
    warn: (message, told) => event(told ?? { event: 'warning', message }),
    event,
    // Who reads events is no runner.
    command() {},
    wait(text) {
      if (!quiet) note(text);
      const began = clock.monotonic();
      let last = Number.NEGATIVE_INFINITY;
      return {
        at(done, all, now = text) {
          const elapsed = clock.monotonic() - began;
          if (quiet || elapsed - last < everyMs) return;
          last = elapsed;
          event({ event: 'progress', message: now, done, all: all ?? null, seconds: Math.round(elapsed / 1000) });
        },
        done: (ended) => void (ended !== undefined && !quiet && note(ended)),
      };
    },
  };
}

/** What comes before the error of a run that was denied, blocked, expired or mismatched; empty for any other. */
export function causeEvent({ code, message }: AppError): string {
  const cause = causes[code];
  return cause === undefined ? '' : eventLine({ event: cause, message });
}

/** The last line of a run that failed. `stack` is for `--debug`, and the one field that is not in the table. */
export function errorEvent(error: AppError, exit: ExitCode, stack: readonly string[] | undefined): string {
  const { code, message, hint = null } = error;
  const last: ProgressEvent = { event: 'error', code, message, hint, exit };
  return eventLine(stack === undefined ? last : { ...last, stack });
}

function eventLine(event: ProgressEvent | (EventOf<'error'> & { stack: readonly string[] })): string {
  return `${harmlessJson(event)}\n`;
}
