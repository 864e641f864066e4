/** An environment's file against what the platform has. Pure; environments have no versions, so a digest stands in. */

import type { Environment } from '../config/definitions.ts';
import type { EnvironmentAnswer } from '../platform/environments.ts';
import { sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';
import { type Difference, nameKey } from './definition.ts';
import type { LockedEnvironment } from './lock.ts';

/** An environment as the platform answers it. */
export type FoundEnvironment = EnvironmentAnswer;

/** The metadata key that announces a change: no session starts while it is there and an apply may be behind it. */
export const changingKey = 'mai_changing';

/** Longer than any apply takes from its announcement to its change: what is older was killed. */
const longestApplyMs = 5 * 60_000;

/** An announcement as the metadata keep it: when it was made, by the platform's clock, and which one it is. */
export function announcement(id: string, at: Date): string {
  return `${at.toISOString()} ${id}`;
}

/**
 * An environment without the announcement of an apply that was killed, and when that was; as it is where there is none, or
 * where it is not known when it was made. Whoever goes by this has to look again after what they did: a machine that slept
 * may go on with its apply. The next apply takes the announcement away.
 */
export function withoutDeadApply(
  found: FoundEnvironment,
  now: Date,
): { environment: FoundEnvironment; diedAfter?: string } {
  const [at = ''] = (found.metadata[changingKey] ?? '').split(' ');
  const age = Math.abs(now.getTime() - Date.parse(at));
  if (Number.isNaN(age) || age < longestApplyMs) return { environment: found };
  const { [changingKey]: _, ...metadata } = found.metadata;
  return { environment: { ...found, metadata }, diedAfter: new Date(at).toISOString() };
}

/** How an environment of the platform stands to its file; `drifted` was changed outside. */
export type EnvironmentState =
  | { act: 'create' }
  | { act: 'none' | 'update' | 'drifted'; id: string; differences: readonly Difference[] };

/** Everything that is compared of an environment, as JSON per thing. */
type Facts = Readonly<Record<string, string>>;

/** Where an environment differs from its file; hosts are compared as a set. */
export function compareEnvironment(meant: Environment, found: FoundEnvironment): Difference[] {
  const [wanted, there] = [factsMeant(meant), { ...factsFound(found), ...announced(found) }];
  return Object.keys({ ...wanted, ...there }).flatMap((what) => {
    const [left, right] = [wanted[what] ?? 'null', there[what] ?? 'null'];
    return left === right ? [] : [{ what, meant: left, found: right }];
  });
}

/**
 * How an environment stands to its file. A difference counts as a change of the file only when the platform still has
 * what was last put in force; without a digest in the lock nobody can tell, so it counts as drift.
 */
export function judgeEnvironment(
  meant: Environment,
  found: FoundEnvironment | undefined,
  locked: LockedEnvironment | undefined,
): EnvironmentState {
  if (found === undefined) return { act: 'create' };
  const differences = [...compareEnvironment(meant, found), ...missingMark(meant, found)];
  const untouched = locked?.sha256 === digestOf(factsFound(found));
  const act = differences.length === 0 ? 'none' : untouched ? 'update' : 'drifted';
  return { act, id: found.id, differences };
}

/** What is different about an adopted environment: it does not carry the mark yet by which it is found when the lock is lost. */
export const environmentMark = `metadata ${nameKey}`;

function missingMark({ name }: Environment, { metadata }: FoundEnvironment): Difference[] {
  const mark = metadata[nameKey];
  if (mark === name) return [];
  return [{ what: environmentMark, meant: JSON.stringify(name), found: JSON.stringify(mark ?? null) }];
}

/** Whether two answers have the same content, announcements aside. */
export function sameContent(one: FoundEnvironment, other: FoundEnvironment): boolean {
  return digestOf(factsFound(one)) === digestOf(factsFound(other));
}

/** The digest that the lock keeps of an environment that is as its file says. */
export function environmentDigest(meant: Environment): string {
  return digestOf(factsMeant(meant));
}

/** Packages that somebody had preinstalled, which no file can ask for: manager and package. */
export function packagesOf({ config }: FoundEnvironment): string[] {
  const { packages } = config as { packages?: unknown };
  if (!isRecord(packages)) return [];
  return Object.entries(packages)
    .flatMap(([manager, list]) => (Array.isArray(list) ? list.map((entry) => `${manager} ${String(entry)}`) : []))
    .sort();
}

/** What is different about an environment whose change was announced and not made: no file can say it, the next apply ends it. */
export const unended = 'an apply that has not ended';

/** An apply that is under way, or was killed: the next one goes on. */
function announced({ metadata }: FoundEnvironment): Facts {
  const by = metadata[changingKey];
  return by === undefined ? {} : { [unended]: JSON.stringify(by) };
}

function factsMeant(meant: Environment): Facts {
  return {
    kind: JSON.stringify('cloud'),
    network: JSON.stringify('limited'),
    'allowed hosts': JSON.stringify([...meant.allowed_hosts].sort()),
    'MCP servers': JSON.stringify(meant.allow_mcp_servers),
    'package managers': JSON.stringify(meant.allow_package_managers),
    packages: '[]',
    description: JSON.stringify(meant.description ?? ''),
  };
}

function factsFound(found: FoundEnvironment): Facts {
  const { type, networking } = found.config as { type?: unknown; networking?: unknown };
  const network = isRecord(networking) ? networking : {};
  const hosts = network['allowed_hosts'];
  return {
    kind: JSON.stringify(type ?? null),
    network: JSON.stringify(network['type'] ?? null),
    'allowed hosts': JSON.stringify(Array.isArray(hosts) ? hosts.map(String).sort() : (hosts ?? null)),
    'MCP servers': JSON.stringify(network['allow_mcp_servers'] ?? null),
    'package managers': JSON.stringify(network['allow_package_managers'] ?? null),
    packages: JSON.stringify(packagesOf(found)),
    description: JSON.stringify(found.description ?? ''),
  };
}

function digestOf(facts: Facts): string {
  return sha256(JSON.stringify(Object.entries(facts).sort()));
}
