/** Which tools the agents of a skill must not use, and where a skill names one of them all the same. */
import type { Configuration } from '../../config/definitions.ts';
import { classified } from '../../policy/agent-says.ts';
import { agentTools } from '../../policy/verdict.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

/** The tools that are off for an agent. */
export interface ForbiddenTools {
  agent: string;
  tools: ReadonlySet<string>;
}

/**
 * For each skill that an agent has, the tools that are off for that agent: those that its file closes, and the reviewed
 * tools of services that it does not use. A tool name that two services share is off only where both are.
 */
export function forbiddenToolsOf(configuration: Configuration): Map<string, ForbiddenTools[]> {
  const reviewed = [...configuration.services.values()].flatMap((service) => classified(service).map(([tool]) => tool));
  const bySkill = new Map<string, ForbiddenTools[]>();
  for (const agent of configuration.agents.values()) {
    const decided = agentTools(agent, configuration);
    const open = new Set(decided.filter(({ verdict }) => verdict !== 'off').map(({ tool }) => tool));
    const tools = new Set([...reviewed, ...decided.map(({ tool }) => tool)].filter((tool) => !open.has(tool)));
    for (const skill of agent.skills) bySkill.set(skill, [...(bySkill.get(skill) ?? []), { agent: agent.name, tools }]);
  }
  return bySkill;
}

const word = /[A-Za-z][\w-]*/g;

/**
 * Where a text names one of the tools. A name that could be a word of a sentence (`read`, `search`) counts only
 * between backticks.
 */
export function namedTools({ text }: SearchedFile, forbidden: readonly ForbiddenTools[]): Hit[] {
  if (forbidden.length === 0) return [];
  const hits: Hit[] = [];
  for (const { 0: name, index } of text.matchAll(word)) {
    const agents = forbidden.filter(({ tools }) => tools.has(name)).map(({ agent }) => agent);
    if (agents.length === 0 || (couldBeAWord(name) && !isInBackticks(text, index, name.length))) continue;
    const whose = `${agents.length === 1 ? 'the agent' : 'the agents'} ${agents.join(', ')}`;
    hits.push({ offset: index, what: `names the tool ${name}, which is off for ${whose}` });
  }
  return hits;
}

function couldBeAWord(name: string): boolean {
  return /^[A-Z]?[a-z]+$|^[A-Z]+$/.test(name);
}

function isInBackticks(text: string, index: number, length: number): boolean {
  return text[index - 1] === '`' && text[index + length] === '`';
}
