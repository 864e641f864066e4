/** What `interface.yaml` gives a person at a service: the widest of the entries of their groups and their own. Pure. */
import type { Configuration, Permission, Verdict } from '../config/definitions.ts';
import { verdictIn } from '../config/verdicts.ts';
import { isNamed, type Principal } from '../identity/principal.ts';
import type { ToolClass } from './agent-says.ts';
import { type Circumstances, whyNotNow } from './condition.ts';
import { isNarrower, type Statement } from './effective.ts';

interface Entry {
  place: string;
  permission: Permission;
  /** Why the whole entry does not count now. */
  whyNot: string | undefined;
}

/** What a person may do at one service, as a function of the tool. Without circumstances every condition counts as held. */
export function personSays(
  principal: Principal,
  configuration: Configuration,
  service: string,
  circumstances?: Circumstances,
): (tool: string, kind: ToolClass) => Statement {
  const entries = entriesOf(principal, configuration, service).map(
    ([place, permission]): Entry => ({
      place,
      permission,
      whyNot: circumstances && whyNotNow(permission.when, circumstances),
    }),
  );
  const none: Statement = {
    party: 'person',
    verdict: 'off',
    because: `interface.yaml: people has no entry for them at ${service}`,
  };
  return (tool, kind) => {
    let widest: Statement | undefined;
    for (const entry of entries) {
      const said = entrySays(entry, tool, kind, circumstances);
      if (widest === undefined || isNarrower(widest.verdict, said.verdict)) widest = said;
    }
    return widest ?? none;
  };
}

/** A tool named in an entry replaces its class there; `write` covers destructive tools too. */
function entrySays(
  { place, permission, whyNot }: Entry,
  tool: string,
  kind: ToolClass,
  circumstances: Circumstances | undefined,
): Statement {
  const say = (verdict: Verdict, because: string): Statement => ({ party: 'person', verdict, because });
  if (whyNot !== undefined) return say('off', `${place}.when does not hold: ${whyNot}`);
  const own = permission.tools?.[tool];
  if (own !== undefined) {
    const notNow = circumstances && typeof own !== 'string' ? whyNotNow(own.when, circumstances) : undefined;
    if (notNow !== undefined) return say('off', `${place}.tools.${tool}.when does not hold: ${notNow}`);
    return say(verdictIn(own), `${place}.tools.${tool} is ${verdictIn(own)}`);
  }
  const key = kind === 'read' ? 'read' : 'write';
  const verdict = permission[key];
  return verdict === undefined
    ? say('off', `${place}.${key} is not set`)
    : say(verdict, `${place}.${key} is ${verdict}`);
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
