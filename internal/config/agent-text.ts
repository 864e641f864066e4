/** An agent as the text of its file, and that text checked as a file would be. */
import { Document, isCollection } from 'yaml';
import { visible } from '../text/quote.ts';
import { agentDefinition } from './agent-file.ts';
import type { Agent, Configuration, Verdict } from './definitions.ts';
import { readDocument } from './document.ts';
import type { Finding } from './mistake.ts';
import { agentReferences } from './references.ts';
import { agentFindings } from './rules.ts';
import { checkShape } from './shape.ts';

/** What an agent may do with a service, as its file says it. */
export interface ServiceContent {
  read: Verdict;
  write: 'off' | 'ask' | 'on';
  tools?: Record<string, Verdict>;
}

/** What is written into an agent's file. */
export interface AgentContent {
  description: string | undefined;
  model: string;
  system: string | undefined;
  services: Record<string, ServiceContent>;
  builtin_tools: Record<string, Verdict | { verdict: Verdict; domains: string[] | 'open' }>;
  skills: readonly string[];
  environment: string;
  allowed: { groups: readonly string[]; principals: readonly string[] };
}

/** The text of `agents/<name>.yaml`. Notes become comments; they may hold text from outside. */
export function agentText(content: AgentContent, notes: readonly string[]): string {
  const document = new Document(
    {
      ...(content.description === undefined ? {} : { description: content.description }),
      model: content.model,
      ...(content.system === undefined ? {} : { system: content.system }),
      services: content.services,
      builtin_tools: content.builtin_tools,
      ...(content.skills.length === 0 ? {} : { skills: content.skills }),
      environment: content.environment,
      allowed: content.allowed,
    },
    { aliasDuplicateObjects: false },
  );
  for (const name of Object.keys(content.services)) onOneLine(document.getIn(['services', name], true));
  for (const key of ['builtin_tools', 'allowed', 'skills']) onOneLine(document.get(key, true));
  const comments = notes.map((note) => `# ${visible(note)}\n`).join('');
  const schema = '# yaml-language-server: $schema=../schema/agent.schema.json\n';
  return `${schema}${comments}${document.toString({ lineWidth: 120, flowCollectionPadding: true })}`;
}

/** The agent that a text would be, or everything that is wrong with it. */
export function agentOfText(
  text: string,
  name: string,
  { services, environments }: Configuration,
): { agent: Agent; problems: [] } | { agent: undefined; problems: string[] } {
  const document = readDocument(text);
  if (Array.isArray(document)) return { agent: undefined, problems: document.map(({ problem }) => problem) };
  const { whole, parts, findings } = checkShape(agentDefinition, document.data);
  const all: Finding[] = [
    ...findings,
    ...agentFindings(parts),
    ...agentReferences(parts, { services, environments: [...environments.keys()], agents: [] }),
  ];
  if (whole === undefined || all.length > 0) {
    return { agent: undefined, problems: all.map(({ path, problem }) => `${path.map(String).join('.')}: ${problem}`) };
  }
  const system = typeof whole.system === 'string' ? whole.system : undefined;
  return { agent: { ...whole, name, system }, problems: [] };
}

function onOneLine(node: unknown): void {
  if (isCollection(node)) node.flow = true;
}
