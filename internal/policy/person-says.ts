/** What `interface.yaml` gives a person at a service: the widest of the entries of their groups and their own. Pure. */
import type { Configuration, Permission, Verdict } from '../config/definitions.ts';
import { verdictIn } from '../config/verdicts.ts';
import { isNamed, type Principal } from '../identity/principal.ts';
import type { ToolClass } from './agent-says.ts';
import { type Circumstances, whyNotNow } from './condition.ts';
import { effective, isNarrower, type Statement } from './effective.ts';

interface Entry {
  place: string;
  permission: Permission;
  /** Why the whole entry does not count now. */
  whyNot: string | undefined;
}

/**
 * What a person may do at one service, as a function of the tool. Without circumstances every condition counts as held.
 * Where one does not hold, what the entry would say is said as well: both have to change before anything is wider.
 */
export function personSays(
  principal: Principal,
  configuration: Configuration,
  service: string,
  circumstances?: Circumstances,
): (tool: string, kind: ToolClass) => readonly Statement[] {
  const entries = entriesOf(principal, configuration, service).map(
    ([place, permission]): Entry => ({
      place,
      permission,
      whyNot: circumstances && whyNotNow(permission.when, circumstances),
    }),
  );
  const none = [say('off', `interface.yaml: people has no entry for them at ${service}`)];
  const widest = (tool: string | undefined, key: 'read' | 'write'): readonly Statement[] => {
    let found: Statement[] | undefined;
    for (const entry of entries) {
      const said = entrySays(entry, tool, key, circumstances);
      if (found === undefined || isWider(said, found)) found = said;
    }
    return found ?? none;
  };
  // Most tools have no entry of their own: what is said of their class is the same for all of them.
  const ofClass = { read: widest(undefined, 'read'), write: widest(undefined, 'write') };
  const named = entries.flatMap(({ permission: { tools } }) => (tools === undefined ? [] : [tools]));
  return (tool, kind) => {
    const key = kind === 'read' ? 'read' : 'write';
    for (const tools of named) if (tools[tool] !== undefined) return widest(tool, key);
    return ofClass[key];
  };
}

/** Whether one entry gives more than another, or, where neither gives anything now, would give more. */
function isWider(one: readonly Statement[], other: readonly Statement[]): boolean {
  const [now, before] = [effective(one).verdict, effective(other).verdict];
  if (now !== before) return isNarrower(before, now);
  return isNarrower(other.at(-1)?.verdict ?? 'off', one.at(-1)?.verdict ?? 'off');
}

/** A tool named in an entry replaces its class there; `write` covers destructive tools too. */
function entrySays(
  { place, permission, whyNot }: Entry,
  tool: string | undefined,
  key: 'read' | 'write',
  circumstances: Circumstances | undefined,
): Statement[] {
  const own = tool === undefined ? undefined : permission.tools?.[tool];
  const notNow = circumstances && typeof own === 'object' ? whyNotNow(own.when, circumstances) : undefined;
  const verdict = permission[key];
  const usual =
    own !== undefined
      ? say(verdictIn(own), `${place}.tools.${tool} is ${verdictIn(own)}`)
      : verdict === undefined
        ? say('off', `${place}.${key} is not set`)
        : say(verdict, `${place}.${key} is ${verdict}`);
  return [
    ...(whyNot === undefined ? [] : [say('off', `${place}.when does not hold: ${whyNot}`)]),
    ...(notNow === undefined ? [] : [say('off', `${place}.tools.${tool}.when does not hold: ${notNow}`)]),
    usual,
  ];
}

function say(verdict: Verdict, because: string): Statement {
  return { party: 'person', verdict, because };
}

function entriesOf(principal: Principal, configuration: Configuration, service: string): [string, Permission][] {
  const { groups, principals } = configuration.interface.people;
  const entries = [
    ...principal.groups.map((group) => [`groups.${group}`, groups[group]] as const),
    [
      `principals.${principal.subject}`,
      isNamed(principal, principal.subject) ? principals[principal.subject] : undefined,
    ] as const,
  ];
  return entries.flatMap(([who, entry]): [string, Permission][] => {
    const permission = entry?.[service];
    return permission === undefined ? [] : [[`interface.yaml: people.${who}.${service}`, permission]];
  });
}
