/**
 * What the platform answers of an agent that this version knows, as of @anthropic-ai/sdk 1.14. Members are added every few
 * weeks: one that is new is told and is no difference. What decides what a tool may do is judged in policy/toolset.ts.
 */
import { visible } from '../text/quote.ts';

const agent = [
  'id',
  'type',
  'version',
  'name',
  'description',
  'model',
  'system',
  'tools',
  'mcp_servers',
  'skills',
  'multiagent',
  'execution_identity',
  'metadata',
  'created_at',
  'updated_at',
  'archived_at',
];

const inside: Readonly<Record<string, readonly string[]>> = {
  model: ['id', 'effort', 'speed', 'inference_geo'],
  mcp_servers: ['type', 'name', 'url'],
  skills: ['type', 'skill_id', 'version'],
};

/** Every member of an answered agent that this version does not know, such as `model.context`; one that is null says nothing. */
export function unknownMembers(answered: object): string[] {
  const found = foreign(answered, agent);
  for (const [name, known] of Object.entries(inside)) {
    const value = (answered as Record<string, unknown>)[name];
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof each === 'object' && each !== null) found.push(...foreign(each, known).map((key) => `${name}.${key}`));
    }
  }
  return [...new Set(found)].sort().map(visible);
}

/** How such a member is told. */
export function unknownMemberWords(member: string): string {
  return `the platform answers with a member that this version does not know: ${member}`;
}

function foreign(value: object, known: readonly string[]): string[] {
  return Object.entries(value).flatMap(([key, each]) =>
    known.includes(key) || each === null || each === undefined ? [] : [key],
  );
}
