/** An agent's file by questions, and what it would be on the platform. */
import { surveyFleet } from '../../agent/fleet.ts';
import { requireNewName, withAgent, writeAgentFile } from '../../agent/write-file.ts';
import { type AgentContent, agentText, type ServiceContent } from '../../config/agent-text.ts';
import type { Configuration, Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { nearestHint } from '../../text/nearest.ts';
import { quote, visible } from '../../text/quote.ts';
import { openFleet, planValue } from '../fleet.ts';
import type { Ports, Tell } from '../ports.ts';
import type { CreatedAgent, CreateRequest } from '../values/agents.ts';

/** How long each question waits. */
const questionTimeoutMs = 600_000;
const attempts = 3;
const usualModel = 'claude-sonnet-5-5';

/** Asks, shows the file, and writes it after a yes; nothing on the platform is changed. */
export async function createAgent({ name: given }: CreateRequest, ports: Ports): Promise<CreatedAgent> {
  const request = await openFleet(ports, []);
  const { configuration, pins } = request;
  if (given !== undefined) requireNewName(given, configuration);
  const { ask, tell } = ports;
  if (ask === undefined) {
    throw new AppError('sign_in_needed', 'nobody is here to answer questions', {
      hint: 'run it in a terminal, or write config/agents/<name>.yaml by hand and run: setup-session agents plan',
    });
  }
  const questions = { line: (question: string) => ask.line(question, questionTimeoutMs), warn: tell.warn };
  const name = given ?? (await questions.line('the name of the agent:')).trim();
  requireNewName(name, configuration);
  const content = await askContent(questions, configuration, [...pins.keys()]);
  const text = agentText(content, [`Start a session with: setup-session --agent ${name}`]);
  const planned = withAgent(configuration, name, text);
  for (const line of text.trimEnd().split('\n')) tell.warn(`  ${visible(line)}`);
  if (!(await ask.yes(`write this into config/agents/${name}.yaml?`, questionTimeoutMs))) {
    throw new AppError('usage', `the agent ${quote(name)} was not created: not confirmed`, {
      hint: 'nothing was written',
    });
  }
  const path = await writeAgentFile(configuration.folder, name, text);
  const { beside, ...plan } = planValue(await surveyFleet({ ...request, configuration: planned, names: [name] }));
  return { agent: name, path, plan, beside };
}

/** How one question is asked, and what has to be known for it said. */
interface Questions extends Pick<Tell, 'warn'> {
  line(question: string): Promise<string>;
}

async function askContent(
  questions: Questions,
  configuration: Configuration,
  skills: readonly string[],
): Promise<AgentContent> {
  const { services, agents, environments, interface: file } = configuration;
  const { line, warn } = questions;
  const several = async (what: string, offered: readonly string[]) =>
    offered.length === 0 ? [] : await answered(questions, what, offered, (words) => words);
  const one = async (what: string, offered: readonly string[], usual: string) =>
    await answered(questions, `${what} [${usual}]`, offered, (words) =>
      words.length > 1 ? undefined : (words[0] ?? usual),
    );

  const description = (await line('what it is for, in one line (Enter: nothing):')).trim();
  const chosen = await several('services, separated by commas (Enter: none)', [...services.keys()]);
  const settings: Record<string, ServiceContent> = {};
  for (const service of chosen) {
    for (const says of toolLines(services.get(service))) warn(says);
    const write = await one(`${service} write switch: off, ask or on`, ['off', 'ask', 'on'], 'off');
    settings[service] = { read: 'on', write: write as ServiceContent['write'] };
  }
  const groups = await several('groups that may use it (Enter: nobody yet)', Object.keys(file.people.groups));
  const chosenSkills = await several('skills (Enter: none)', skills);
  if (chosenSkills.length > 0) warn('skills are read with the built-in tool read, which is on for it');
  const usual = [...agents.values()][0]?.model ?? usualModel;
  const model = (await line(`model [${visible(usual)}]:`)).trim() || usual;
  const [first] = environments.keys();
  if (first === undefined) {
    throw new AppError('config_invalid', 'there is no environment for it', {
      hint: 'write one into config/environments/',
    });
  }
  const environment = environments.size === 1 ? first : await one('environment', [...environments.keys()], first);
  const system = (await line('its instructions, in one line (Enter: none; the file can hold more):')).trim();
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
  { line, warn }: Questions,
  what: string,
  offered: readonly string[],
  judge: (words: string[]) => Answer | undefined,
): Promise<Answer> {
  if (!offered.every((name) => what.includes(name))) {
    warn(`there are: ${offered.map(visible).join(', ')}`);
  }
  // Groups of an identity provider may have spaces in their names.
  const separator = offered.some((name) => /\s/.test(name)) ? /\s*,\s*/ : /[\s,]+/;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const words = [
      ...new Set(
        (await line(`${what}:`))
          .trim()
          .split(separator)
          .filter((word) => word !== ''),
      ),
    ];
    const wrong = words.filter((word) => !offered.includes(word));
    const answer = wrong.length === 0 ? judge(words) : undefined;
    if (answer !== undefined) return answer;
    const hint = wrong.map((word) => `${quote(word)} is not offered; ${nearestHint(word, offered)}`).join('\n');
    warn(hint || 'only one of them');
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
