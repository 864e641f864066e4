import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** The ways to be somebody: as a person, as a CI job, or as an agent that acts for itself. */
export const principalKinds = ['sso', 'os', 'workload', 'agent'] as const;

/** What the ID token says of how the person signed in. */
export interface Assurance {
  acr: string | undefined;
  /** The methods of RFC 8176; empty where the token names none. */
  amr: readonly string[];
  /** When the person was last asked, in seconds since 1970; undefined where the token does not say. */
  authTime: number | undefined;
  /** How far the clock that says so may be from ours, in seconds, where the configuration says it. */
  marginSeconds?: number;
}

/** Who is acting, once proven. Kind, issuer and subject decide; everything else is for people to read (P2). */
export interface Principal {
  kind: (typeof principalKinds)[number];
  /** The OpenID issuer, also of a CI job's token, or `machine:<id>` for the operating system's own accounts. */
  issuer: string;
  /** The `sub` claim, or the uid. */
  subject: string;
  /** Groups the proof names; of a CI job those of the configuration; none for operating system accounts. */
  groups: readonly string[];
  /** Why no group counts although the configuration says where they are; undefined where they were told. */
  missingGroups?: string;
  /** Which claim groups were looked for in and what it says; undefined where the configuration names none. */
  groupsSaid?: string;
  /** Of a CI job: why its subject is another one with the next commit or run, so that no vault can be its own. */
  passes?: string;
  /** How to call them in messages: a verified e-mail address, a name of the system's, or the subject. Never decides anything. */
  label: string;
  /**
   * The e-mail address, where the identity provider says that it has verified it. It never decides who somebody is:
   * only whether an account at a service looks like theirs.
   */
  verifiedEmail?: string;
  /** How the person signed in, as the ID token says it; undefined where nobody signed in. */
  assurance?: Assurance;
  /** Of an agent that acts for itself, and of nobody else: who has it act in this run, and who answers for it. */
  autonomous?: { runner: Principal; sponsor: string };
}

/** Whether two proofs are of the same one: nothing but kind, issuer and subject says so. */
export function isSamePerson(
  one: Pick<Principal, 'kind' | 'issuer' | 'subject'>,
  other: Pick<Principal, 'kind' | 'issuer' | 'subject'>,
): boolean {
  return one.kind === other.kind && one.issuer === other.issuer && one.subject === other.subject;
}

/** The hint of a refusal: where groups are missing, that comes first, since it may be all that is wrong. */
export function withMissingGroups({ missingGroups, groupsSaid }: Principal, hint: string): string {
  if (missingGroups !== undefined) return `${missingGroups}; or ${hint}`;
  return groupsSaid === undefined ? hint : `${hint}; ${groupsSaid}`;
}

/** Throws `identity_refused` for a job that is somebody else at its next run: a vault of it would be nobody's by then (P1). */
export function requireLasting({ subject, passes }: Principal): void {
  if (passes === undefined) return;
  throw new AppError(
    'identity_refused',
    `the subject of this job does not last, so it has no vault: ${quote(subject)}: ${passes}`,
    {
      hint: 'say which claims identify the job, such as its pipeline: subject_from of identity.workloads in config/interface.yaml; nothing was made',
    },
  );
}

/** Whether somebody is a person: neither a CI job nor an agent that acts for itself. */
export function isPerson({ kind }: Pick<Principal, 'kind'>): boolean {
  return kind === 'sso' || kind === 'os';
}

/** Subjects in the configuration are those of people: a CI job or an agent with such a one is somebody else, and has only groups. */
export function isNamed({ kind, subject }: Pick<Principal, 'kind' | 'subject'>, listed: string): boolean {
  return isPerson({ kind }) && subject === listed;
}

/** The option of a command that is about the vault of an agent, with a space before it; empty where it is about one's own. */
export function forAgentOption({ kind, subject }: Pick<Principal, 'kind' | 'subject'>): string {
  return kind === 'agent' ? ` --for-agent ${subject}` : '';
}

/** Words that name commands of `service-connection`, made to be about the vault of the agent where somebody looks after one. */
export function aboutVaultOf(principal: Pick<Principal, 'kind' | 'subject'>, words: string): string {
  const option = forAgentOption(principal);
  if (option === '') return words;
  return words.replace(/service-connection (?:disconnect (?:--url )?)?[a-z0-9<>-]+(?: --[a-z-]+)*/g, `$&${option}`);
}

/**
 * Throws `not_allowed` for a workload: who signs in at a service lends it their own account, and a job has nobody who
 * could. It would also be the way to get a person's account into a vault that is not theirs (P1).
 */
export function requirePerson(principal: Principal, what: string, hint?: string): void {
  const { label, kind } = principal.autonomous?.runner ?? principal;
  if (kind !== 'workload') return;
  const ownToken = `give it a token that was made for it, where the service allows such: service-connection <service> --token-stdin${forAgentOption(principal)}`;
  throw new AppError('not_allowed', `${quote(label)} is a CI job, and only a person can ${what}`, {
    hint: hint ?? ownToken,
  });
}
