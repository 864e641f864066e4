/** What somebody is at a console. Pure; who is not listed is nothing (P4). */
import type { Configuration } from '../config/definitions.ts';
import { isNamed, type Principal } from '../identity/principal.ts';
import { isOperator } from '../policy/verdict.ts';
import type { Role } from '../run/use-cases.ts';

/** The roles of somebody proven. None includes another one. */
export function rolesOf(principal: Principal, configuration: Configuration): ReadonlySet<Role> {
  const { roles = {} } = configuration.interface.people;
  const has = (role: Exclude<Role, 'operator'>): boolean => {
    const { groups = [], principals = [] } = roles[role] ?? {};
    return (
      principals.some((subject) => isNamed(principal, subject)) ||
      groups.some((group) => principal.groups.includes(group))
    );
  };
  const listed = (['user', 'approver', 'auditor', 'admin'] as const).filter(has);
  return new Set<Role>([...listed, ...(isOperator(principal, configuration) ? (['operator'] as const) : [])]);
}
