import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  type AgentVersion,
  addAgent,
  addAgentVersion,
  findAgent,
  findAgentVersion,
  shownAgent,
} from './agent-definition.ts';
import {
  type AgentFields,
  agentCreateSchema,
  agentUpdateSchema,
  createdFields,
  updatedFields,
} from './agent-fields.ts';
import { chosenError, conflict } from './api-error.ts';
import { choices } from './choices.ts';
import { pageQuery, readPage } from './page.ts';
import { route } from './route.ts';
import { createdAtQuery, queryCount, queryFlag } from './schema.ts';

const listQuery = z.strictObject({
  ...pageQuery(20, 100),
  include_archived: queryFlag.default(false),
  'created_at[gte]': createdAtQuery['created_at[gte]'],
  'created_at[lte]': createdAtQuery['created_at[lte]'],
});

const versionQuery = z.strictObject({ version: queryCount(1, Number.MAX_SAFE_INTEGER).optional() });

/** Routes of the agents. Documented: there is no delete. */
export const agentRoutes = [
  route('POST /v1/agents', { body: agentCreateSchema }, ({ workspace, body }) => {
    const agent = addAgent(workspace, createdFields(body, workspace));
    return shownAgent(agent, agent.current);
  }),

  route('GET /v1/agents', { query: listQuery }, ({ workspace, query }) =>
    readPage(workspace.agents, {
      list: 'agents',
      query,
      order: 'asc', // choices.undocumentedOrder
      where: ({ archivedAt }) => query.include_archived || archivedAt === null,
      view: (agent) => shownAgent(agent, agent.current),
      range: {
        bounds: { gte: query['created_at[gte]'], lte: query['created_at[lte]'] },
        timeOf: ({ createdAt }) => Date.parse(createdAt),
      },
    }),
  ),

  route('GET /v1/agents/:agent', { query: versionQuery }, ({ workspace, query, param }) =>
    shownAgent(findAgent(workspace, param('agent')), findAgentVersion(workspace, param('agent'), query.version)),
  ),

  route('POST /v1/agents/:agent', { body: agentUpdateSchema }, ({ workspace, body, param }) => {
    const agent = findAgent(workspace, param('agent'));
    if (agent.archivedAt !== null) throw chosenError(choices.changeArchived, `agent ${agent.id} is archived`);
    // Documented: a wrong version is refused even when the fields already match; without one the last write wins.
    if (body.version !== undefined && body.version !== agent.current.version) {
      throw conflict(`version: the current version is ${agent.current.version}, not ${body.version}`);
    }
    const fields = updatedFields(agent.current.fields, body, workspace);
    if (!sameFields(fields, agent.current.fields)) addAgentVersion(agent, fields, workspace.clock.timestamp());
    return shownAgent(agent, agent.current);
  }),

  route('POST /v1/agents/:agent/archive', {}, ({ workspace, param }) => {
    const agent = findAgent(workspace, param('agent'));
    if (agent.archivedAt !== null) throw chosenError(choices.archiveTwice, `agent ${agent.id} is archived already`);
    agent.archivedAt = workspace.clock.timestamp();
    return shownAgent(agent, agent.current);
  }),

  route('GET /v1/agents/:agent/versions', { query: z.strictObject(pageQuery(20, 100)) }, (call) => {
    const agent = findAgent(call.workspace, call.param('agent'));
    return readPage(agent.versions, {
      list: `versions of ${agent.id}`,
      query: call.query,
      order: 'asc', // choices.undocumentedOrder
      where: () => true,
      view: (version: AgentVersion) => shownAgent(agent, version),
    });
  }),
];

/** Documented: an update that changes nothing makes no version. choices.metadataVersion: metadata counts. */
function sameFields(left: AgentFields, right: AgentFields): boolean {
  return isDeepStrictEqual(withoutOrder(left), withoutOrder(right));
}

/** Tools, configs and servers are sets: whoever sends back what an answer showed has changed nothing. */
function withoutOrder({ tools, mcp_servers, ...rest }: AgentFields) {
  const flatTools = tools.map((tool) => (tool.type === 'custom' ? tool : { ...tool, configs: sorted(tool.configs) }));
  return { ...rest, tools: sorted(flatTools), mcp_servers: sorted(mcp_servers) };
}

function sorted(items: readonly object[]): object[] {
  return items.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}
