import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TurnLimit } from '../../internal/session/stop-after.ts';

/** What a command that can send a message takes beside it. */
export interface TurnOptions {
  /** `--end`: end the session with its answer. */
  end?: boolean;
  stopAfter?: TurnLimit;
}

/** Adds the options of every command that can send a message. */
export function addMessage(command: Command): Command {
  return command
    .option('--message <text>', 'send a message and print the answer as it streams; - reads it from stdin')
    .addOption(
      new Option('--message-file <file>', 'send what is in a file, up to 4 MiB of UTF-8 text').conflicts('message'),
    )
    .option('--end', 'end the session when its answer is there')
    .option('--stop-after <limit>', 'interrupt the turn after a time (90s, 10m, 2h) or a use (50000tokens)', turnLimit);
}

const unitMs = { s: 1000, m: 60_000, h: 3_600_000 } as const;
const longestMs = 24 * unitMs.h;

/** Reads `--stop-after`. */
function turnLimit(text: string): TurnLimit {
  const [, count = '', unit = ''] = /^([1-9]\d{0,8})(s|m|h|tokens)$/.exec(text) ?? [];
  if (unit === 'tokens') return { kind: 'tokens', tokens: Number(count) };
  const milliseconds = Number(count) * (unitMs[unit as keyof typeof unitMs] ?? Number.NaN);
  if (milliseconds <= longestMs) return { kind: 'time', milliseconds };
  throw new InvalidArgumentError('expected a time up to 24h, such as 90s, 10m or 2h, or a use such as 50000tokens');
}

/** Reads a time such as `12h` or `7d`, in milliseconds. */
export function duration(text: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,5})(s|m|h|d)$/.exec(text) ?? [];
  if (unit === '') throw new InvalidArgumentError('expected a time such as 30m, 12h or 7d');
  return Number(count) * { ...unitMs, d: 24 * unitMs.h }[unit as 's' | 'm' | 'h' | 'd'];
}

/** Reads an amount of dollars, as cents. */
export function dollars(text: string): string {
  const [, whole = '', part = ''] = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  const cents = String(Number(`${whole}${part.padEnd(2, '0')}`));
  if (whole === '' || cents === '0')
    throw new InvalidArgumentError('expected an amount of US dollars, such as 5 or 0.50');
  return cents;
}
