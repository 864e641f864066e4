/**
 * How often rules have said yes, kept between runs. A yes is counted before it is given, once for each call however often that
 * is tried. What cannot be read counts as used up: nobody knows how often it was.
 */
import { AppError } from '../errors/app-error.ts';
import { secondsOf } from '../identity/assurance.ts';
import type { Quota } from '../policy/rules/judge.ts';
import type { KeptText, KeptTexts, Workspace } from '../stores/kept-text.ts';
import { isRecord, recordIn } from '../text/record.ts';

/** One yes that is to be counted. */
export interface Use {
  rule: string;
  quota: Quota;
  /** Whose or what's it is, by the `of` of the quota. */
  subject: string;
  /** The digest of what is answered. */
  call: string;
  now: Date;
}

const version = 1;
const patienceMs = 15_000;

/**
 * Counts the yeses of one run. Those that come while others are being counted are counted together, under one hold: hundreds
 * that each waited for a file of their own to be free would keep each other from it.
 */
export class UseCounter {
  readonly #quotas: KeptTexts;
  readonly #workspace: Workspace;
  readonly #signal: AbortSignal;
  /** By what it is counted for; there is an entry while somebody counts. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(quotas: KeptTexts, workspace: Workspace, signal: AbortSignal) {
    this.#quotas = quotas;
    this.#workspace = workspace;
    this.#signal = signal;
  }

  /** False where there were as many in the time as may be, or where nobody knows how many. Throws `already_running`. */
  async take(use: Use): Promise<boolean> {
    const name = JSON.stringify([use.rule, use.quota.of, use.subject]);
    return await new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(name);
      if (waiting !== undefined) return void waiting.push({ use, resolve, reject });
      this.#waiting.set(name, [{ use, resolve, reject }]);
      void this.#count(name);
    });
  }

  async #count(name: string): Promise<void> {
    const kept = this.#quotas.at({ workspace: this.#workspace, name });
    while ((this.#waiting.get(name) ?? []).length > 0) {
      try {
        await this.#countHeld(name, kept);
      } catch (error) {
        for (const { reject } of this.#waiting.get(name)?.splice(0) ?? []) reject(error);
      }
    }
    this.#waiting.delete(name);
  }

  /** Nobody hears of a yes before it is kept. */
  async #countHeld(name: string, kept: KeptText): Promise<void> {
    const held = await kept.hold({ waitMs: patienceMs, signal: this.#signal });
    if (!('release' in held)) {
      throw new AppError('already_running', `${held.called} counts ${name} since ${held.since}`);
    }
    const waiting = this.#waiting.get(name)?.splice(0) ?? [];
    try {
      let uses = usesIn(await kept.read());
      const before = uses;
      const taken = waiting.map(({ use }) => {
        const after = uses && withUse(uses, use);
        uses = after ?? uses;
        return after !== undefined;
      });
      if (uses !== undefined && uses !== before) {
        await kept.write(`${JSON.stringify({ uses_version: version, uses })}\n`);
      }
      for (const [index, { resolve }] of waiting.entries()) resolve(taken[index] === true);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    } finally {
      await held.release();
    }
  }
}

interface Waiting {
  use: Use;
  resolve(taken: boolean): void;
  reject(error: unknown): void;
}

interface Counted {
  call: string;
  at: number;
}

/** The uses with one more, those that count no longer left out; undefined where there are as many as may be. Pure. */
function withUse(uses: readonly Counted[], { quota, call, now }: Use): readonly Counted[] | undefined {
  const from = now.getTime() - secondsOf(quota.per) * 1000;
  const recent = uses.filter(({ at }) => at > from);
  if (recent.some((use) => use.call === call)) return uses;
  return recent.length >= quota.most ? undefined : [...recent, { call, at: now.getTime() }];
}

function usesIn(text: string | undefined): readonly Counted[] | undefined {
  if (text === undefined) return [];
  const { uses_version: found, uses } = recordIn(text) ?? {};
  if (found !== version || !Array.isArray(uses)) return undefined;
  const read = uses.flatMap((use: unknown) =>
    isRecord(use) && typeof use['call'] === 'string' && Number.isFinite(use['at'])
      ? [{ call: use['call'], at: Number(use['at']) }]
      : [],
  );
  return read.length === uses.length ? read : undefined;
}
