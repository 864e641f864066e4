import { z } from 'zod';
import { chosenError, invalidRequest, notFound } from './api-error.ts';
import { choices } from './choices.ts';
import { findEnvironment } from './environment.ts';
import type { SessionEvent } from './event.ts';
import { initialEventsSchema } from './event-schema.ts';
import { checkedMetadata, metadataPatchSchema, metadataSchema, patchedMetadata } from './metadata.ts';
import { pageQuery, readPage, readPageWithPrevious } from './page.ts';
import { route } from './route.ts';
import { createdAtQuery, createdAtRange, queryCount, queryFlag, text } from './schema.ts';
import { Session, type Thread } from './session.ts';
import {
  resolveSessionAgent,
  sessionAgentSchema,
  sessionAgentUpdateSchema,
  updatedSessionAgent,
} from './session-agent.ts';
import { findSession, type SessionRecord } from './session-record.ts';
import { TurnLoop } from './turn-loop.ts';
import { findVault } from './vault.ts';
import type { Workspace } from './workspace.ts';

/** choices.sessionMetadata */
const metadataPairs = 8;
/** choices.vaultIds */
const vaultLimit = 50;

const budget = z.strictObject({
  type: z.literal('limit'),
  max_list_cost: z.strictObject({
    amount: z.string().regex(/^[1-9]\d{0,17}$/, 'expected a whole number of cents as text'),
    currency: z.literal('USD'),
  }),
});

const createBody = z.strictObject({
  agent: sessionAgentSchema,
  environment_id: text(1, 256),
  vault_ids: z.array(text(1, 256)).max(vaultLimit).default([]),
  title: z.string().nullish(),
  metadata: metadataSchema,
  resources: z.array(z.unknown()).default([]),
  budget: budget.optional(),
  initial_events: initialEventsSchema.default([]),
});

const updateBody = z.strictObject({
  title: z.string().nullish(),
  metadata: metadataPatchSchema,
  agent: sessionAgentUpdateSchema.optional(),
  budget: budget.nullish(),
  vault_ids: z.unknown().optional(),
});

const statuses = z.array(z.enum(['idle', 'running', 'rescheduling', 'terminated']));

const listQuery = z.strictObject({
  ...pageQuery(20, 100), // choices.undocumentedPageSize
  ...createdAtQuery,
  agent_id: z.string().optional(),
  agent_version: queryCount(1, Number.MAX_SAFE_INTEGER).optional(),
  deployment_id: z.string().optional(),
  memory_store_id: z.string().optional(),
  include_archived: queryFlag.default(false),
  order: z.enum(['asc', 'desc']).default('desc'),
  'statuses[]': statuses.optional(),
});

/** Routes of the sessions. */
export const sessionRoutes = [
  route('POST /v1/sessions', { body: createBody }, ({ workspace, body }) => createSession(workspace, body).shown()),

  route('GET /v1/sessions', { query: listQuery }, ({ workspace, query }) => {
    if (query.agent_version !== undefined && query.agent_id === undefined) {
      throw invalidRequest('agent_version: only together with agent_id');
    }
    return readPageWithPrevious(workspace.sessions, {
      list: 'sessions',
      query,
      order: query.order,
      where: ({ session }) => isListed(session, query),
      view: ({ session }) => session.shown(),
      range: { bounds: createdAtRange(query), timeOf: ({ session }) => Date.parse(session.createdAt) },
    });
  }),

  route('GET /v1/sessions/:session', {}, ({ workspace, param }) => {
    return findSession(workspace, param('session')).session.shown();
  }),

  route('POST /v1/sessions/:session', { body: updateBody }, ({ workspace, body, param }) => {
    const { session } = findSession(workspace, param('session'));
    updateSession(session, body);
    return session.shown();
  }),

  // Documented: the history stays, no new events are taken, and the status becomes terminated.
  route('POST /v1/sessions/:session/archive', {}, ({ workspace, param }) => {
    const record = findSession(workspace, param('session'));
    const { session } = record;
    if (session.archivedAt !== null)
      throw chosenError(choices.archiveTwice, `session ${session.id} is archived already`);
    refuseRunning(record);
    record.loop.end();
    session.status = 'terminated';
    session.archivedAt = workspace.clock.timestamp();
    session.touch();
    // choices.streamAfterArchive
    session.publish({ type: 'session.status_terminated' });
    return session.shown();
  }),

  route('DELETE /v1/sessions/:session', {}, ({ workspace, param }) => {
    const record = findSession(workspace, param('session'));
    refuseRunning(record);
    record.loop.end();
    workspace.sessions.delete(record.id);
    for (const listener of record.session.listeners) listener.deleted(workspace.clock.timestamp());
    return { id: record.id, type: 'session_deleted' };
  }),

  // The emulator's agents have no sub-agents: what is here was put there (PlatformControl.addThread).
  route(
    'GET /v1/sessions/:session/threads',
    { beta: 'hidden', query: z.strictObject({ ...pageQuery(1000, 1000), 'statuses[]': statuses.optional() }) },
    ({ workspace, param, query }) => {
      const { session } = findSession(workspace, param('session'));
      const view = ({ shown }: Thread) => shown;
      return readPage(session.threads, {
        list: `threads of ${session.id}`,
        query,
        order: 'asc',
        where: () => true,
        view,
      });
    },
  ),

  // Documented: nothing of it can be chosen.
  route(
    'GET /v1/sessions/:session/threads/:thread/events',
    { beta: 'hidden', query: z.strictObject(pageQuery(1000, 1000)) },
    ({ workspace, param, query }) => {
      const thread = findSession(workspace, param('session')).session.threads.find(param('thread'));
      if (thread === undefined) throw notFound('thread', param('thread'));
      const view = (event: SessionEvent) => event;
      return readPage(thread.history, { list: `events of ${thread.id}`, query, order: 'asc', where: () => true, view });
    },
  ),
];

function createSession(workspace: Workspace, body: z.output<typeof createBody>): Session {
  if (body.resources.length > 0) throw chosenError(choices.notEmulated, 'resources: not emulated');
  const environment = findEnvironment(workspace, body.environment_id).shown;
  if (environment.archived_at !== null) {
    throw chosenError(choices.archivedAgentInSession, `environment ${environment.id} is archived`);
  }
  checkVaults(workspace, body.vault_ids);
  const settings = {
    agent: resolveSessionAgent(workspace, body.agent),
    environment,
    vaultIds: body.vault_ids,
    title: body.title ?? null,
    metadata: checkedMetadata(body.metadata, metadataPairs),
    budget: body.budget ?? null,
  };
  const session = new Session(settings, workspace.clock);
  const loop = new TurnLoop(session, workspace);
  workspace.sessions.add({ id: session.id, session, loop });
  // Documented: neither servers nor credentials are tested here; only a message makes the session run.
  loop.receive(body.initial_events);
  return session;
}

/** Documented: an unknown vault, or one of another workspace, is a 404 with this message. */
function checkVaults(workspace: Workspace, ids: readonly string[]): void {
  for (const [index, id] of ids.entries()) {
    if (findVault(workspace, id).shown.archived_at !== null) {
      throw chosenError(choices.archivedVaultInSession, `vault ${id} is archived`);
    }
    if (ids.indexOf(id) !== index) throw chosenError(choices.vaultIds, `vault_ids: ${id} occurs more than once`);
  }
}

function updateSession(session: Session, body: z.output<typeof updateBody>): void {
  // Documented: reserved for later.
  if (body.vault_ids !== undefined) throw chosenError(choices.sessionVaultUpdate, 'vault_ids: cannot be updated yet');
  if (session.archivedAt !== null) throw chosenError(choices.changeArchived, `session ${session.id} is archived`);
  if (body.agent !== undefined && session.status !== 'idle') {
    throw chosenError(choices.sessionNotIdle, `agent: the session is ${session.status}, not idle`);
  }
  if (body.budget != null && session.budget === null) {
    throw invalidRequest('budget: cannot be added to a session created without one', 'budget_create_only');
  }
  const agent = body.agent === undefined ? session.agent : updatedSessionAgent(session.agent, body.agent);
  const metadata = checkedMetadata(patchedMetadata(session.metadata, body.metadata), metadataPairs);
  const title = body.title === undefined ? session.title : body.title;
  const budget = body.budget === undefined ? session.budget : body.budget;
  // Documented: the event carries the changed parts, and the whole agent when a part of it changed.
  const changes = {
    ...(body.agent === undefined ? {} : { agent }),
    ...(title === session.title ? {} : { title }),
    ...(body.metadata == null || Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(budget === session.budget ? {} : { budget }),
  };
  Object.assign(session, { agent, metadata, title, budget });
  session.touch();
  if (Object.keys(changes).length > 0) session.publish({ type: 'session.updated', ...changes });
}

function isListed(session: Session, query: z.output<typeof listQuery>): boolean {
  if (!query.include_archived && session.archivedAt !== null) return false;
  if (query.agent_id !== undefined && session.agent.id !== query.agent_id) return false;
  if (query.agent_version !== undefined && session.agent.version !== query.agent_version) return false;
  // No session here has a deployment or a memory store.
  if (query.deployment_id !== undefined || query.memory_store_id !== undefined) return false;
  return query['statuses[]']?.includes(session.status) ?? true;
}

/** Documented: neither archive nor delete is possible while a session runs. */
function refuseRunning({ session }: SessionRecord): void {
  if (session.status === 'running') throw chosenError(choices.sessionNotIdle, `session ${session.id} is running`);
}
