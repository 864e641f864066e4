/** Reads `config/` as a whole and refuses it with every mistake of every file at once (P10). */
import { basename, join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { agentDefinition } from './agent-file.ts';
import { type CheckedFile, checkFile } from './checked-file.ts';
import type { Agent, Configuration, RuleFile } from './definitions.ts';
import { environmentDefinition } from './environment-file.ts';
import { findFiles } from './folder.ts';
import { interfaceDefinition } from './interface-file.ts';
import { type Finding, type Mistake, mistakeLine } from './mistake.ts';
import { agentReferences, interfaceReferences, type Known, ruleReferences, sharedServers } from './references.ts';
import { ruleFileDefinition } from './rule-file.ts';
import { agentFindings, interfaceFindings, serviceFindings } from './rules.ts';
import { noAuthorization, serviceDefinition } from './service-file.ts';
import { unsignedServices } from './session-token-rules.ts';
import { readSystemPrompt } from './system-prompt.ts';

/**
 * The configuration in a folder. Throws `config_missing` where there is no folder, otherwise `config_invalid`
 * with one line for each mistake, or `config_exposed`.
 *
 * @param commands names that no service can have, because commands have them
 */
export async function loadConfiguration(folder: string, commands: readonly string[] = []): Promise<Configuration> {
  const found = await findFiles(folder, commands);
  if (found === undefined) {
    throw new AppError('config_missing', `there is no configuration folder ${quote(folder)}`, {
      hint: `write one to start from: setup-session init ${quote(folder)}`,
    });
  }
  const [interfaceFile, services, agents, environments, rules] = await Promise.all([
    checkFile(found.interface, interfaceDefinition, interfaceFindings),
    Promise.all(found.services.map((file) => checkFile(file, serviceDefinition, serviceFindings))),
    Promise.all(found.agents.map((file) => checkFile(file, agentDefinition, agentFindings))),
    Promise.all(found.environments.map((file) => checkFile(file, environmentDefinition))),
    Promise.all(found.rules.map((file) => checkFile(file, ruleFileDefinition))),
  ]);

  const known: Known = {
    services: new Map(services.map(({ name, parts }) => [name, parts])),
    environments: environments.map(({ name }) => name),
    agents: agents.map(({ name }) => name),
  };
  interfaceFile.add(interfaceReferences(interfaceFile.parts, known));
  for (const agent of agents) agent.add(agentReferences(agent.parts, known));
  for (const file of rules) file.add([...ruleReferences(file.parts, known), ...(await patternFindings(file.parts))]);
  for (const { service, finding } of sharedServers(known.services)) {
    services.find(({ name }) => name === service)?.add([finding]);
  }
  if (interfaceFile.whole !== undefined) {
    for (const { service, finding } of unsignedServices(known.services, interfaceFile.whole.session_tokens)) {
      services.find(({ name }) => name === service)?.add([finding]);
    }
  }
  const prompts = await promptsOf(agents, join(folder, 'agents'));

  refuse([
    ...found.mistakes,
    ...[interfaceFile, ...services, ...agents, ...environments, ...rules].flatMap((file) => file.mistakes()),
  ]);
  return {
    folder,
    interface: wholeOf(interfaceFile),
    services: byName(services, (file) => {
      const whole = wholeOf(file);
      return { ...whole, authorization: whole.authorization ?? noAuthorization };
    }),
    agents: byName(agents, (agent): Omit<Agent, 'name'> => ({ ...wholeOf(agent), system: prompts.get(agent.name) })),
    environments: byName(environments, wholeOf),
    rules: byName(rules, wholeOf),
  };
}

/** One file of rules, wherever it lies, checked as one of a configuration. Throws `config_invalid`. */
export async function loadRuleFile(path: string, configuration: Configuration): Promise<RuleFile> {
  const name = basename(path).replace(/\.yaml$/, '');
  const file = await checkFile({ name, path }, ruleFileDefinition);
  const { services, environments, agents } = configuration;
  const known = { services, environments: [...environments.keys()], agents: [...agents.keys()] };
  file.add([...ruleReferences(file.parts, known), ...(await patternFindings(file.parts))]);
  refuse(file.mistakes());
  return { ...wholeOf(file), name };
}

/** What is wrong with patterns, as the engine says that will run them; it is loaded where there is one. */
async function patternFindings({ rules = {} }: Partial<RuleFile>): Promise<Finding[]> {
  const patterns = Object.entries(rules).flatMap(([name, rule]) =>
    Object.entries(rule.arguments ?? {}).flatMap(([pointer, { matches }]) =>
      matches === undefined ? [] : [{ path: ['rules', name, 'arguments', pointer, 'matches'], matches }],
    ),
  );
  if (patterns.length === 0) return [];
  const { linearPattern } = await import('../text/linear-pattern.ts');
  return patterns.flatMap(({ path, matches }) => {
    const pattern = linearPattern(matches);
    return 'problem' in pattern ? [{ path, problem: `no RE2 pattern: ${quote(pattern.problem)}` }] : [];
  });
}

/** The system prompts by agent; what is wrong with one becomes a mistake of its agent. */
async function promptsOf(
  agents: readonly CheckedFile<{ system?: string | { file: string } | undefined }>[],
  folder: string,
): Promise<Map<string, string | undefined>> {
  const prompts = await Promise.all(
    agents.map(async ({ name, parts, add }) => {
      const { text, findings } = await readSystemPrompt(folder, parts.system);
      add(findings);
      return [name, text] as const;
    }),
  );
  return new Map(prompts);
}

function refuse(mistakes: readonly Mistake[]): void {
  const lines = mistakes.map(mistakeLine);
  if (lines.length === 0) return;
  const message =
    lines.length === 1 ? lines.join() : [`${lines.length} mistakes in the configuration`, ...lines].join('\n');
  throw new AppError('config_invalid', message);
}

function wholeOf<Value>({ path, whole }: CheckedFile<Value>): Value {
  if (whole === undefined) throw new Error(`${path} has no mistakes and no value`);
  return whole;
}

function byName<File extends { name: string }, Value>(
  files: readonly File[],
  read: (file: File) => Value,
): ReadonlyMap<string, Value & { readonly name: string }> {
  return new Map(files.map((file) => [file.name, { ...read(file), name: file.name }]));
}
