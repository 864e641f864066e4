/** Who says what about each tool of an agent, and which rule decided. Nothing is changed. */
import { clock } from '../../clock/clock.ts';
import type { Agent, Configuration } from '../../config/definitions.ts';
import { agentNamed } from '../../config/lookup.ts';
import { readConnections } from '../../connection/credentials.ts';
import { grantedByService } from '../../connection/scopes.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import { requireAutonomous } from '../../policy/autonomous.ts';
import { towardsWider } from '../../policy/effective.ts';
import { judgeTools, mayUseAgent, type ToolVerdict } from '../../policy/verdict.ts';
import { nearestHint } from '../../text/nearest.ts';
import { quote, visible } from '../../text/quote.ts';
import { readPins } from '../../tool-review/pin.ts';
import { findVault } from '../../vault/resolve.ts';
import { runAsAgent } from '../as-agent.ts';
import { ownerOf } from '../connected.ts';
import type { Ports } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import type { TrustedConfiguration } from '../trusted-configuration.ts';
import type { ExplainedVerdicts, ExplainRequest } from '../values/setup.ts';

/** For whom a verdict is explained, and what is known of what they were granted. */
interface Subject {
  principal: Principal;
  /** How to call them in the heading. */
  who: string;
  grantedScopes: ReadonlyMap<string, readonly string[]> | undefined;
}

/** The verdict on each tool of an agent, who said what, what decided, and what a wider verdict would take. */
export async function explainVerdicts(request: ExplainRequest, ports: Ports): Promise<ExplainedVerdicts> {
  const { tool, group } = request;
  const configuration = await loadProject(ports);
  const agent = agentNamed(configuration, request.agent);
  const pins = await readPins(configuration);
  requireTool(agent, configuration, tool);
  const { principal, grantedScopes, who } =
    group === undefined
      ? await whoeverRuns(ports, configuration, agent, request.asAgent === true)
      : memberOf(group, agent, configuration);
  const now = clock.now();
  const verdicts = judgeTools(agent, principal, configuration, { grantedScopes, pins, now });
  return {
    agent: agent.name,
    for: group === undefined ? ownerOf(principal) : { group },
    may_start: mayUseAgent(principal, agent),
    groups_missing: principal.missingGroups ?? null,
    groups_said: principal.groupsSaid ?? null,
    at: now.toISOString(),
    tools: verdicts.filter((each) => tool === undefined || each.tool === tool).map(explained),
    beside: { who },
  };
}

/** The person at the keyboard, with the scopes of the connections in their vault. */
async function whoeverRuns(
  ports: Ports,
  configuration: TrustedConfiguration,
  agent: Agent,
  asAgent: boolean,
): Promise<Subject> {
  if (asAgent) requireAutonomous(agent);
  const opened = await openOperatorRun(ports, configuration, `setup-session explain --agent ${agent.name}`);
  const run = asAgent ? await runAsAgent(opened, agent) : opened;
  const { platform, principal } = run;
  const vault = await findVault(run, principal);
  const connections = vault === undefined ? [] : await readConnections(platform, vault.id);
  return {
    principal,
    who: `${visible(principal.label)}${connections.length === 0 ? ': nothing is connected, so no scopes have a say' : ''}`,
    grantedScopes: grantedByService(connections, configuration.services.values()),
  };
}

/** Somebody who is in one group and is nobody in particular: no subject, no connections, and no sign-in to show. */
function memberOf(group: string, agent: Agent, { interface: { people } }: Configuration): Subject {
  const known = [...new Set([...Object.keys(people.groups), ...agent.allowed.groups])];
  if (!known.includes(group)) {
    throw new AppError('usage', `neither interface.yaml nor agents/${agent.name}.yaml names a group ${quote(group)}`, {
      hint: nearestHint(group, known),
    });
  }
  return {
    principal: { kind: 'sso', issuer: '', subject: '', groups: [group], label: group },
    who: `somebody in the group ${quote(group)} alone: no connections, so no scopes have a say, and no sign-in to show`,
    grantedScopes: undefined,
  };
}

/** A tool that is nowhere would be answered with an empty table. */
function requireTool(agent: Agent, configuration: Configuration, tool: string | undefined): void {
  if (tool === undefined) return;
  const nobody: Principal = { kind: 'sso', issuer: '', subject: '', groups: [], label: '' };
  const known = judgeTools(agent, nobody, configuration).map((each) => each.tool);
  if (known.includes(tool)) return;
  throw new AppError('usage', `no service of the agent ${quote(agent.name)} lists a tool ${quote(tool)}`, {
    hint: nearestHint(tool, known),
  });
}

function explained(each: ToolVerdict): ExplainedVerdicts['tools'][number] {
  const { service, tool, class: kind, agent, person, scopes, pin, verdict, rule, says, domains } = each;
  const { changes, wider } = towardsWider(says);
  return {
    service,
    tool,
    class: kind,
    agent,
    person,
    scopes: scopes ?? null,
    pin: pin ?? null,
    router: each.router ?? null,
    verdict,
    rule,
    wider: changes.length === 0 ? null : { verdict: wider, changes },
    ...(domains !== undefined && { domains: [...domains] }),
  };
}
