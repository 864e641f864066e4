/** What the platform sends a console, signed as it signs, or as somebody else would. */
import { createHmac, randomUUID } from 'node:crypto';
import { type Answered, ask } from './ask.ts';

/** Keys of an endpoint, the second in the place of the first. */
export const signingKeys: readonly string[] = [0, 1].map(
  (each) => `whsec_${Buffer.alloc(24, `key ${each}`).toString('base64')}`,
);

/** What a delivery differs in from an honest one. */
export interface DeliveryChange {
  id?: string;
  at?: number;
  key?: string | undefined;
  body?: string;
  headers?: Record<string, string>;
}

/** An event in the form of the platform. */
export function eventText(type: string, about: string, more: object = {}, created: Date = new Date()): string {
  return JSON.stringify({
    type: 'event',
    id: `whe_${randomUUID()}`,
    created_at: created.toISOString(),
    data: { type, id: about, organization_id: 'org', workspace_id: 'wrkspc_1', ...more },
  });
}

/** Brings it to a console; `host` is what that is called where it is asked by its address. */
export async function deliverTo(
  address: string,
  body: string,
  {
    id = `msg_${randomUUID()}`,
    at = Math.floor(Date.now() / 1000),
    key = signingKeys[0],
    ...more
  }: DeliveryChange = {},
): Promise<Answered> {
  const hmac = createHmac('sha256', Buffer.from((key ?? '').slice('whsec_'.length), 'base64'));
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${hmac.update(`${id}.${at}.${body}`).digest('base64')}`,
    ...more.headers,
  };
  return await ask(`${address}/v1/webhooks/platform`, { method: 'POST', headers, body: more.body ?? body });
}
