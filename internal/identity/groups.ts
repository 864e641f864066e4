/** The groups of a person as a claim tells them, in the shapes that providers have for it. Pure. */

import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';

/** What a claim says of groups. */
export interface GroupsTold {
  /** `elsewhere`: the person is in too many for the ID token, which only says so. */
  kind: 'told' | 'left out' | 'elsewhere' | 'unreadable';
  groups: readonly string[];
  /** Which claim was looked at and what is in it, for whoever is refused for want of a group. */
  said: string;
  /** Why no group counts, or not all, and what to do; undefined where all were told. */
  missing: string | undefined;
}

const mostShown = 10;

/**
 * Reads them. A claim of one text is one group, byte for byte; of a list every text is one. What else is in there is no
 * group and is named: a number or an object could be read as the name of another group.
 *
 * @param name the claim, or the path to it with dots (`resource_access.app.roles`); a claim of exactly that name comes first
 * @param where what the claims are of, in words
 */
export function groupsIn(claims: Readonly<Record<string, unknown>>, name: string, where = 'the ID token'): GroupsTold {
  const value = claimAt(claims, name.split('.'));
  const claim = `the claim ${quote(name)} of ${where}`;
  const none = (kind: GroupsTold['kind'], said: string, advice: string): GroupsTold => ({
    kind,
    groups: [],
    said,
    missing: `no group counts: ${said}: ${advice}`,
  });
  if (value === undefined) {
    if (isElsewhere(claims, name)) {
      return none(
        'elsewhere',
        `the person is in too many, so the provider left ${quote(name)} out of ${where} (${'_claim_names' in claims ? '_claim_names' : 'hasgroups'})`,
        'let it send only the groups that are assigned to this application, or name where they are: identity.groups_from: { overage: <address> }',
      );
    }
    const elsewhere = where === 'the ID token' ? '; where only userinfo has it: identity.groups_from: userinfo' : '';
    return none(
      'left out',
      `${where} has no claim ${quote(name)}`,
      `let the provider send it, or correct identity.groups_claim and identity.scopes${elsewhere}`,
    );
  }
  if (typeof value === 'string' && !/^\s*[[{]/.test(value)) {
    return {
      kind: 'told',
      groups: value === '' ? [] : [value],
      said: `${claim} says ${quote(value)}`,
      missing: undefined,
    };
  }
  if (!Array.isArray(value)) {
    return none('unreadable', `${claim} is ${shapeOf(value)}`, 'let the provider send a list of texts');
  }
  const groups = value.filter((each) => typeof each === 'string' && each !== '');
  const others = value.filter((each) => typeof each !== 'string');
  const shown = groups.slice(0, mostShown).map((each) => quote(each));
  const more = groups.length > mostShown ? ` and ${groups.length - mostShown} more` : '';
  const said = `${claim} says ${groups.length === 0 ? 'none' : shown.join(', ')}${more}`;
  if (others.length === 0) return { kind: 'told', groups, said, missing: undefined };
  const odd = `${groups.length === 0 ? 'no group counts' : `${others.length} of its entries count as no group`}: ${claim} holds ${shapeOf(others[0])}`;
  return {
    kind: groups.length === 0 ? 'unreadable' : 'told',
    groups,
    said,
    missing: `${odd}: let the provider send a list of texts`,
  };
}

/** The claim at a path; undefined where there is none, or null. A name may itself have dots, as an Auth0 namespace or a client of Keycloak does: the longest comes first. */
export function claimAt(value: unknown, path: readonly string[]): unknown {
  if (path.length === 0) return value;
  if (!isRecord(value)) return undefined;
  for (let length = path.length; length > 0; length -= 1) {
    const name = path.slice(0, length).join('.');
    const found = Object.hasOwn(value, name) ? claimAt(value[name], path.slice(length)) : undefined;
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

/**
 * Entra ID does so beyond 200 groups: the claim names a place to ask instead (OpenID Connect Core section 5.6.2), or
 * `hasgroups` says that there are some.
 */
function isElsewhere(claims: Readonly<Record<string, unknown>>, name: string): boolean {
  const { _claim_names: names, hasgroups } = claims;
  const [first = ''] = name.split('.');
  if (isRecord(names) && (Object.hasOwn(names, name) || Object.hasOwn(names, first))) return true;
  return hasgroups === true || hasgroups === 'true';
}

function shapeOf(value: unknown): string {
  if (typeof value === 'string') return `a text that looks like JSON: ${quote(value)}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `${quote(value)}, which is not a text`;
  if (Array.isArray(value)) return 'a list in a list';
  if (!isRecord(value)) return 'null';
  const members = Object.keys(value).slice(0, mostShown);
  return `an object with the members ${members.map((each) => quote(each)).join(', ') || '(none)'}`;
}
