/** Interrupts a turn that has used up what it was given. The platform caps the cost of a session; time and tokens are ours to watch. */

import { clock } from '../clock/clock.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { quote } from '../text/quote.ts';

/** What a turn may use, counted from when the platform took its message. */
export type TurnLimit = { kind: 'time'; milliseconds: number } | { kind: 'tokens'; tokens: number };

/** What watching needs of a turn. */
export interface Watching {
  platform: Platform;
  sessionId: string;
  warn(text: string): void;
}

/** An interruption may come before the turn that it is for has begun, or be lost: until the turn ends it is sent again. */
const againMs = 10_000;
const mostInterruptions = 5;

/** Watches over one turn. */
export class TurnGuard {
  /** Whether the limit was reached before the turn had ended. */
  reached = false;
  readonly #limit: TurnLimit;
  readonly #watching: Watching;
  readonly #over = new AbortController();
  #interrupting: Promise<void> = Promise.resolve();

  constructor(limit: TurnLimit, watching: Watching) {
    this.#limit = limit;
    this.#watching = watching;
  }

  /** The platform has the message. */
  begin(): void {
    if (this.#limit.kind !== 'time') return;
    void clock.pause(this.#limit.milliseconds, this.#over.signal).then(() => this.#reach());
  }

  /** How many tokens the turn has used so far. */
  spent(tokens: number): void {
    if (this.#limit.kind === 'tokens' && tokens >= this.#limit.tokens) this.#reach();
  }

  /** The turn is over, or nobody waits for it any more. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#interrupting;
  }

  #reach(): void {
    if (this.#over.signal.aborted || this.reached) return;
    this.reached = true;
    this.#interrupting = this.#interrupt();
  }

  async #interrupt(): Promise<void> {
    const { platform, sessionId, warn } = this.#watching;
    warn(`the turn has used up ${limitWords(this.#limit)}: it is interrupted`);
    for (let sent = 0; sent < mostInterruptions && !this.#over.signal.aborted; sent += 1) {
      try {
        await platform.sessions.interrupt(sessionId);
      } catch (error) {
        if (!(error instanceof PlatformError)) return;
        warn(`the session ${quote(sessionId)} was NOT interrupted: ${error.message}`);
      }
      await clock.pause(againMs, this.#over.signal);
    }
  }
}

export function limitWords(limit: TurnLimit): string {
  return limit.kind === 'tokens' ? `${limit.tokens} tokens` : `${limit.milliseconds / 1000} s`;
}
