/** What a colleague with a branch, a second operator and a key holder do to agents and environments of everybody. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { built } from '../demo/executables.ts';
import { openStage, type Stage } from '../demo/stage.ts';
import { sessionsOn } from '../demo/witness.ts';
import { type Attack, judged } from './attack.ts';

const start = ['--agent', 'support'] as const;
const rounds = 5;

/** Tries each on one sandbox where Ada has connected Notion and the agents are in force. */
export async function agentAttacks(): Promise<readonly Attack[]> {
  const stage = await openStage({ locate: built });
  try {
    const begun = [
      await stage.at('ada').run('skill-sync'),
      await stage.at('grace').run('setup-session', 'agents', 'apply'),
      await stage.at('ada').run('service-connection', 'notion'),
    ];
    for (const { exit, command, stderr } of begun) if (exit !== 0) throw new Error(`${command}: ${stderr}`);
    return [
      await branch(stage),
      await lostUpdates(stage),
      await alteredEnvironment(stage),
      ...(await withoutOffice(stage)),
      ...(await asAnAgent(stage)),
    ];
  } finally {
    await stage.close();
  }
}

async function branch(stage: Stage): Promise<Attack> {
  const path = join(stage.sandbox.configFolder, 'agents', 'support.yaml');
  const reviewed = await readFile(path, 'utf8');
  const before = await deployed(stage);
  await writeFile(path, stringify({ ...parse(reviewed), description: 'on a branch' }));
  const { exit } = await stage.at('ada').run('setup-session', ...start);
  await writeFile(path, reviewed);
  const after = await deployed(stage);
  const others = await stage.at('ada').run('setup-session', ...start);
  return judged(
    'a colleague starts a session with an agent file of their own branch',
    'exit 7, the shared agent as it was, exit 0 for those on main',
    `exit ${exit}, the shared agent ${before === after ? 'as it was' : 'changed'}, exit ${others.exit} for those on main`,
  );
}

/** A retirement and an apply at the same moment, each with its own entry of the lock. */
async function lostUpdates(stage: Stage): Promise<Attack> {
  const { configFolder } = stage.sandbox;
  const path = join(configFolder, 'agents', 'support.yaml');
  const editor = await readFile(join(configFolder, 'agents', 'editor.yaml'), 'utf8');
  let lost = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const name = `extra-${round}`;
    await writeFile(join(configFolder, 'agents', `${name}.yaml`), editor);
    await stage.at('grace').run('setup-session', 'agents', 'apply', name);
    const content = parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, stringify({ ...content, description: `round ${round}` }));
    await Promise.all([
      stage.at('grace').run('setup-session', 'agents', 'apply', 'support'),
      stage.at('ada').run('setup-session', 'agents', 'retire', name, '--yes-retire', name),
    ]);
    const lock = JSON.parse(await readFile(join(configFolder, 'agents.lock.json'), 'utf8')) as {
      agents: Record<string, { version: number; retired?: boolean }>;
    };
    if (lock.agents[name]?.retired !== true || lock.agents['support']?.version !== round + 1) lost += 1;
  }
  return judged(
    'an apply and a retirement write agents.lock.json at the same moment',
    `in ${rounds} rounds no entry is lost`,
    lost === 0 ? `in ${rounds} rounds no entry is lost` : `in ${lost} of ${rounds} rounds an entry is lost`,
  );
}

async function alteredEnvironment(stage: Stage): Promise<Attack> {
  const before = (await sessionsOn(stage.platform)).length;
  for await (const { id } of stage.platform.beta.environments.list()) {
    await stage.platform.beta.environments.update(id, {
      config: { type: 'cloud', networking: { type: 'unrestricted' } },
    });
  }
  const { exit, stderr } = await stage.at('ada').run('setup-session', ...start);
  const sessions = (await sessionsOn(stage.platform)).length - before;
  return judged(
    'somebody with the key opens the network of the shared environment',
    'exit 1, the difference named, 0 sessions',
    `exit ${exit}, the difference ${stderr.includes('unrestricted') ? 'named' : 'not named'}, ${sessions} sessions`,
  );
}

/** A colleague who has the key like everybody, and is no operator. */
async function withoutOffice(stage: Stage): Promise<Attack[]> {
  const { configFolder, people } = stage.sandbox;
  const path = join(configFolder, 'interface.yaml');
  const reviewed = parse(await readFile(path, 'utf8'));
  const operators = { principals: [people.grace.subject] };
  const changed = { ...reviewed, platform: {}, people: { ...reviewed.people, operators } };
  await stage.at('ada').run('setup-session', 'tools', 'refresh', 'notion');
  await writeFile(path, stringify(changed, { aliasDuplicateObjects: false }));
  const agent = join(configFolder, 'agents', 'support.yaml');
  await writeFile(agent, stringify({ ...parse(await readFile(agent, 'utf8')), description: 'by a colleague' }));
  await writeFile(join(configFolder, '..', 'skills', 'meeting-notes', 'MORE.md'), 'More.');
  const attempt = async (what: string, executable: 'setup-session' | 'skill-sync', ...argv: string[]) => {
    const before = await everybodys(stage);
    const { exit } = await stage.at('ada').run(executable, ...argv);
    const after = await everybodys(stage);
    return judged(
      `a colleague with the key who is no operator ${what}`,
      'exit 3, everything as it was',
      `exit ${exit}, ${before === after ? 'everything as it was' : 'something was changed'}`,
    );
  };
  return [
    await attempt('runs agents apply', 'setup-session', 'agents', 'apply'),
    await attempt('accepts a tool', 'setup-session', 'tools', 'review', 'notion', '--accept', 'notion-search'),
    await attempt('pushes skills', 'skill-sync'),
  ];
}

/** An agent that acts for itself has a vault of its own, which Grace as an operator has filled. */
async function asAnAgent(stage: Stage): Promise<Attack[]> {
  const { configFolder, people } = stage.sandbox;
  const { ada, grace, linus } = people;
  const change = async (name: string, changed: object) => {
    const path = join(configFolder, name);
    await writeFile(
      path,
      stringify({ ...parse(await readFile(path, 'utf8')), ...changed }, { aliasDuplicateObjects: false }),
    );
  };
  const { people: named } = parse(await readFile(join(configFolder, 'interface.yaml'), 'utf8'));
  await change('interface.yaml', {
    people: { ...named, groups: { ...named.groups, night: { notion: { read: 'on' } } } },
  });
  const runBy = { groups: [], principals: [grace.subject] };
  await change('agents/support.yaml', {
    autonomous: { sponsor: linus.subject, groups: ['night'], run_by: runBy },
  });
  const begun = [
    await stage.at('grace').run('setup-session', 'agents', 'apply', '--overwrite'),
    await stage
      .at('grace')
      .run('service-connection', 'notion', '--for-agent', 'support', '--accept-account', grace.email),
    await stage.at('grace').run('setup-session', ...start, '--as-agent'),
  ];
  for (const { exit, command, stderr } of begun) if (exit !== 0) throw new Error(`${command}: ${stderr}`);
  const vaults = [];
  for await (const vault of stage.platform.beta.vaults.list()) vaults.push(vault);
  const agents = vaults.find(({ metadata }) => metadata['mai_owner_kind'] === 'agent');
  const persons = vaults.find(({ metadata }) => metadata['mai_owner_subject'] === ada.subject);
  const before = (await sessionsOn(stage.platform)).length;
  const taken = await stage.at('ada').run('setup-session', ...start, '--as-agent');
  const filled = await stage.at('ada').run('service-connection', 'notion', '--for-agent', 'support');
  const sessions = (await sessionsOn(stage.platform)).length - before;

  const own = await stage.platform.beta.sessions
    .list()
    .then(({ data }) => data.find(({ vault_ids }) => vault_ids[0] === agents?.id));
  if (own === undefined || persons === undefined) throw new Error('there is nothing to exchange');
  const { id } = await stage.platform.beta.sessions.create({
    agent: { type: 'agent', id: own.agent.id, version: own.agent.version },
    environment_id: own.environment_id,
    vault_ids: [persons.id],
    metadata: own.metadata,
  });
  const verified = await stage.at('grace').run('setup-session', 'verify', id);
  return [
    judged(
      'a colleague who may use an agent runs it as the agent itself, and fills its vault',
      'exit 3 and 3, 0 sessions',
      `exit ${taken.exit} and ${filled.exit}, ${sessions} sessions`,
    ),
    judged(
      'somebody with the key binds the vault of a person to a session of an agent itself',
      'exit 3, the vault named',
      `exit ${verified.exit}, the vault ${verified.stderr.includes(persons.id) ? 'named' : 'not named'}`,
    ),
  ];
}

/** What belongs to everybody: agents and skills of the workspace, and the reviews of tools. */
async function everybodys(stage: Stage): Promise<string> {
  const skills: object[] = [];
  for await (const skill of stage.platform.skills.list()) skills.push(skill);
  const reviews = await readFile(join(stage.sandbox.configFolder, 'tools.lock.json'), 'utf8');
  const agents: object[] = [];
  for await (const agent of stage.platform.beta.agents.list()) agents.push(agent);
  return `${textOf([agents, skills])}${reviews}`;
}

/** A value in one form: the platform answers lists of tools and servers in any order. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).sort().join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  return `{${Object.entries(value)
    .map(([name, member]) => `${name}:${textOf(member)}`)
    .sort()
    .join()}}`;
}

/** Every agent of the workspace, whole. */
async function deployed({ platform }: Stage): Promise<string> {
  const agents: object[] = [];
  for await (const agent of platform.beta.agents.list()) agents.push(agent);
  return JSON.stringify(agents);
}
