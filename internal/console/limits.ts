/** How often somebody may ask: a bucket for each name that fills with time. Nothing of it outlives the process. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';

/** Somebody asks more often, or for more at once, than one may. */
export class TooOften extends AppError {
  readonly seconds: number;

  constructor(seconds: number) {
    super('console_refused', `too many requests: again in ${seconds} s`);
    this.seconds = seconds;
  }
}

/** How much one name may do. */
export interface Rate {
  /** At once. */
  burst: number;
  perSecond: number;
}

/** Whether a name may ask once more, and else in how many seconds. */
export interface Limit {
  (name: string): { ok: true } | { ok: false; retryAfterSeconds: number };
  /** What was asked counts for somebody else. */
  giveBack(name: string): void;
}

const mostNames = 50_000;

/** A limit of its own for each name. Where there are too many names, the one that was longest away is forgotten. */
export function limitEach({ burst, perSecond }: Rate): Limit {
  const buckets = new Map<string, { left: number; at: number }>();
  const ask = (name: string): ReturnType<Limit> => {
    const now = clock.monotonic();
    const { left, at } = buckets.get(name) ?? { left: burst, at: now };
    const filled = Math.min(burst, left + ((now - at) / 1000) * perSecond);
    buckets.delete(name);
    if (buckets.size >= mostNames) buckets.delete(buckets.keys().next().value ?? '');
    const ok = filled >= 1;
    buckets.set(name, { left: ok ? filled - 1 : filled, at: now });
    return ok ? { ok } : { ok, retryAfterSeconds: Math.max(1, Math.ceil((1 - filled) / perSecond)) };
  };
  return Object.assign(ask, {
    giveBack(name: string) {
      const bucket = buckets.get(name);
      if (bucket !== undefined) bucket.left = Math.min(burst, bucket.left + 1);
    },
  });
}
