import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { clock } from '../../internal/clock/clock.ts';
import type { Agent, Configuration } from '../../internal/config/definitions.ts';
import { agentNamed } from '../../internal/config/lookup.ts';
import { readConnections } from '../../internal/connection/credentials.ts';
import { grantedByService } from '../../internal/connection/scopes.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { towardsWider } from '../../internal/policy/effective.ts';
import { judgeTools, mayUseAgent, type ToolVerdict } from '../../internal/policy/verdict.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import type { TrustedConfiguration } from '../../internal/run/trusted-configuration.ts';
import { nearestHint } from '../../internal/text/nearest.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import type { Table } from '../../internal/text/table.ts';
import { readPins } from '../../internal/tool-review/pin.ts';
import { findVault } from '../../internal/vault/resolve.ts';

/** The options of `setup-session explain`. */
export type ExplainOptions = BrowserOptions & { agent?: string; tool?: string; for?: string };

/** For whom a verdict is explained, and what is known of what they were granted. */
interface Subject {
  principal: Principal;
  /** How to call them in the heading. */
  who: string;
  grantedScopes: ReadonlyMap<string, readonly string[]> | undefined;
}

/** Shows the verdict on each tool of an agent, who said what, what decided, and what a wider verdict would take. */
export async function runExplain(context: CommandContext, options: ExplainOptions): Promise<CommandResult> {
  const { agent: name, tool, for: group } = options;
  if (name === undefined) {
    throw new AppError('usage', 'no agent named', { hint: 'setup-session explain --agent <name>' });
  }
  const configuration = await loadProject(context);
  const agent = agentNamed(configuration, name);
  const pins = await readPins(configuration);
  const named = (each: ToolVerdict) => tool === undefined || each.tool === tool;
  requireTool(agent, configuration, tool);
  const subject =
    group === undefined ? await whoeverRuns(context, configuration, options) : memberOf(group, agent, configuration);
  const { principal, grantedScopes } = subject;
  const now = clock.now();
  const verdicts = judgeTools(agent, principal, configuration, { grantedScopes, pins, now }).filter(named);
  const mayStart = mayUseAgent(principal, agent);
  return {
    text: [
      `${visible(agent.name)}, for ${subject.who}`,
      ...(mayStart
        ? []
        : [`They may start no session with it: agents/${agent.name}.yaml: allowed does not name them.`]),
      ...(principal.missingGroups === undefined ? [] : [visible(principal.missingGroups)]),
      '',
      tableOf(verdicts),
      ...(tool === undefined ? [] : verdicts.flatMap((each) => ['', ...widening(each)])),
    ],
    json: {
      agent: agent.name,
      for: group === undefined ? ownerOf(principal) : { group },
      may_start: mayStart,
      groups_missing: principal.missingGroups ?? null,
      at: now.toISOString(),
      tools: verdicts.map(explained),
    },
  };
}

/** The person at the keyboard, with the scopes of the connections in their vault. */
async function whoeverRuns(
  context: CommandContext,
  configuration: TrustedConfiguration,
  options: ExplainOptions,
): Promise<Subject> {
  const run = await openOperatorRun(context, configuration, `setup-session explain --agent ${options.agent}`);
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

function tableOf(verdicts: readonly ToolVerdict[]): Table {
  const rows = verdicts.map(({ service, tool, class: kind, agent, person, scopes, pin, verdict, rule }) => [
    service,
    visible(tool),
    kind,
    agent,
    person,
    scopes ?? '-',
    pin ?? '-',
    verdict,
    visible(rule.because),
  ]);
  return { heading: ['service', 'tool', 'class', 'agent', 'person', 'scopes', 'pin', 'verdict', 'decided by'], rows };
}

function widening({ service, tool, verdict, says }: ToolVerdict): string[] {
  const { changes, wider } = towardsWider(says);
  const what = `${service} ${visible(tool)} is ${verdict}`;
  if (changes.length === 0) return [`${what}, which is as wide as a verdict can be.`];
  const opening = changes.length === 1 ? 'if this changed' : 'if all of these changed';
  return [`${what}. It would be ${wider} ${opening}:`, ...changes.map(({ because }) => `  ${visible(because)}`)];
}

function explained(each: ToolVerdict) {
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
    verdict,
    rule,
    wider: changes.length === 0 ? null : { verdict: wider, changes },
    ...(domains !== undefined && { domains }),
  };
}

function ownerOf({ kind, issuer, subject }: Principal) {
  return { kind, issuer, subject };
}
