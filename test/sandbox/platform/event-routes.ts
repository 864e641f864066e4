import { z } from 'zod';
import { StreamAnswer } from './answer.ts';
import { eventTypes, type SessionEvent } from './event.ts';
import { sendBody } from './event-schema.ts';
import { deltaTypes, openEventStream } from './event-stream.ts';
import { pageQuery, readPage } from './page.ts';
import { route } from './route.ts';
import { createdAtQuery, createdAtRange } from './schema.ts';
import { findSession } from './session-record.ts';

const listQuery = z.strictObject({
  ...pageQuery(1000, 1000), // choices.undocumentedPageSize
  ...createdAtQuery,
  order: z.enum(['asc', 'desc']).default('asc'),
  'types[]': z.array(z.enum(eventTypes)).optional(),
});

// Documented: other values, or more than a hundred, are refused.
const streamQuery = z.strictObject({ 'event_deltas[]': z.array(z.enum(deltaTypes)).max(100).default([]) });

/** Routes of the events of a session. */
export const eventRoutes = [
  route('POST /v1/sessions/:session/events', { body: sendBody }, ({ workspace, body, param }) => ({
    data: findSession(workspace, param('session')).loop.receive(body.events),
  })),

  route('GET /v1/sessions/:session/events', { query: listQuery }, ({ workspace, query, param }) => {
    const { session } = findSession(workspace, param('session'));
    return readPage(session.history, {
      list: `events of ${session.id}`,
      query,
      order: query.order,
      where: ({ type }) => query['types[]']?.some((wanted) => wanted === type) ?? true,
      view: (event) => event,
      // Documented: created_at is compared with processed_at.
      range: { bounds: createdAtRange(query), timeOf: (event) => Date.parse(processedAt(event)) },
    });
  }),

  route(
    'GET /v1/sessions/:session/events/stream',
    { beta: 'hidden', query: streamQuery },
    ({ workspace, query, param }) => {
      const { session } = findSession(workspace, param('session'));
      return new StreamAnswer((response) => openEventStream(session, response, query['event_deltas[]']));
    },
  ),
];

function processedAt(event: SessionEvent): string {
  return event.processed_at ?? '';
}
