import { vi } from 'vitest';

/** Waits until something holds, for as long as a busy machine may take: only what never comes is a failure. */
export function soon<Result>(look: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(look, { timeout: 30_000 });
}
