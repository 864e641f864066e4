import { setTimeout as sleep } from 'node:timers/promises';

/** Waits a while; shorter when the signal is aborted, and never fails. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}
