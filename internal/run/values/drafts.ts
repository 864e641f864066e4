/** The requests and results that are about what somebody may use, and about agents that are drafted. */
import * as z from 'zod/mini';
import { verdicts } from '../../config/verdicts.ts';
import { createAgent } from './agents.ts';
import { nothing } from './common.ts';

const lines = z.array(z.string());
const count = z.number();

export const listUsableAgents = {
  request: nothing,
  result: z.strictObject({
    agents: z.array(
      z.strictObject({
        name: z.string(),
        description: z.nullable(z.string()),
        may_start: z.boolean(),
        groups: lines,
        skills: lines,
        /** For each service, or `builtin`, how many tools have which verdict for whoever asks. */
        services: z.array(z.strictObject({ service: z.string(), off: count, ask: count, auto: count, on: count })),
      }),
    ),
  }),
};

export const listAgentChoices = {
  request: nothing,
  result: z.strictObject({
    model: z.string(),
    environments: lines,
    groups: lines,
    skills: lines,
    services: z.array(
      z.strictObject({ name: z.string(), title: z.string(), read: lines, write: lines, destructive: lines }),
    ),
  }),
};

export const draftAgent = {
  request: z.strictObject({
    name: z.string(),
    description: z.string(),
    model: z.string(),
    system: z.string(),
    /** By service, the write switch. */
    services: z.record(z.string(), z.enum(['off', 'ask', 'on'])),
    skills: lines,
    environment: z.string(),
    groups: lines,
    principals: lines,
    /** Somebody in these groups, for what they would get. */
    preview: z.optional(z.strictObject({ subject: z.string(), groups: lines })),
  }),
  result: z.strictObject({
    agent: z.string(),
    path: z.string(),
    text: z.string(),
    /** Adds the file, as `git apply` takes it. */
    patch: z.string(),
    plan: createAgent.result.shape.plan,
    preview: z.nullable(
      z.strictObject({
        may_start: z.boolean(),
        tools: z.array(
          z.strictObject({
            service: z.string(),
            tool: z.string(),
            class: z.string(),
            verdict: z.enum(verdicts),
            because: z.string(),
          }),
        ),
      }),
    ),
    beside: createAgent.result.shape.beside,
  }),
};

export type UsableAgents = z.output<typeof listUsableAgents.result>;
export type AgentChoices = z.output<typeof listAgentChoices.result>;
export type DraftAgentRequest = z.output<typeof draftAgent.request>;
export type DraftedAgent = z.output<typeof draftAgent.result>;
