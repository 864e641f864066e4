/** The requests and results that are about agents and environments. */
import * as z from 'zod/mini';
import { nothing } from './common.ts';

const text = z.nullable(z.string());
const lines = z.array(z.string());

const difference = z.strictObject({ what: z.string(), meant: z.string(), found: z.string() });

const act = z.enum(['none', 'create', 'update', 'drifted', 'archived', 'retired']);

const environment = z.strictObject({
  name: z.string(),
  state: act,
  id: text,
  lock_is_behind: z.boolean(),
  differences: z.array(difference),
});

const agent = z.strictObject({
  name: z.string(),
  state: act,
  id: text,
  version: z.nullable(z.number()),
  lock_is_behind: z.boolean(),
  differences: z.array(difference),
  unknown_members: lines,
  undecided_members: lines,
  skills: z.array(z.strictObject({ name: text, skill_id: z.string(), version: z.string() })),
});

const fleetMembers = {
  environments: z.array(environment),
  agents: z.array(agent),
  /** Those of the platform that carry our mark and that no file stands for. */
  strays: z.array(z.strictObject({ id: z.string(), marked_as: z.string() })),
};

const words = z.strictObject({
  /** What is different about each environment, in their order. */
  environments: z.array(lines),
  /** The same of each agent, or what a new one is; and those that are the same once more. */
  agents: z.array(z.strictObject({ changes: lines, twins: lines })),
});

const fleet = z.strictObject({ ...fleetMembers, beside: words });

const plan = z.strictObject({ ...fleetMembers, pending: z.number() });

export const planAgents = {
  /** The agents that matter, with their environments; none for everything there is. */
  request: z.strictObject({ names: lines }),
  result: z.strictObject({ ...plan.shape, beside: words }),
};

export const applyAgents = {
  request: z.strictObject({ names: lines, overwrite: z.boolean(), adopt: z.boolean(), dryRun: z.boolean() }),
  result: z.union([
    fleet,
    z.strictObject({ changed: lines, warnings: lines }),
    z.strictObject({ would_change: lines, warnings: lines }),
  ]),
};

export const listAgents = {
  request: nothing,
  result: z.strictObject({
    agents: fleetMembers.agents,
    environments: fleetMembers.environments,
    without_file: z.array(z.strictObject({ id: z.string(), name: z.string(), version: z.number() })),
  }),
};

export const showAgent = {
  request: z.strictObject({ name: z.string() }),
  result: z.strictObject({
    ...agent.shape,
    description: text,
    model: z.string(),
    environment: z.string(),
    allowed: z.strictObject({ groups: lines, principals: lines }),
    mcp_servers: z.array(z.strictObject({ name: z.string(), url: z.string() })),
    tools: lines,
    beside: z.strictObject({ changes: lines }),
  }),
};

export const createAgent = {
  request: z.strictObject({ name: z.optional(z.string()) }),
  result: z.strictObject({ agent: z.string(), path: z.string(), plan, beside: words }),
};

export const adoptAgent = {
  request: z.strictObject({
    id: z.string(),
    name: z.optional(z.string()),
    environment: z.optional(z.string()),
    groups: lines,
    dryRun: z.boolean(),
  }),
  result: z.strictObject({
    agent: z.string(),
    id: z.string(),
    path: z.string(),
    written: z.boolean(),
    allows: lines,
    warnings: lines,
    plan,
    beside: words,
  }),
};

export const retireAgent = {
  request: z.strictObject({
    name: z.string(),
    stop: z.boolean(),
    /** The name once more, where nobody is to be asked. */
    confirmed: z.optional(z.string()),
    dryRun: z.boolean(),
  }),
  result: z.union([
    z.strictObject({
      agent: z.string(),
      id: z.string(),
      would_end_sessions: lines,
      beside: z.strictObject({ statuses: lines }),
    }),
    z.strictObject({
      agent: z.string(),
      id: z.string(),
      already: z.boolean(),
      ended_sessions: lines,
      /** Whether a file still stands for it. */
      beside: z.strictObject({ hasFile: z.boolean() }),
    }),
  ]),
};

export const adoptEnvironment = {
  request: z.strictObject({ id: z.string(), name: z.optional(z.string()), dryRun: z.boolean() }),
  result: z.strictObject({
    environment: z.string(),
    id: z.string(),
    path: z.string(),
    written: z.boolean(),
    state: z.enum(['none', 'create', 'update', 'drifted']),
    differences: z.array(difference),
    /** Whether a file is there already and stays as it is. */
    beside: z.strictObject({ stays: z.boolean(), changes: lines }),
  }),
};

export type FleetValue = z.output<typeof fleet>;
export type AgentValue = z.output<typeof agent>;
export type FleetWords = z.output<typeof words>;
export type PlanRequest = z.output<typeof planAgents.request>;
export type FleetPlan = z.output<typeof planAgents.result>;
export type ApplyRequest = z.output<typeof applyAgents.request>;
export type ApplyResult = z.output<typeof applyAgents.result>;
export type ListedAgents = z.output<typeof listAgents.result>;
export type ShowAgentRequest = z.output<typeof showAgent.request>;
export type ShownAgent = z.output<typeof showAgent.result>;
export type CreateRequest = z.output<typeof createAgent.request>;
export type CreatedAgent = z.output<typeof createAgent.result>;
export type AdoptAgentRequest = z.output<typeof adoptAgent.request>;
export type AdoptedAgent = z.output<typeof adoptAgent.result>;
export type RetireRequest = z.output<typeof retireAgent.request>;
export type RetireResult = z.output<typeof retireAgent.result>;
export type AdoptEnvironmentRequest = z.output<typeof adoptEnvironment.request>;
export type AdoptedEnvironment = z.output<typeof adoptEnvironment.result>;
