/**
 * Which agents use which version of a skill, judged: agent files name skills and take their versions from the lock,
 * agents of the platform have the versions that they were saved with. Pure; pins-on-platform.ts asks.
 */
import type { AgentsLock } from '../agent/lock.ts';
import type { Configuration } from '../config/definitions.ts';
import { quote, visible } from '../text/quote.ts';
import type { SkillsLock } from './lock.ts';

/** One custom skill in the definition of an agent on the platform. Everything in it is text from outside. */
export interface Pin {
  agentId: string;
  /** What our mark on the agent says, else the name that somebody gave it. */
  agentName: string;
  agentVersion: number;
  /** Whether the agent carries our mark. */
  marked: boolean;
  skillId: string;
  /** A version's id, or `latest`. */
  version: string;
  /** For an older version of an agent: who has that very version among its sub-agents. */
  keptBy?: { agentId: string; agentName: string };
}

/** What the platform takes for "the newest version, whoever uploads it". */
const latest = 'latest';

/** The agent files that name a skill, by the skill's name, sorted. */
export function agentsNaming({ agents }: Pick<Configuration, 'agents'>): ReadonlyMap<string, readonly string[]> {
  const naming = new Map<string, string[]>();
  for (const { name, skills } of [...agents.values()].sort(byName)) {
    for (const skill of new Set(skills)) naming.set(skill, [...(naming.get(skill) ?? []), name]);
  }
  return naming;
}

/** A pin of a locked skill that is not at the version of the lock. */
export interface StalePin {
  pin: Pin;
  /** The skill's name in the lock, and its version there. */
  skill: string;
  locked: string;
  /** The file that the agent stands for; undefined for an agent that is not ours. */
  file: string | undefined;
}

/** Which agents of the platform are ours: those of `agents.lock.json`, and marked ones whose file is not in it yet. */
export interface OwnAgents {
  agents: ReadonlyMap<string, unknown>;
  lock: Pick<AgentsLock, 'agents'>;
}

/** Every pin of a skill of the lock at another version, `latest` included: ours first, then by agent and skill. */
export function stalePins(pins: readonly Pin[], lock: SkillsLock, own: OwnAgents): StalePin[] {
  const lockedById = new Map([...lock].map(([skill, { skillId, versionId }]) => [skillId, { skill, versionId }]));
  const stale = pins.flatMap((pin): StalePin[] => {
    const locked = lockedById.get(pin.skillId);
    if (locked === undefined || locked.versionId === pin.version) return [];
    return [{ pin, skill: locked.skill, locked: locked.versionId, file: fileOf(pin, own) }];
  });
  const order = ({ pin, skill, file }: StalePin) => [file === undefined ? '1' : '0', pin.agentName, skill, pin.agentId];
  return stale.sort((a, b) => (order(a).join('\n') < order(b).join('\n') ? -1 : 1));
}

/** A stale pin as a line that says what to do about it. */
export function formatStalePin({ pin, skill, locked, file }: StalePin): string {
  const name = file ?? named(pin);
  const version = pin.keptBy === undefined ? '' : ` in its version ${pin.agentVersion}`;
  const pinned =
    pin.version === latest ? `follows the latest version of ${skill}` : `pins ${skill} at ${visible(pin.version)}`;
  const said = `agent ${name}${version} ${pinned}, the lock says ${visible(locked)}`;
  if (file !== undefined) return `${said}: setup-session agents apply`;
  if (pin.keptBy === undefined) return `${said}; no file stands for it`;
  return `${said}; agent ${named(pin.keptBy)} has it as a sub-agent`;
}

/** Who uses a skill. */
export interface Pinners {
  /** Agent files that name it. */
  files: readonly string[];
  /** Pins by agents on the platform, at any version of the skill. */
  pins: readonly Pin[];
}

/** Who would lose a skill if it were deleted; both lists are empty when nobody would. */
export function pinnersOf(
  skill: { name: string; skillId: string },
  pins: readonly Pin[],
  naming: ReadonlyMap<string, readonly string[]>,
): Pinners {
  return { files: naming.get(skill.name) ?? [], pins: pins.filter(({ skillId }) => skillId === skill.skillId) };
}

/** Who uses a skill, one entry each: `agent file support`, `agent "Night shift" (agent_1) at skver_2`. */
export function formatPinners({ files, pins }: Pinners): string[] {
  return [
    ...files.map((name) => `agent file ${name}`),
    ...pins.map((pin) => {
      const { version, agentVersion, keptBy } = pin;
      const older = keptBy === undefined ? '' : ` version ${agentVersion}, a sub-agent of ${named(keptBy)},`;
      return `agent ${named(pin)}${older} at ${visible(version)}`;
    }),
  ];
}

/** An older version that somebody keeps as a sub-agent is not ours: no `agents apply` moves it. */
function fileOf({ agentId, agentName, marked, keptBy }: Pin, { agents, lock }: OwnAgents): string | undefined {
  if (keptBy !== undefined) return undefined;
  for (const name of agents.keys()) {
    const locked = lock.agents[name];
    if (locked === undefined ? marked && agentName === name : locked.id === agentId) return name;
  }
  return undefined;
}

function named({ agentName, agentId }: { agentName: string; agentId: string }): string {
  return `${quote(agentName)} (${visible(agentId)})`;
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
