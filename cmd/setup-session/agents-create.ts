/** `setup-session agents create`: an agent's file by questions, and what it would be on the platform. */

import { surveyFleet } from '../../internal/agent/fleet.ts';
import { requireNewName, withAgent, writeAgentFile } from '../../internal/agent/write-file.ts';
import { confirm, typedLine } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { piecesOf } from '../../internal/cli/result-text.ts';
import { type AgentContent, agentText, type ServiceContent } from '../../internal/config/agent-text.ts';
import type { Configuration, Service } from '../../internal/config/definitions.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { nearestHint } from '../../internal/text/nearest.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import { openFleet } from './agents.ts';
import { showFleet } from './agents-output.ts';

/** How long each question waits. */
const questionTimeoutMs = 600_000;
const attempts = 3;
const usualModel = 'claude-sonnet-5-5';

/** Asks, shows the file, and writes it after a yes; nothing on the platform is changed. */
export async function runCreate(context: CommandContext, given: string | undefined): Promise<CommandResult> {
  const request = await openFleet(context, []);
  const { configuration, pins } = request;
  if (given !== undefined) requireNewName(given, configuration);
  if (!context.interactive) {
    throw new AppError('sign_in_needed', 'nobody is here to answer questions', {
      hint: 'run it in a terminal, or write config/agents/<name>.yaml by hand and run: setup-session agents plan',
    });
  }
  const ask = (question: string) => typedLine(context, question, questionTimeoutMs);
  const name = given ?? (await ask('the name of the agent:')).trim();
  requireNewName(name, configuration);
  const content = await askContent(context, configuration, [...pins.keys()], ask);
  const text = agentText(content, [`Start a session with: setup-session --agent ${name}`]);
  const planned = withAgent(configuration, name, text);
  for (const line of text.trimEnd().split('\n')) context.progress.warn(`  ${visible(line)}`);
  if (!(await confirm(context, `write this into config/agents/${name}.yaml?`, questionTimeoutMs))) {
    throw new AppError('usage', `the agent ${quote(name)} was not created: not confirmed`, {
      hint: 'nothing was written',
    });
  }
  const path = await writeAgentFile(configuration.folder, name, text);
  const plan = showFleet(await surveyFleet({ ...request, configuration: planned, names: [name] }));
  return { text: [`wrote ${visible(path)}`, '', ...piecesOf(plan.text)], json: { agent: name, path, plan: plan.json } };
}

type Ask = (question: string) => Promise<string>;

async function askContent(
  context: CommandContext,
  configuration: Configuration,
  skills: readonly string[],
  ask: Ask,
): Promise<AgentContent> {
  const { services, agents, environments, interface: file } = configuration;
  const several = async (what: string, offered: readonly string[]) =>
    offered.length === 0 ? [] : await answered(context, ask, what, offered, (words) => words);
  const one = async (what: string, offered: readonly string[], usual: string) =>
    await answered(context, ask, `${what} [${usual}]`, offered, (words) =>
      words.length > 1 ? undefined : (words[0] ?? usual),
    );

  const description = (await ask('what it is for, in one line (Enter: nothing):')).trim();
  const chosen = await several('services, separated by commas (Enter: none)', [...services.keys()]);
  const settings: Record<string, ServiceContent> = {};
  for (const service of chosen) {
    for (const line of toolLines(services.get(service))) context.progress.warn(line);
    const write = await one(`${service} write switch: off, ask or on`, ['off', 'ask', 'on'], 'off');
    settings[service] = { read: 'on', write: write as ServiceContent['write'] };
  }
  const groups = await several('groups that may use it (Enter: nobody yet)', Object.keys(file.people.groups));
  const chosenSkills = await several('skills (Enter: none)', skills);
  if (chosenSkills.length > 0) context.progress.warn('skills are read with the built-in tool read, which is on for it');
  const usual = [...agents.values()][0]?.model ?? usualModel;
  const model = (await ask(`model [${visible(usual)}]:`)).trim() || usual;
  const [first] = environments.keys();
  if (first === undefined) {
    throw new AppError('config_invalid', 'there is no environment for it', {
      hint: 'write one into config/environments/',
    });
  }
  const environment = environments.size === 1 ? first : await one('environment', [...environments.keys()], first);
  const system = (await ask('its instructions, in one line (Enter: none; the file can hold more):')).trim();
  return {
    description: description || undefined,
    model,
    system: system || undefined,
    services: settings,
    builtin_tools: chosenSkills.length > 0 ? { read: 'on' } : {},
    skills: chosenSkills,
    environment,
    allowed: { groups, principals: [] },
  };
}

/** Words of what is offered; a word that is not gets another try, with the nearest. */
async function answered<Answer>(
  context: CommandContext,
  ask: Ask,
  what: string,
  offered: readonly string[],
  judge: (words: string[]) => Answer | undefined,
): Promise<Answer> {
  if (!offered.every((name) => what.includes(name))) {
    context.progress.warn(`there are: ${offered.map(visible).join(', ')}`);
  }
  // Groups of an identity provider may have spaces in their names.
  const separator = offered.some((name) => /\s/.test(name)) ? /\s*,\s*/ : /[\s,]+/;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const words = [
      ...new Set(
        (await ask(`${what}:`))
          .trim()
          .split(separator)
          .filter((word) => word !== ''),
      ),
    ];
    const wrong = words.filter((word) => !offered.includes(word));
    const answer = wrong.length === 0 ? judge(words) : undefined;
    if (answer !== undefined) return answer;
    const hint = wrong.map((word) => `${quote(word)} is not offered; ${nearestHint(word, offered)}`).join('\n');
    context.progress.warn(hint || 'only one of them');
  }
  throw new AppError('usage', `no answer that fits: ${what}`, { hint: 'nothing was written' });
}

/** What the switch governs. */
function toolLines(service: Service | undefined): string[] {
  if (service === undefined) return [];
  const { read, write, destructive } = service.tools;
  const list = (tools: readonly string[]) => tools.map(visible).join(', ') || 'none';
  return [
    `${service.name} reads, on: ${list(read)}`,
    `${service.name} writes, by the switch: ${list(write)}`,
    `${service.name} destroys, by the switch, and on still asks: ${list(destructive)}`,
  ];
}
