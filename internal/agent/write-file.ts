/** Writes the file of a new agent or environment; what people have reviewed is never written over. */
import { join } from 'node:path';
import { agentOfText } from '../config/agent-text.ts';
import type { Agent, Configuration } from '../config/definitions.ts';
import { namePattern } from '../config/names.ts';
import { AppError } from '../errors/app-error.ts';
import { createText } from '../outside/files.ts';
import { quote } from '../text/quote.ts';

/** Whether an agent or environment can be called that. Throws `usage`. */
export function requireName(name: string, what: 'agent' | 'environment'): void {
  if (namePattern.test(name) && name.length <= 64) return;
  throw new AppError('usage', `${quote(name)} can be no name of an ${what}`, {
    hint: 'lower-case letters, digits and single hyphens, at most 64: --name <name>',
  });
}

/** Whether a new agent can be called that. Throws `usage`, or `config_exists` where one is called that already. */
export function requireNewName(name: string, { agents }: Configuration): void {
  requireName(name, 'agent');
  if (agents.has(name)) {
    throw new AppError('config_exists', `there is an agent ${quote(name)} already`, {
      hint: `choose another name, or change config/agents/${name}.yaml`,
    });
  }
}

/** The configuration with one more agent, checked as if its file were there. Throws `config_invalid` with every problem. */
export function withAgent(configuration: Configuration, name: string, text: string): Configuration {
  const { agent, problems } = agentOfText(text, name, configuration);
  if (agent === undefined) {
    throw new AppError('config_invalid', [`agents/${name}.yaml would not be right:`, ...problems].join('\n'), {
      hint: 'nothing was written',
    });
  }
  return { ...configuration, agents: new Map<string, Agent>([...configuration.agents, [name, agent]]) };
}

export function agentFilePath(folder: string, name: string): string {
  return join(folder, 'agents', `${name}.yaml`);
}

export function environmentFilePath(folder: string, name: string): string {
  return join(folder, 'environments', `${name}.yaml`);
}

/** Writes the file and says where it is. Throws `config_exists` where there is one, which is left as it is. */
export async function writeAgentFile(folder: string, name: string, text: string): Promise<string> {
  return await writeNewFile(agentFilePath(folder, name), text);
}

/** Writes a new file, like {@link writeAgentFile}. */
export async function writeNewFile(path: string, text: string): Promise<string> {
  if (await createText(path, text)) return path;
  throw new AppError('config_exists', `${quote(path)} is there already, and is left as it is`, {
    hint: 'choose another name',
  });
}
