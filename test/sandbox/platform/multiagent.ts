import type {
  BetaManagedAgentsAgent,
  BetaManagedAgentsAgentReference,
} from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { z } from 'zod';
import { findAgentVersion } from './agent-definition.ts';
import { text } from './schema.ts';
import type { Workspace } from './workspace.ts';

const disabled = z.strictObject({ type: z.literal('disabled') });
const agentReference = z.strictObject({
  type: z.literal('agent'),
  id: text(1, 256),
  version: z.int().min(1).optional(),
});
const predefined = z
  .array(z.union([z.string(), agentReference]))
  .max(20)
  .nullish();
const inlineAgents = z.discriminatedUnion('type', [z.strictObject({ type: z.literal('enabled') }), disabled]).nullish();
const delegates = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('enabled'), inline_agents: inlineAgents, predefined_agents: predefined }),
    disabled,
  ])
  .nullish();
const advisor = z
  .discriminatedUnion('type', [z.strictObject({ type: z.literal('enabled'), model: text(1, 256) }), disabled])
  .nullish();

/** `multiagent` in a request; `self` and advisors in a coordinator's roster are left out (choices.notEmulated). */
export const multiagentSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('coordinator'),
      agents: z
        .array(z.union([z.string(), agentReference]))
        .min(1)
        .max(20),
    }),
    z.strictObject({ type: z.literal('multiagent_20261001'), subagents: delegates, workflows: delegates, advisor }),
  ])
  .nullish();

/**
 * Fills in the defaults and pins the members. Documented dangers: in the newer form sub-agents and workflows are on
 * unless switched off, and so are, inside each, agents that the model defines itself.
 */
export function resolvedMultiagent(
  input: z.output<typeof multiagentSchema>,
  workspace: Workspace,
): BetaManagedAgentsAgent['multiagent'] {
  if (input == null) return null;
  if (input.type === 'coordinator') {
    return { type: 'coordinator', agents: input.agents.map((member) => pinned(member, workspace)) };
  }
  return {
    type: input.type,
    subagents: resolvedDelegates(input.subagents, workspace),
    workflows: resolvedDelegates(input.workflows, workspace),
    advisor: input.advisor ?? { type: 'disabled' },
  };
}

function resolvedDelegates(input: z.output<typeof delegates>, workspace: Workspace) {
  if (input?.type === 'disabled') return input;
  return {
    type: 'enabled' as const,
    inline_agents: input?.inline_agents ?? { type: 'enabled' as const },
    predefined_agents: (input?.predefined_agents ?? []).map((member) => pinned(member, workspace)),
  };
}

/** Documented: a roster keeps the version that it pinned when it was saved. */
function pinned(
  member: string | z.output<typeof agentReference>,
  workspace: Workspace,
): BetaManagedAgentsAgentReference {
  const { id, version = undefined } = typeof member === 'string' ? { id: member } : member;
  return { type: 'agent', id, version: findAgentVersion(workspace, id, version).version };
}
