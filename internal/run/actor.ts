/** Who somebody is to the platform, and who may change what belongs to everybody. */
import type { Configuration } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { signInOf } from '../identity/assurance.ts';
import { type Principal, withMissingGroups } from '../identity/principal.ts';
import { accountName } from '../outside/accounts.ts';
import type { Actor } from '../platform/actor.ts';
import type { Delegation } from '../platform/change.ts';
import { type Recorder, recorderOf } from '../platform/recorder.ts';
import { isOperator, whatNames } from '../policy/verdict.ts';
import { quote } from '../text/quote.ts';
import { type RecordingPorts, recording } from './recording.ts';

/** The actor that somebody proven is. Nobody proves to be an agent: it is whoever has it act for itself. */
export function actorOf(principal: Principal): Actor {
  const { subject, autonomous } = principal;
  if (autonomous === undefined) return provenActor(principal);
  const { runner, sponsor } = autonomous;
  return { ...provenActor(runner), autonomous: { agent: subject, sponsor } };
}

function provenActor({ kind, issuer, subject, label, assurance }: Principal): Extract<Actor, { subject: string }> {
  if (kind === 'agent') throw new Error(`nobody has ${quote(label)} act`);
  const who = {
    kind: kind === 'workload' ? ('job' as const) : ('person' as const),
    proof: kind,
    issuer,
    subject,
    label,
  };
  return assurance === undefined ? who : { ...who, ...signInOf(assurance) };
}

/** Records what somebody does of whom the platform is not told: of nobody who is proven, unless said. */
export function recorderFor(ports: RecordingPorts, principal?: Principal): Recorder {
  const nobody: Actor = { kind: 'unproven', account: accountName() };
  return recorderOf(recording(ports), principal === undefined ? nobody : actorOf(principal));
}

/** Whether the key alone is enough: where the configuration has nobody sign in, or says so. */
export function isByKey(configuration: Configuration | undefined): boolean {
  if (configuration === undefined) return true;
  const { identity, platform } = configuration.interface;
  return identity.mode === 'os' || platform.changes_by_key === 'allow';
}

/** What lets somebody proven change what they change: what is theirs is theirs, and what is not takes an operator. */
export function delegationOf(principal: Principal, { interface: { people } }: Configuration): Delegation {
  const by = operatorBy(principal, people);
  const rule = by === undefined ? 'what is theirs' : `what is theirs, and as operator what is not: ${by}`;
  return { verdict: 'allow', rule };
}

/** What lets an operator, or whoever holds the key, change what belongs to everybody. */
export function sharedDelegation(
  principal: Principal | undefined,
  configuration: Configuration | undefined,
): Delegation {
  return { verdict: 'allow', rule: sharedRule(principal, configuration) };
}

function sharedRule(principal: Principal | undefined, configuration: Configuration | undefined): string {
  if (configuration === undefined) return 'no configuration: the key is enough';
  const { identity, people } = configuration.interface;
  if (principal !== undefined) return operatorBy(principal, people) ?? 'nothing';
  return identity.mode === 'os' ? 'identity.mode: os' : 'platform.changes_by_key: allow';
}

function operatorBy(principal: Principal, { operators }: Configuration['interface']['people']): string | undefined {
  const by = whatNames(principal, { groups: [], principals: [], ...operators });
  return by && `people.operators.${by}`;
}

/** Throws `not_allowed` for somebody who is no operator. `what` follows "may not". */
export function requireOperator(principal: Principal, configuration: Configuration, what: string): void {
  if (isOperator(principal, configuration)) return;
  throw new AppError('not_allowed', `${quote(principal.label)} may not ${what}`, {
    hint: withMissingGroups(principal, 'ask whoever reviews people.operators in config/interface.yaml'),
  });
}
