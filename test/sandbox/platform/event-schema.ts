import { z } from 'zod';
import { chosenError } from './api-error.ts';
import { choices } from './choices.ts';
import { text } from './schema.ts';

const textBlock = z.strictObject({ type: z.literal('text'), text: z.string() });
const source = z.looseObject({ type: z.enum(['base64', 'url', 'file', 'text']) });

// Documented: a redacted block from a client is refused; it is simply missing here.
const contentBlock = z.discriminatedUnion('type', [
  textBlock,
  z.strictObject({ type: z.literal('image'), source }),
  z.strictObject({
    type: z.literal('document'),
    source,
    title: z.string().nullish(),
    context: z.string().nullish(),
  }),
]);

const message = z.strictObject({ type: z.literal('user.message'), content: z.array(contentBlock).min(1) });

const sendable = z.discriminatedUnion('type', [
  message,
  z.strictObject({ type: z.literal('user.interrupt'), session_thread_id: z.null().optional() }),
  z.strictObject({
    type: z.literal('user.tool_confirmation'),
    tool_use_id: text(1, 256),
    result: z.enum(['allow', 'deny']),
    deny_message: z.string().nullish(),
  }),
  z.strictObject({
    type: z.literal('user.custom_tool_result'),
    custom_tool_use_id: text(1, 256),
    content: z.array(textBlock).default([]),
    is_error: z.boolean().nullish(),
  }),
  z.strictObject({ type: z.literal('system.message'), content: z.array(textBlock).min(1).max(1000) }),
]);

/** An event that a client may send. */
export type SentEvent = z.output<typeof sendable>;

/** A body of events to send. */
export const sendBody = z.strictObject({
  events: z.array(z.unknown()).min(1).transform(refuseLeftOut).pipe(z.array(sendable)),
});

/** Documented: a session starts with up to 50 of them, all or nothing. */
export const initialEventsSchema = z.array(z.unknown()).max(50).transform(refuseLeftOut).pipe(z.array(message));

const leftOut = ['user.define_outcome', 'user.tool_result'];

function refuseLeftOut(events: unknown[]): unknown[] {
  for (const event of events) {
    const type = typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
    if (typeof type === 'string' && leftOut.includes(type)) {
      throw chosenError(choices.notEmulated, `events: ${type} is not emulated`);
    }
  }
  return events;
}
