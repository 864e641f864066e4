/**
 * An agent of the platform as the content of a file. Pure. What a file cannot say is a problem and refuses the whole;
 * what it leaves out on purpose, because nobody has reviewed it, is a warning. Nothing is dropped in silence.
 */

import { normalisedServerUrl } from '../config/addresses.ts';
import type { AgentContent, ServiceContent } from '../config/agent-text.ts';
import type { Configuration, Verdict } from '../config/definitions.ts';
import type { AnsweredToolset } from '../policy/toolset.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { isUrl } from '../text/url.ts';
import type { AnsweredAgent, SkillPins } from './definition.ts';
import { modelId } from './model.ts';
import { undecidedWords } from './undecided.ts';

/** What a file can say of an agent, and what it cannot or does not. */
export interface Expressed {
  content: Pick<AgentContent, 'description' | 'model' | 'system' | 'services' | 'builtin_tools' | 'skills'>;
  /** What the agent allows on the platform today, service by service, in words. */
  allows: string[];
  /** What is left out: narrower than on the platform. */
  warnings: string[];
  /** What no file can say; not empty means that the agent cannot be taken over as it is. */
  problems: string[];
}

/** The platform's own tools. */
const builtin = ['bash', 'read', 'write', 'edit', 'glob', 'grep', 'web_fetch', 'web_search'];
const verdictOf: Readonly<Record<string, Verdict>> = { always_allow: 'on', always_ask: 'ask', auto: 'auto' };
const order: readonly Verdict[] = ['off', 'ask', 'auto', 'on'];

/** Says in a file's words what an agent is. */
export function expressAgent(
  found: AnsweredAgent & { undecided?: readonly string[] },
  configuration: Configuration,
  pins: SkillPins,
): Expressed {
  const expressed: Expressed = {
    content: {
      description: found.description || undefined,
      model: modelId(found.model),
      system: found.system || undefined,
      services: {},
      builtin_tools: {},
      skills: [],
    },
    allows: [],
    warnings: [],
    problems: [],
  };
  if (typeof found.model !== 'string') expressModel(found.model, expressed);
  if (found.multiagent !== null && found.multiagent !== undefined) expressed.problems.push('it has sub-agents');
  if (found.execution_identity.type !== 'service_account') {
    expressed.problems.push(`its execution identity is ${quote(found.execution_identity.type)}`);
  }
  // The platform keeps no order, and a file that is reviewed needs one.
  const key = (toolset: AnsweredToolset) => String((toolset as { mcp_server_name?: unknown }).mcp_server_name ?? '');
  const toolsets = found.tools.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  for (const toolset of toolsets) expressToolset(toolset, found, configuration, expressed);
  expressSkills(found, pins, expressed);
  expressed.problems.push(...(found.undecided ?? []).map(undecidedWords));
  return expressed;
}

function expressModel(model: object, { problems }: Expressed): void {
  for (const [key, value] of Object.entries(model)) {
    if (key === 'id' || value === null || value === undefined || (key === 'speed' && value === 'standard')) continue;
    // Every model has an effort, which the lock keeps.
    if (key !== 'effort') problems.push(`${key} of its model is ${quote(value)}`);
  }
}

function expressSkills({ skills }: AnsweredAgent, pins: SkillPins, { content, problems, warnings }: Expressed): void {
  const names: string[] = [];
  for (const { type, skill_id, version } of skills) {
    const pin = [...pins].find(([, { skillId }]) => skillId === skill_id);
    if (type !== 'custom' || pin === undefined) {
      problems.push(`its skill ${quote(skill_id)} is in none of the skills locks`);
      continue;
    }
    const [name, { versionId }] = pin;
    names.push(name);
    if (versionId !== version) {
      warnings.push(`its skill ${quote(name)} is at ${quote(version)}, and the file pins ${quote(versionId)}`);
    }
  }
  content.skills = names;
}

interface Opened {
  /** The verdict on a tool that is not named; `off` where the toolset is closed. */
  rest: Verdict;
  named: Map<string, { verdict: Verdict; extra: Record<string, unknown> }>;
}

function expressToolset(
  toolset: AnsweredToolset,
  found: AnsweredAgent,
  configuration: Configuration,
  expressed: Expressed,
): void {
  const { type, mcp_server_name: server, default_config, configs, ...more } = toolset as Record<string, unknown>;
  const opened = openedOf(default_config, configs);
  if (
    opened === undefined ||
    Object.keys(more).length > 0 ||
    !['mcp_toolset', 'agent_toolset_20260401'].includes(String(type))
  ) {
    expressed.problems.push(`a toolset of a kind that no file can say: ${quote(toolset)}`);
    return;
  }
  if (type === 'agent_toolset_20260401') expressBuiltin(opened, expressed);
  else expressService(String(server), opened, found, configuration, expressed);
}

function openedOf(base: unknown, configs: unknown): Opened | undefined {
  const verdict = (config: unknown): Verdict | undefined => {
    if (!isRecord(config)) return undefined;
    if (config['enabled'] === false) return 'off';
    const { permission_policy: policy } = config;
    return isRecord(policy) ? verdictOf[String(policy['type'])] : undefined;
  };
  const rest = verdict(base);
  if (rest === undefined || !Array.isArray(configs)) return undefined;
  const named: Opened['named'] = new Map();
  for (const config of configs as unknown[]) {
    const said = verdict(config);
    if (said === undefined || !isRecord(config)) return undefined;
    const { name, type = name, enabled: _, permission_policy: __, ...rest } = config;
    const extra = Object.fromEntries(
      Object.entries({ ...rest, ...(type === name ? {} : { type }) }).filter(
        ([, value]) => value !== null && value !== undefined,
      ),
    );
    named.set(String(name), { verdict: said, extra });
  }
  return { rest, named: new Map([...named].toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}

function expressBuiltin({ rest, named }: Opened, { content, allows, warnings, problems }: Expressed): void {
  if (rest !== 'off') {
    allows.push(`builtin: every tool of the platform, also those added later, ${rest}`);
    warnings.push('builtin: the file names the tools that there are today; those added later are off');
  }
  for (const tool of builtin) {
    const { verdict, extra } = named.get(tool) ?? { verdict: rest, extra: {} };
    if (verdict === 'off') continue;
    const { allowed_domains: domains, ...unsaid } = extra;
    if (Object.keys(unsaid).length > 0) problems.push(`builtin ${tool} has ${quote(unsaid)}`);
    const hosts = Array.isArray(domains) ? domains.map(String) : undefined;
    allows.push(`builtin ${tool}: ${verdict}${hosts === undefined ? '' : `, ${hosts.map(quote).join(' ')} only`}`);
    const web = tool === 'web_fetch' || tool === 'web_search';
    content.builtin_tools[tool] = web ? { verdict, domains: hosts ?? 'open' } : verdict;
  }
  const unknown = [...named].filter(([tool, { verdict }]) => !builtin.includes(tool) && verdict !== 'off');
  for (const [tool] of unknown) problems.push(`builtin ${quote(tool)} is not a tool that a file can name`);
}

function expressService(
  server: string,
  { rest, named }: Opened,
  found: AnsweredAgent,
  { services }: Configuration,
  { content, allows, warnings, problems }: Expressed,
): void {
  const url = found.mcp_servers.find(({ name }) => name === server)?.url ?? '';
  const open = [...named]
    .filter(([, { verdict }]) => verdict !== 'off')
    .map(([tool, { verdict }]) => `${quote(tool)} ${verdict}`);
  if (rest !== 'off') allows.push(`${quote(server)}: every tool that it has, also those added later, ${rest}`);
  if (open.length > 0) allows.push(`${quote(server)}: ${open.join(', ')}`);
  const service = [...services.values()].find((each) => sameServer(each.mcp_server_url, url));
  if (service === undefined) {
    warnings.push(
      `the server ${quote(server)} (${quote(url)}) is not in the catalogue, and is left out with all its tools`,
    );
    return;
  }
  const { read, write, destructive } = service.tools;
  const reviewed = [...read, ...write, ...destructive];
  const on = (tool: string): Verdict => named.get(tool)?.verdict ?? rest;
  for (const [tool, { verdict, extra }] of named) {
    if (Object.keys(extra).length > 0) problems.push(`${service.name} ${quote(tool)} has ${quote(extra)}`);
    if (verdict !== 'off' && !reviewed.includes(tool)) {
      warnings.push(`${service.name} ${quote(tool)} is not in the catalogue, and is left out`);
    }
  }
  if (rest !== 'off') warnings.push(`${service.name}: the file names the reviewed tools; every other is off`);
  if (Object.hasOwn(content.services, service.name)) problems.push(`two of its servers are ${service.name}`);
  if (reviewed.some((tool) => on(tool) !== 'off')) content.services[service.name] = serviceContent(service.tools, on);
}

/** The switches that give each reviewed tool its verdict; what differs from its switch is named. */
function serviceContent(
  { read, write, destructive }: { read: readonly string[]; write: readonly string[]; destructive: readonly string[] },
  on: (tool: string) => Verdict,
): ServiceContent {
  const widest = (tools: readonly string[]) =>
    order.findLast((verdict) => tools.some((tool) => on(tool) === verdict)) ?? 'off';
  const writes = widest([...write, ...destructive]);
  // The write switch knows no auto: it is on, and the tools are named.
  const content: ServiceContent = { read: widest(read), write: writes === 'auto' ? 'on' : writes };
  const usual = (tool: string): Verdict => {
    if (read.includes(tool)) return content.read;
    return content.write === 'on' && destructive.includes(tool) ? 'ask' : content.write;
  };
  const named = [...read, ...write, ...destructive].filter((tool) => on(tool) !== usual(tool));
  if (named.length > 0) content.tools = Object.fromEntries(named.map((tool) => [tool, on(tool)]));
  return content;
}

function sameServer(left: string, right: string): boolean {
  return isUrl(right) && normalisedServerUrl(left) === normalisedServerUrl(right);
}
