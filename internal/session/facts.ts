/**
 * What a session may do and for whom, as sets of lines that can be compared, kept and digested. What happens in a
 * session, such as its status and title, is no part of it. Pure.
 */

import { type AnsweredAgent, serverLines, skillLines } from '../agent/definition.ts';
import { modelLines } from '../agent/model.ts';
import type { Principal } from '../identity/principal.ts';
import type { Session } from '../platform/sessions.ts';
import { permissionLines } from '../policy/toolset.ts';
import { sha256 } from '../text/canonical.ts';
import { ownerOf } from '../vault/owner.ts';

const names = [
  'owner',
  'agent',
  'vaults',
  'environment',
  'model',
  'system prompt',
  'description',
  'tools',
  'MCP servers',
  'skills',
  'sub-agents',
  'execution identity',
  'mounted resources',
] as const;

/** One set of lines for each fact. */
export type Facts = Readonly<Record<(typeof names)[number], readonly string[]>>;

/** What facts are read from: a session as it is meant, or as the platform answers it. */
export interface FactSource {
  vault_ids: readonly string[];
  environment_id: string;
  metadata: Readonly<Record<string, string>>;
  resources: readonly unknown[];
  agent: AnsweredAgent & { id: string; version: number };
}

/** The metadata key that names the agent's file. */
export const agentKey = 'mai_agent';

/** The metadata key that says who had an agent act for itself: a digest, since a subject can be longer than a value. */
const startedByKey = 'mai_started_by';

/** The metadata that says who had an agent act for itself; empty of a session that is somebody's own. */
export function startedByRecord({ autonomous }: Pick<Principal, 'autonomous'>): Record<string, string> {
  return autonomous === undefined ? {} : { [startedByKey]: startedBy(autonomous.runner) };
}

/** Whether a session of an agent itself says that this one started it. */
export function isStartedBy(
  metadata: Readonly<Record<string, string>>,
  runner: Pick<Principal, 'kind' | 'issuer' | 'subject'>,
): boolean {
  return metadata[startedByKey] === startedBy(runner);
}

function startedBy({ kind, issuer, subject }: Pick<Principal, 'kind' | 'issuer' | 'subject'>): string {
  return sha256(JSON.stringify([kind, issuer, subject]), 'base64url');
}

/** A snapshot of an agent with what it leaves out, which nobody can change in a session: the pinned version says it. */
export function wholeSnapshot(
  snapshot: Session['agent'],
  pinned: Pick<AnsweredAgent, Session['agent']['left_out'][number]> | undefined,
): Session['agent'] {
  if (pinned === undefined || snapshot.left_out.length === 0) return snapshot;
  const said = Object.fromEntries(snapshot.left_out.map((name) => [name, pinned[name]]));
  return { ...snapshot, ...said };
}

/** The facts of a session. */
export function factsOf({ vault_ids, environment_id, metadata, resources, agent }: FactSource): Facts {
  const owner = ownerOf(metadata);
  const { [startedByKey]: starter } = metadata;
  return {
    owner: [
      ...(owner === undefined ? [] : [JSON.stringify([owner.kind, owner.issuer, owner.subject])]),
      ...(starter === undefined ? [] : [`started by ${starter}`]),
    ],
    agent: [JSON.stringify([metadata[agentKey] ?? '', agent.name, agent.id, agent.version])],
    vaults: [...vault_ids],
    environment: [environment_id],
    model: modelLines(agent.model),
    'system prompt': [sha256(agent.system ?? '', 'base64url')],
    description: [sha256(agent.description ?? '', 'base64url')],
    tools: permissionLines(agent.tools),
    'MCP servers': serverLines(agent.mcp_servers),
    skills: skillLines(agent.skills),
    'sub-agents': agent.multiagent === null || agent.multiagent === undefined ? [] : [JSON.stringify(agent.multiagent)],
    'execution identity': [agent.execution_identity.type],
    'mounted resources': resources.map((resource) => JSON.stringify(resource)).sort(),
  };
}

/** One digest over all facts of one attempt, 43 characters. */
export function digestOf(facts: Facts, attempt: string): string {
  return sha256(JSON.stringify([1, attempt, ...names.map((name) => facts[name])]), 'base64url');
}

/** The id of the agent that facts name; empty where they name none. */
export function agentIdOf({ agent: [line = 'null'] }: Facts): string {
  const parts: unknown = JSON.parse(line);
  return Array.isArray(parts) && typeof parts[2] === 'string' ? parts[2] : '';
}

/** What one fact has now that it had not, and the other way round. */
export interface Change {
  what: string;
  more: readonly string[];
  less: readonly string[];
}

/** Every fact that differs. */
export function compareFacts(meant: Facts, found: Facts): Change[] {
  return names.flatMap((what) => {
    if (JSON.stringify(meant[what]) === JSON.stringify(found[what])) return [];
    const more = found[what].filter((line) => !meant[what].includes(line));
    return [{ what, more, less: meant[what].filter((line) => !found[what].includes(line)) }];
  });
}

/** Facts that were kept as JSON; undefined where it is none. */
export function parseFacts(value: unknown): Facts | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Record<string, unknown>;
  const whole = names.every((name) => {
    const lines = record[name];
    return Array.isArray(lines) && lines.every((line) => typeof line === 'string');
  });
  return whole ? (record as unknown as Facts) : undefined;
}
