/** One attempt to tell a notice, signed as Standard Webhooks has it. An answer that is no clear yes is none. */
import { createHmac } from 'node:crypto';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Fetch } from '../../outside/http.ts';
import type { Secret } from '../../secret/secret.ts';
import type { Notice } from './outbox.ts';

/** How it went. */
export type Attempt = { told: true } | { told: false; why: string; waitMs: number | undefined };

/** The longest wait that a receiver may ask for. */
const longestWaitMs = 3_600_000;
const largestBytes = 16 * 1024;

/** Sends it once. Throws `url_refused` where nothing may be sent there, and `interrupted`. */
export async function sendNotice(
  fetch: Fetch,
  to: string,
  { id, notice, keys }: { id: string; notice: Notice; keys: readonly Secret[] },
): Promise<Attempt> {
  const body = JSON.stringify(notice);
  const at = Math.floor(clock.now().getTime() / 1000);
  const signed = `${id}.${at}.${body}`;
  try {
    const response = await fetch(to, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(at),
        'webhook-signature': keys.map((key) => `v1,${signature(key, signed)}`).join(' '),
      },
      body,
      largestBytes,
      whose: 'notices.to',
    });
    // Nothing that it says is read.
    await response.body?.cancel();
    const { status } = response;
    if (status >= 200 && status <= 299) return { told: true };
    return { told: false, why: `it answered ${status}`, waitMs: waitOf(response.headers.get('retry-after')) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'url_refused' || error.code === 'interrupted') throw error;
    return { told: false, why: error.message, waitMs: undefined };
  }
}

function signature(key: Secret, signed: string): string {
  const bytes = Buffer.from(key.reveal().slice('whsec_'.length), 'base64');
  return createHmac('sha256', bytes).update(signed).digest('base64');
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function waitOf(said: string | null): number | undefined {
  if (said === null) return undefined;
  const ms = /^\d{1,9}$/.test(said) ? Number(said) * 1000 : Date.parse(said) - clock.now().getTime();
  return Number.isNaN(ms) ? undefined : Math.min(longestWaitMs, Math.max(0, ms));
}
