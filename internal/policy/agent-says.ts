/** What an agent's file says about its tools. Pure. */
import { builtinToolNames } from '../config/agent-file.ts';
import type { Agent, AgentService, Service } from '../config/definitions.ts';
import { verdictIn } from '../config/verdicts.ts';
import { type Circumstances, whyNotNow } from './condition.ts';
import { effective, type Statement } from './effective.ts';
import type { DecidedTool } from './toolset.ts';

/** What a tool does, as people have reviewed it. */
export type ToolClass = 'read' | 'write' | 'destructive';

/** The reviewed tools of a service, each with its class. */
export function classified({ tools }: Service): [string, ToolClass][] {
  return (['read', 'write', 'destructive'] as const).flatMap((kind) =>
    tools[kind].map((tool): [string, ToolClass] => [tool, kind]),
  );
}

/**
 * What an agent says about the tools of one service, as a function of the tool. Without circumstances every condition
 * counts as held: that is what the agent's definition on the platform allows at most.
 */
export function agentSays(
  agent: Agent,
  service: string,
  circumstances: Circumstances | undefined,
): (tool: string, kind: ToolClass) => readonly Statement[] {
  const settings = agent.services[service];
  const place = `agents/${agent.name}.yaml: services.${service}`;
  if (settings === undefined) return () => [off(`${place} is not there`)];
  const whyNot = circumstances && whyNotNow(settings.when, circumstances);
  const closed = whyNot === undefined ? [] : [off(`${place}.when does not hold: ${whyNot}`)];

  const read: Statement = { party: 'agent', verdict: settings.read, because: `${place}.read is ${settings.read}` };
  const write: Statement = { party: 'agent', verdict: settings.write, because: `${place}.write is ${settings.write}` };
  // What cannot be undone is asked for even where writes are on, unless the agent's file names the tool itself.
  const destructive: Statement = {
    party: 'agent',
    verdict: 'ask',
    because: `what cannot be undone is asked for unless ${place}.tools names it`,
  };
  // Most tools have no entry of their own: what is said of their class is the same for all of them.
  const ofClass: Record<ToolClass, readonly Statement[]> = {
    read: [...closed, read],
    write: [...closed, write],
    destructive: [...closed, write, destructive],
  };
  return (tool, kind) => {
    if (settings.tools?.[tool] === undefined) return ofClass[kind];
    return [...ofClass[kind === 'read' ? 'read' : 'write'], ...ofTool(settings, tool, place, circumstances)];
  };
}

/** The built-in tools of an agent, those that it does not list too. They carry nobody's rights, so only the agent's file decides. */
export function builtinTools(agent: Agent): (DecidedTool & { says: Statement[] })[] {
  return builtinToolNames.map((tool) => {
    const setting = agent.builtin_tools[tool];
    const place = `agents/${agent.name}.yaml: builtin_tools.${tool}`;
    if (setting === undefined)
      return { service: 'builtin', tool, verdict: 'off', says: [off(`${place} is not there`)] };
    const verdict = verdictIn(setting);
    const says: Statement[] = [{ party: 'agent', verdict, because: `${place} is ${verdict}` }];
    const domains = typeof setting === 'string' ? undefined : setting.domains;
    if ((tool === 'web_fetch' || tool === 'web_search') && domains === undefined) {
      says.push(off(`${place} names no domains`));
    }
    const limit = Array.isArray(domains) ? { domains: domains.toSorted() } : {};
    return { service: 'builtin', tool, verdict: effective(says).verdict, says, ...limit };
  });
}

/** A tool's own entry; where its condition does not hold, both that and what it would say. */
function ofTool(
  { tools }: AgentService,
  tool: string,
  place: string,
  circumstances: Circumstances | undefined,
): Statement[] {
  const setting = tools?.[tool];
  if (setting === undefined) return [];
  const whyNot = circumstances && typeof setting === 'object' ? whyNotNow(setting.when, circumstances) : undefined;
  const verdict = verdictIn(setting);
  const own: Statement = { party: 'agent', verdict, because: `${place}.tools.${tool} is ${verdict}` };
  return whyNot === undefined ? [own] : [off(`${place}.tools.${tool}.when does not hold: ${whyNot}`), own];
}

function off(because: string): Statement {
  return { party: 'agent', verdict: 'off', because };
}
