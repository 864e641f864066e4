/** Rules between files: what is named exists. A name that means nothing would silently be nothing (P4). */
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import { normalisedServerUrl } from './addresses.ts';
import { builtinToolNames } from './agent-file.ts';
import type {
  Agent,
  AgentService,
  Catalogue,
  Interface,
  Permission,
  RuleFile,
  Verdict,
  When,
  WrittenService,
} from './definitions.ts';
import type { Finding, Path } from './mistake.ts';
import { platformsOwn } from './names.ts';
import { verdictIn, verdicts } from './verdicts.ts';

/** The most tools an agent takes; of the two limits that are published, the smaller. */
const mostTools = 128;

/** What there is to refer to. A file with a mistake in it is there too, with the parts that are right. */
export interface Known {
  services: ReadonlyMap<string, Partial<WrittenService>>;
  environments: readonly string[];
  agents: readonly string[];
}

/** What `interface.yaml` names and is not there. */
export function interfaceReferences({ identity, people, approvals }: Partial<Interface>, known: Known): Finding[] {
  const findings: Finding[] = [];
  const [through, { authorization: throughIdp } = {}] =
    [...known.services].find(
      ([, { authorization, local_agents: sources }]) => authorization?.via === 'idp' || sources?.join() === 'idp',
    ) ?? [];
  if (identity !== undefined && identity.mode !== 'sso' && through !== undefined) {
    const said = throughIdp?.via === 'idp' ? 'via: idp' : 'local_agents: [idp]';
    const problem = `got ${quote(identity.mode)}, expected sso: services/${through}.yaml has ${said}, and nobody signs in at a provider`;
    findings.push({ path: ['identity', 'mode'], problem });
  }
  for (const [service, { tools }] of Object.entries(approvals?.services ?? {})) {
    const path = ['approvals', 'services'];
    if (service === platformsOwn) findings.push(...builtinReferences([...path, service], Object.keys(tools ?? {})));
    else findings.push(...serviceReferences(path, service, Object.keys(tools ?? {}), known));
  }
  for (const kind of ['groups', 'principals'] as const) {
    for (const [who, permissions] of Object.entries(people?.[kind] ?? {})) {
      for (const [service, permission] of Object.entries(permissions)) {
        const { tools } = permission;
        findings.push(...conditionReferences(['people', kind, who, service], permission, known));
        findings.push(...serviceReferences(['people', kind, who], service, Object.keys(tools ?? {}), known));
      }
    }
  }
  return findings;
}

function builtinReferences(path: Path, tools: readonly string[]): Finding[] {
  return tools
    .filter((tool) => !builtinToolNames.some((name) => name === tool))
    .map((tool) => ({
      path: [...path, 'tools', tool],
      problem: `no tool of the platform; ${nearestHint(tool, builtinToolNames)}`,
      atKey: true,
    }));
}

/** What rules name and is not there: a misspelt one would silently never hold. */
export function ruleReferences({ rules = {} }: Partial<RuleFile>, known: Known): Finding[] {
  return Object.entries(rules).flatMap(([name, { service, tools = [], agents = [], arguments: named = {} }]) => {
    const path = ['rules', name];
    const wrong: Finding[] = [];
    if (service === platformsOwn) wrong.push(...builtinReferences(path, tools));
    else if (service !== undefined) {
      wrong.push(
        ...serviceReferences([], service, tools, known).map(({ problem }) => ({ path: [...path, 'service'], problem })),
      );
    }
    if (service === undefined && tools.length > 0) {
      wrong.push({ path: [...path, 'tools'], problem: 'expected service beside: tools of which?', atKey: true });
    }
    for (const [index, agent] of agents.entries()) {
      if (known.agents.includes(agent)) continue;
      wrong.push({ path: [...path, 'agents', index], problem: `no such agent; ${nearestHint(agent, known.agents)}` });
    }
    for (const pointer of Object.keys(named)) {
      if (/^(\/([^~/]|~[01])*)*$/.test(pointer)) continue;
      wrong.push({
        path: [...path, 'arguments', pointer],
        problem: 'expected a JSON Pointer such as "/pages/0/title"',
        atKey: true,
      });
    }
    return wrong;
  });
}

/** What an agent names and is not there, and tools beyond the platform's limit. */
export function agentReferences(agent: Partial<Omit<Agent, 'name' | 'system'>>, known: Known): Finding[] {
  const findings: Finding[] = [];
  const builtin = Object.values(agent.builtin_tools ?? {}).filter(
    (setting) => verdictIn(setting ?? 'off') !== 'off',
  ).length;
  const enabled: [service: string, tools: string[]][] = [];
  for (const [name, service] of Object.entries(agent.services ?? {})) {
    findings.push(...serviceReferences(['services'], name, Object.keys(service.tools ?? {}), known));
    findings.push(...conditionReferences(['services', name], service, known));
    const catalogue = known.services.get(name)?.tools;
    if (catalogue === undefined) continue;
    findings.push(...widerThanSwitch(name, service, catalogue));
    enabled.push([name, enabledTools(service, catalogue)]);
  }
  const count = enabled.reduce((sum, [, tools]) => sum + tools.length, builtin);
  if (count > mostTools) findings.push({ path: ['services'], problem: tooMany(count, enabled), atKey: true });
  if (agent.environment !== undefined && !known.environments.includes(agent.environment)) {
    findings.push({
      path: ['environment'],
      problem: `no file environments/${quote(agent.environment).slice(1, -1)}.yaml; ${nearestHint(agent.environment, known.environments)}`,
    });
  }
  return findings;
}

/** Environments that conditions name: one that is not there would turn a setting off for good. */
function conditionReferences(path: Path, { when, tools }: Permission | AgentService, known: Known): Finding[] {
  const conditions: [Path, When | undefined][] = [
    [[...path, 'when'], when],
    ...Object.entries(tools ?? {}).map(([tool, setting]): [Path, When | undefined] => [
      [...path, 'tools', tool, 'when'],
      typeof setting === 'string' ? undefined : setting.when,
    ]),
  ];
  return conditions.flatMap(([place, condition]) =>
    (condition?.environments ?? []).flatMap((name, index) =>
      known.environments.includes(name)
        ? []
        : [
            {
              path: [...place, 'environments', index],
              problem: `no such environment; ${nearestHint(name, known.environments)}`,
            },
          ],
    ),
  );
}

/** Services that are one server to the platform: a vault would hold one credential for both (P1). */
export function sharedServers(
  services: ReadonlyMap<string, Partial<WrittenService>>,
): { service: string; finding: Finding }[] {
  const owners = new Map<string, string>();
  return [...services].flatMap(([service, { mcp_server_url }]) => {
    if (mcp_server_url === undefined) return [];
    const address = normalisedServerUrl(mcp_server_url);
    const owner = owners.get(address);
    if (owner === undefined) {
      owners.set(address, service);
      return [];
    }
    const problem = `got ${quote(mcp_server_url)}, which is the server of services/${owner}.yaml: a vault keeps one credential per server`;
    return [{ service, finding: { path: ['mcp_server_url'], problem } }];
  });
}

function serviceReferences(prefix: readonly string[], name: string, tools: readonly string[], known: Known): Finding[] {
  const service = known.services.get(name);
  if (service === undefined) {
    const problem = `no such service; ${nearestHint(name, [...known.services.keys()])}`;
    return [{ path: [...prefix, name], problem, atKey: true }];
  }
  if (service.tools === undefined) return [];
  const listed = Object.values(service.tools).flat();
  return tools
    .filter((tool) => !listed.includes(tool))
    .map((tool) => ({
      path: [...prefix, name, 'tools', tool],
      problem: `not a tool in services/${name}.yaml; ${nearestHint(tool, listed)}`,
      atKey: true,
    }));
}

/** A tool's own verdict only narrows (P4, P5); a wider one would have no effect and say something untrue. */
function widerThanSwitch(name: string, service: AgentService, catalogue: Catalogue): Finding[] {
  return Object.entries(service.tools ?? {}).flatMap(([tool, setting]) => {
    const verdict = verdictIn(setting);
    const key = catalogue.read.includes(tool) ? 'read' : 'write';
    // A tool that is not listed at all was reported as such.
    if (key === 'write' && ![...catalogue.write, ...catalogue.destructive].includes(tool)) return [];
    if (verdicts.indexOf(verdict) <= verdicts.indexOf(service[key])) return [];
    const problem = `got ${quote(verdict)}, which is wider than ${key}: ${service[key]} of this service; a single tool can only be narrower`;
    return [{ path: ['services', name, 'tools', tool], problem }];
  });
}

/** The tools of a service that an agent enables, what does most harm last. */
function enabledTools(service: AgentService, { read, write, destructive }: Catalogue): string[] {
  const enabled = (tools: readonly string[], verdict: Verdict) =>
    verdict === 'off' ? [] : tools.filter((tool) => verdictIn(service.tools?.[tool] ?? 'on') !== 'off');
  return [...enabled(read, service.read), ...enabled([...write, ...destructive], service.write)];
}

/** How many tools to leave out are named. */
const mostNamed = 8;

/** What to leave out: of the service that has most, what does most harm. */
function tooMany(count: number, enabled: readonly [service: string, tools: readonly string[]][]): string {
  const [most = '', tools = []] = enabled.toSorted(([, one], [, other]) => other.length - one.length)[0] ?? [];
  const over = count - mostTools;
  const named = tools.slice(-over).toReversed().slice(0, mostNamed);
  const more = over > named.length ? ` and ${over - named.length} more` : '';
  return `${count} tools are enabled and an agent takes at most ${mostTools}: turn ${over} off, such as ${named.join(', ')} of ${most}${more}; or split the agent`;
}
