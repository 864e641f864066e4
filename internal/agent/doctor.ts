/** What the platform answers today against the table of known members: what it added, and what that means here. */
import type { Platform } from '../platform/client.ts';
import { decidingMembers, knownFrom, knownMembers, sdkInBuild } from '../platform/known-members.ts';
import { takeFirst } from '../platform/pages.ts';
import { modelId } from './model.ts';

/** What was found. The names of members are harmless in a terminal. */
export interface MemberFindings {
  /** The SDK that the table was taken from, and the one in this build. */
  knownFrom: string;
  sdkVersion: string;
  /** How many things were looked at. */
  looked: Readonly<Record<'vaults' | 'agents' | 'environments' | 'sessions' | 'skills', number>>;
  /** The models of those agents. */
  models: ReadonlySet<string>;
  /** Unknown, not accepted, and it decides what a tool may do; with the agents that have it. */
  undecided: readonly { member: string; agents: readonly string[] }[];
  /** Unknown, not accepted, and it decides nothing. */
  unknown: readonly string[];
  /** Unknown, and accepted by the configuration. */
  accepted: readonly string[];
  /** Accepted, and known by now: the entry can go. */
  needless: readonly string[];
}

/** The latest of each list: what the platform adds to a thing it adds to all. */
const latest = 100;

/** Looks at the latest things of the workspace. `platform` accepts no member, so that all are seen. */
export async function examineMembers(platform: Platform, accepted: readonly string[]): Promise<MemberFindings> {
  const [agents, vaults, environments, sessions, skills, sdkVersion] = await Promise.all([
    takeFirst(latest, platform.agents.list()),
    takeFirst(latest, platform.vaults.list()),
    takeFirst(latest, platform.environments.list()),
    takeFirst(latest, platform.sessions.list()),
    takeFirst(latest, platform.skills.list()),
    sdkInBuild(),
  ]);
  const having = new Map<string, Set<string>>();
  for (const agent of [...agents, ...sessions.map((session) => session.agent)]) {
    for (const member of agent.undecided) having.set(member, new Set([...(having.get(member) ?? []), agent.id]));
  }
  const told = [...platform.unknownMembers(), ...agents.flatMap(({ unknown }) => unknown)];
  const unknown = [...new Set([...told, ...sessions.flatMap(({ agent }) => agent.unknown)])].sort();
  const taken = new Set(accepted);
  return {
    knownFrom,
    sdkVersion,
    looked: {
      vaults: vaults.length,
      agents: agents.length,
      environments: environments.length,
      sessions: sessions.length,
      skills: skills.length,
    },
    models: new Set(agents.map(({ model }) => modelId(model))),
    undecided: [...having]
      .filter(([member]) => !taken.has(member))
      .map(([member, ids]) => ({ member, agents: [...ids].sort() })),
    unknown: unknown.filter((member) => !taken.has(member)),
    accepted: [...having.keys(), ...unknown].filter((member) => taken.has(member)),
    needless: accepted.filter(isKnown),
  };
}

function isKnown(name: string): boolean {
  const tables = Object.entries<readonly string[]>({ ...decidingMembers, ...knownMembers });
  return tables.some(([place, members]) => {
    const prefix = place.replace(/^agent\b\.?/, '').replace(/([^.])$/, '$1.');
    return members.some((member) => `${prefix}${member}` === name);
  });
}
