/**
 * What one person may do with one agent, tool by tool. Pure and total: the narrowest of what the agent's file, the
 * person's permissions and the reviewed catalogue say (P5). What nobody lists is off (P4).
 */
import type { Agent, BuiltinTool, Configuration, Permission, Service, Verdict } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';

/** What a tool does, as people have reviewed it. */
export type ToolClass = 'read' | 'write' | 'destructive';

/** The verdict on one tool and who said what. */
export interface ToolVerdict {
  /** The service, or `builtin` for the platform's own tools. */
  service: string;
  tool: string;
  class: ToolClass | 'builtin';
  agent: Verdict;
  person: Verdict;
  /** The narrower of the two. */
  verdict: Verdict;
}

const order: readonly Verdict[] = ['off', 'ask', 'auto', 'on'];

/** The narrowest of some verdicts; `off` of none. */
export function narrowest(...verdicts: readonly Verdict[]): Verdict {
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'off';
}

/** The widest of some verdicts; `off` of none. */
export function widest(verdicts: readonly Verdict[]): Verdict {
  return order.findLast((verdict) => verdicts.includes(verdict)) ?? 'off';
}

/** The verdict on every reviewed tool of every service of the agent, and on its built-in tools. */
export function judgeTools(agent: Agent, principal: Principal, configuration: Configuration): ToolVerdict[] {
  const ofServices = Object.keys(agent.services).flatMap((name) => {
    const service = configuration.services.get(name);
    const permissions = permissionsOf(principal, configuration, name);
    return service === undefined
      ? []
      : classified(service).map(([tool, kind]) => judgeTool(agent, name, tool, kind, permissions));
  });
  return [...ofServices, ...judgeBuiltinTools(agent)];
}

/** The agent's own verdicts, before any person: what its definition on the platform allows at most. */
export function agentVerdict(agent: Agent, service: string, tool: string, kind: ToolClass): Verdict {
  const settings = agent.services[service];
  if (settings === undefined) return 'off';
  const named = settings.tools?.[tool];
  if (kind === 'read') return narrowest(settings.read, named ?? 'on');
  // What cannot be undone is asked for even where writes are on, unless the agent's file names the tool itself.
  return narrowest(settings.write, named ?? (kind === 'destructive' ? 'ask' : 'on'));
}

/**
 * Whether anything at a service is open to this person; who is not listed may not even connect it (P4). Nothing of a
 * service outside the catalogue can be open, so whether it may be connected at all is one key of `interface.yaml`.
 */
export function mayUseService(principal: Principal, configuration: Configuration, service: Service): boolean {
  if (service.unlisted === true) return configuration.interface.unlisted_services === 'confirm';
  const permissions = permissionsOf(principal, configuration, service.name);
  return classified(service).some(([tool, kind]) => personVerdict(permissions, tool, kind) !== 'off');
}

/** Whether this person may act on the vaults and sessions of others; nobody may unless listed. */
export function isOperator(principal: Principal, { interface: { people } }: Configuration): boolean {
  const { groups = [], principals = [] } = people.operators ?? {};
  return (
    principals.some((subject) => isNamed(principal, subject)) ||
    groups.some((group) => principal.groups.includes(group))
  );
}

/** Whether the agent's file lets this person start sessions with it at all. */
export function mayUseAgent(principal: Principal, agent: Agent): boolean {
  return (
    agent.allowed.principals.some((subject) => isNamed(principal, subject)) ||
    agent.allowed.groups.some((group) => principal.groups.includes(group))
  );
}

/** Subjects in the configuration are those of people: a CI job with such a one is somebody else, and has only groups. */
function isNamed({ kind, subject }: Principal, listed: string): boolean {
  return kind !== 'workload' && subject === listed;
}

function judgeTool(
  agent: Agent,
  service: string,
  tool: string,
  kind: ToolClass,
  permissions: readonly Permission[],
): ToolVerdict {
  const [ofAgent, ofPerson] = [agentVerdict(agent, service, tool, kind), personVerdict(permissions, tool, kind)];
  return { service, tool, class: kind, agent: ofAgent, person: ofPerson, verdict: narrowest(ofAgent, ofPerson) };
}

/** Built-in tools act in the agent's own sandbox and carry nobody's rights, so only the agent's file decides. */
function judgeBuiltinTools(agent: Agent): ToolVerdict[] {
  return Object.entries(agent.builtin_tools).map(([tool, verdict]) => ({
    service: 'builtin',
    tool: tool as BuiltinTool,
    class: 'builtin',
    agent: verdict,
    person: 'on',
    verdict,
  }));
}

/** Every group and the principal's own entry count, the widest wins; a tool named in an entry replaces its class there. */
function personVerdict(permissions: readonly Permission[], tool: string, kind: ToolClass): Verdict {
  return widest(
    permissions.map(({ tools, read, write }) => tools?.[tool] ?? (kind === 'read' ? read : write) ?? 'off'),
  );
}

function permissionsOf(principal: Principal, configuration: Configuration, service: string): Permission[] {
  const { groups, principals } = configuration.interface.people;
  const own = isNamed(principal, principal.subject) ? principals[principal.subject] : undefined;
  const entries = [...principal.groups.map((group) => groups[group]), own];
  return entries.flatMap((entry) => entry?.[service] ?? []);
}

function classified({ tools }: Service): [string, ToolClass][] {
  return (['read', 'write', 'destructive'] as const).flatMap((kind) =>
    tools[kind].map((tool): [string, ToolClass] => [tool, kind]),
  );
}
