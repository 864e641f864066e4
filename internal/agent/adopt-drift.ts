/**
 * Takes what others changed on the platform into the files: only the keys that differ, comments and everything else
 * stay. All or nothing: what no file can say refuses the whole before anything is written.
 */
import { join } from 'node:path';
import { type Document, isMap, parseDocument } from 'yaml';
import { agentOfText } from '../config/agent-text.ts';
import type { Agent } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { readText, writeText } from '../outside/files.ts';
import { quote } from '../text/quote.ts';
import { locked } from './ensure.ts';
import { environmentDigest } from './environment.ts';
import { takeIntoText } from './environment-text.ts';
import { expressAgent } from './express.ts';
import type { Fleet, FleetRequest, PlannedAgent, PlannedEnvironment } from './fleet.ts';
import { type AgentsLock, changeAgentsLock } from './lock.ts';
import { environmentFilePath } from './write-file.ts';

/** What was written. */
export interface AdoptedDrift {
  paths: string[];
  /** What the files leave out of what is on the platform. */
  warnings: string[];
}

interface Rewriting {
  files: Map<string, string>;
  /** The entries that change. */
  lock: AgentsLock;
  warnings: string[];
  problems: string[];
}

/** What {@link adoptDrift} would write. Throws `config_invalid` with all that no file can say. */
export async function planAdoptDrift(request: FleetRequest, fleet: Fleet): Promise<AdoptedDrift> {
  const { files, warnings } = await rewrite(request, fleet);
  return { paths: [...files.keys()], warnings };
}

/** Rewrites the files of what has drifted, and the lock. Throws `config_invalid` with all that no file can say. */
export async function adoptDrift(request: FleetRequest, fleet: Fleet): Promise<AdoptedDrift> {
  const { files, lock, warnings } = await rewrite(request, fleet);
  // The lock last: without it the next run sees that files and platform agree, and writes it.
  for (const [path, text] of files) await writeText(path, text, 'shared');
  if (files.size > 0) await changeAgentsLock(request.configuration, request.lock, lock, request.platform.recorder);
  return { paths: [...files.keys()], warnings };
}

async function rewrite(request: FleetRequest, fleet: Fleet): Promise<Rewriting> {
  const { folder } = request.configuration;
  const rewriting: Rewriting = {
    files: new Map(),
    lock: { agents: {}, environments: {} },
    warnings: [],
    problems: [],
  };
  for (const planned of fleet.environments) await rewriteEnvironment(planned, folder, rewriting);
  for (const planned of fleet.agents) await rewriteAgent(planned, request, rewriting);
  const { problems } = rewriting;
  if (problems.length > 0) {
    throw new AppError('config_invalid', ['no file can say what is on the platform:', ...problems].join('\n'), {
      hint: 'nothing was written; put the files in force with: setup-session agents apply --overwrite',
    });
  }
  return rewriting;
}

async function rewriteEnvironment(
  { meant, found, state }: PlannedEnvironment,
  folder: string,
  { files, lock, problems }: Rewriting,
): Promise<void> {
  if (state.act !== 'drifted' || found === undefined) return;
  const path = environmentFilePath(folder, meant.name);
  const there = takeIntoText((await readText(path)) ?? '', meant.name, state.differences);
  files.set(path, there.text);
  problems.push(...there.problems);
  if (there.environment !== undefined) {
    lock.environments[meant.name] = { id: found.id, sha256: environmentDigest(there.environment) };
  }
}

async function rewriteAgent(
  { agent, definition, found, state }: PlannedAgent,
  { configuration, pins }: FleetRequest,
  { files, lock, warnings, problems }: Rewriting,
): Promise<void> {
  if (state.act !== 'drifted' || found === undefined) return;
  const folder = join(configuration.folder, 'agents');
  const path = join(folder, `${agent.name}.yaml`);
  const document = parseDocument((await readText(path)) ?? '');
  const there = expressAgent(found, configuration, pins);
  const here = expressAgent({ ...definition, model: agent.model, execution_identity: identity }, configuration, pins);
  const about = (line: string) => `agent ${quote(agent.name)}: ${line}`;
  problems.push(...there.problems.map(about));
  warnings.push(...there.warnings.map(about));

  const { content } = there;
  if (content.model !== agent.model) document.set('model', content.model);
  setOrDelete(document, 'description', content.description, agent.description);
  if ((content.system ?? '') !== (agent.system ?? '')) {
    const place = document.get('system', true);
    const file = isMap(place) ? place.get('file') : undefined;
    if (typeof file === 'string') files.set(join(folder, file), content.system ?? '');
    else setOrDelete(document, 'system', content.system, agent.system);
  }
  if (same(content.skills, here.content.skills) === false)
    document.set('skills', document.createNode(content.skills, { flow: true }));
  for (const name of new Set([...Object.keys(content.services), ...Object.keys(here.content.services)])) {
    const [now, before] = [content.services[name], here.content.services[name]];
    if (same(now, before)) continue;
    if (hasCondition(agent, name)) problems.push(about(`${name} has conditions (when): bring its change in by hand`));
    if (now === undefined) document.deleteIn(['services', name]);
    else document.setIn(['services', name], document.createNode(now, { flow: true }));
  }
  if (!same(content.builtin_tools, here.content.builtin_tools)) {
    document.set('builtin_tools', document.createNode(content.builtin_tools, { flow: true }));
  }
  const text = document.toString({ lineWidth: 120 });
  problems.push(...agentOfText(text, agent.name, configuration).problems.map(about));
  files.set(path, text);
  lock.agents[agent.name] = locked(found);
}

const identity = { type: 'service_account' };

function setOrDelete(document: Document, key: string, value: string | undefined, before: string | undefined): void {
  if ((value ?? '') === (before ?? '')) return;
  if (value === undefined) document.delete(key);
  else document.set(key, value);
}

/** Without the condition the platform's verdict would count always: wider than what was reviewed. */
function hasCondition({ services }: Agent, name: string): boolean {
  const settings = services[name];
  return settings !== undefined && JSON.stringify(settings).includes('"when":');
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, entry]) => [key, sorted(entry)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}
