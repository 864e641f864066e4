/**
 * Whom a configuration has us believe, in lines that a person can judge: who says who somebody is, which keys prove whose a
 * vault is, and which program is started to sign. Pure. Whoever may change these can be anybody, so a configuration that only
 * lies where somebody stands counts when a person has seen exactly these.
 */
import type { Interface } from './definitions.ts';

/** One thing that is believed: what it is and its value as text, both for people. */
export type Belief = readonly [what: string, value: string];

/** What an interface file has us believe, in a fixed order. */
export function beliefsOf({ identity, ownership }: Pick<Interface, 'identity' | 'ownership'>): Belief[] {
  const provider: Belief[] =
    identity.mode === 'sso'
      ? [
          ['issuer', identity.issuer],
          ['client', identity.client_id],
        ]
      : [];
  const workloads = 'workloads' in identity ? (identity.workloads ?? []) : [];
  const { keys = [], signer } = ownership ?? {};
  return [
    ['identity', identity.mode],
    ...provider,
    ...sorted(workloads.map(({ issuer, audience }): Belief => ['issuer of CI jobs', `${issuer} for ${audience}`])),
    ...sorted(keys.map(({ kid, x, retired }): Belief => ['ownership key', `${kid} ${x}${retired ? ', retired' : ''}`])),
    ...(signer === undefined
      ? []
      : [['signer', `${JSON.stringify(signer.command)} with ${signer.kid}`] satisfies Belief]),
  ];
}

/** What is different: what came with `+`, what went with `-`. */
export function changedBeliefs(before: readonly Belief[], now: readonly Belief[]): string[] {
  const lines = (beliefs: readonly Belief[]) => beliefs.map(([what, value]) => `${what}: ${value}`);
  const [old, fresh] = [lines(before), lines(now)];
  return [
    ...old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}

function sorted(beliefs: Belief[]): Belief[] {
  return beliefs.toSorted(([, a], [, b]) => (a < b ? -1 : 1));
}
