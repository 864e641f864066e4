/** Who says yes to a call that waits: the owner of its session, or whom `approvals` names in their place. Pure. */
import type { Approvers, Configuration } from '../config/definitions.ts';
import { isNamed, type Principal } from '../identity/principal.ts';
import { quote } from '../text/quote.ts';
import { mayUseService } from './verdict.ts';

/** Who approves calls of a tool, and where that is said: the entry of the tool before that of its service. */
export interface Approval {
  approvers: Approvers;
  place: string;
}

/** Whose yes a call needs in the place of its owner's; undefined where the owner says it. */
export function approvalFor(
  { interface: { approvals } }: Configuration,
  { service, tool }: { service: string | undefined; tool: string | undefined },
): Approval | undefined {
  if (approvals === undefined || service === undefined || tool === undefined) return undefined;
  const entry = approvals.services[service];
  const place = `interface.yaml: approvals.services.${service}`;
  const own = entry?.tools?.[tool];
  if (own !== undefined) return { approvers: own, place: `${place}.tools.${tool}` };
  return entry?.every && { approvers: entry.every, place: `${place}.every` };
}

/** Whether this person is one of them, by what their sign-in proves now; an agent never is, whatever its groups are. */
export function isApprover(
  principal: Pick<Principal, 'kind' | 'subject' | 'groups'>,
  { groups, principals }: Approvers,
): boolean {
  if (principal.kind === 'agent') return false;
  return (
    principals.some((subject) => isNamed(principal, subject)) ||
    groups.some((group) => principal.groups.includes(group))
  );
}

/** Whether anything at all is approved by this person. */
export function approvesAnything(
  principal: Principal,
  { interface: { approvals }, rules }: Pick<Configuration, 'interface' | 'rules'>,
): boolean {
  const entries = Object.values(approvals?.services ?? {}).flatMap(({ every, tools }) => [
    every,
    ...Object.values(tools ?? {}),
  ]);
  const ofRules = [...rules.values()].flatMap((file) => Object.values(file.rules).map(({ approvers }) => approvers));
  return [...entries, ...ofRules].some((each) => each !== undefined && isApprover(principal, each));
}

/** Whether an approver may see the arguments of a call: only where they may use the service themselves. */
export function maySeeArguments(principal: Principal, configuration: Configuration, service: string): boolean {
  if (service === 'builtin') return true;
  const known = configuration.services.get(service);
  return known !== undefined && mayUseService(principal, configuration, known);
}

export function approverWords({ groups, principals, persons }: Approvers): string {
  const named = principals.length === 0 ? [] : [`${principals.length} named people`];
  const who = [...groups.map((group) => `the group ${quote(group)}`), ...named].join(', ');
  return persons === 2 ? `two people of ${who}` : `somebody of ${who}`;
}
