/** What the other side says, asked with the official client: the product's own word proves nothing. */
import type Anthropic from '@anthropic-ai/sdk';
import { type PersonName, people } from '../sandbox/people.ts';

/** A vault as the platform shows it to every holder of the key. */
export interface SeenVault {
  readonly id: string;
  /** Whom the owner record names. */
  readonly owner: PersonName | 'nobody';
  readonly metadata: Record<string, string>;
  /** The active credentials, everything that can be read of them. */
  readonly credentials: readonly object[];
}

/** Every active vault of the workspace. */
export async function vaultsOn(platform: Anthropic): Promise<SeenVault[]> {
  const vaults: SeenVault[] = [];
  for await (const { id, metadata } of platform.beta.vaults.list()) {
    const credentials: object[] = [];
    for await (const credential of platform.beta.vaults.credentials.list(id)) credentials.push(credential);
    vaults.push({ id, owner: ownerIn(metadata), metadata, credentials });
  }
  return vaults.sort((a, b) => (a.owner < b.owner ? -1 : 1));
}

/** A session as the platform shows it. */
export interface SeenSession {
  readonly id: string;
  /** Whom its own metadata names. */
  readonly owner: PersonName | 'nobody';
  /** Whose vaults are bound to it, one entry for each. */
  readonly vaults: readonly string[];
  readonly agent: string;
  /** The pinned versions of its skills. */
  readonly skills: readonly string[];
}

/** Every active session of the workspace, oldest first. */
export async function sessionsOn(platform: Anthropic): Promise<SeenSession[]> {
  const owners = new Map((await vaultsOn(platform)).map(({ id, owner }) => [id, owner]));
  const sessions: SeenSession[] = [];
  for await (const { id, agent, metadata, vault_ids } of platform.beta.sessions.list()) {
    sessions.unshift({
      id,
      owner: ownerIn(metadata),
      vaults: vault_ids.map((vault) => owners.get(vault) ?? vault),
      agent: `${agent.name}, version ${agent.version}`,
      skills: agent.skills.map(({ version }) => version),
    });
  }
  return sessions;
}

/** The agents of the workspace, and how far the network of each environment reaches. */
export async function deployedOn(platform: Anthropic): Promise<{ agents: string[]; networks: string[] }> {
  const [agents, networks]: [string[], string[]] = [[], []];
  for await (const { name, version } of platform.beta.agents.list()) agents.push(`${name}, version ${version}`);
  for await (const { config } of platform.beta.environments.list()) {
    networks.push(config.type === 'cloud' ? config.networking.type : config.type);
  }
  return { agents: agents.sort(), networks };
}

/** The name and latest version of every skill of the workspace. */
export async function skillsOn(platform: Anthropic): Promise<Record<string, string>> {
  const skills: Record<string, string> = {};
  for await (const { id, latest_version_id } of platform.skills.list({ source: 'custom' })) {
    const { name } = await platform.skills.versions.retrieve(latest_version_id, { skill_id: id });
    skills[name] = latest_version_id;
  }
  return skills;
}

/** How the platform judged each tool call of a session. */
export async function permissionsIn(platform: Anthropic, sessionId: string): Promise<string[]> {
  const judged: string[] = [];
  for await (const event of platform.beta.sessions.events.list(sessionId)) {
    if (event.type === 'agent.mcp_tool_use') judged.push(`${event.name}: ${event.evaluated_permission}`);
  }
  return judged;
}

function ownerIn(metadata: Readonly<Record<string, string>>): PersonName | 'nobody' {
  const subject = metadata['mai_owner_subject'];
  return Object.values(people).find((person) => person.subject === subject)?.person ?? 'nobody';
}
