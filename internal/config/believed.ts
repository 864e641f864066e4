/**
 * Whom a configuration has us believe, in lines that a person can judge: who says who somebody is, which keys prove whose a
 * vault is, and which program is started to sign. Pure. Whoever may change these can be anybody, so a configuration that only
 * lies where somebody stands counts when a person has seen exactly these.
 */
import type { Interface } from './definitions.ts';

/** One thing that is believed: what it is and its value as text, both for people. */
export type Belief = readonly [what: string, value: string];

/** What an interface file has us believe, in a fixed order. */
export function beliefsOf({
  identity,
  ownership,
  console,
  session_tokens: tokens,
}: Pick<Interface, 'identity' | 'ownership' | 'console' | 'session_tokens'>): Belief[] {
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
    // It is handed what proves a person, and acts in their name.
    ...(console === undefined ? [] : [['console', console] satisfies Belief]),
    ...sorted(workloads.map(({ issuer, audience }): Belief => ['issuer of CI jobs', `${issuer} for ${audience}`])),
    ...sorted(keys.map(({ kid, x, retired }): Belief => ['ownership key', `${kid} ${x}${retired ? ', retired' : ''}`])),
    ...(signer === undefined
      ? []
      : [['signer', `${JSON.stringify(signer.command)} with ${signer.kid}`] satisfies Belief]),
    ...(tokens === undefined
      ? []
      : [['issuer of session tokens', `${tokens.issuer}, published in ${tokens.publish}`] satisfies Belief]),
    ...sorted(
      (tokens?.signers ?? []).map(
        ({ kid, command }): Belief => ['signer of session tokens', `${JSON.stringify(command)} with ${kid}`],
      ),
    ),
  ];
}

/**
 * What is different: what came with `+`, what went with `-`, as often as it did. Nothing is the same only where this is
 * empty, so whatever counts as a change can be shown. The order is no difference.
 */
export function changedBeliefs(before: readonly Belief[], now: readonly Belief[]): string[] {
  return [...without(before, now).map((line) => `- ${line}`), ...without(now, before).map((line) => `+ ${line}`)];
}

/** The lines of some beliefs that others do not have as well, each as often as it is more. */
function without(beliefs: readonly Belief[], others: readonly Belief[]): string[] {
  const left = others.map((belief) => JSON.stringify(belief));
  return beliefs.flatMap((belief) => {
    const at = left.indexOf(JSON.stringify(belief));
    if (at === -1) return [`${belief[0]}: ${belief[1]}`];
    left.splice(at, 1);
    return [];
  });
}

function sorted(beliefs: Belief[]): Belief[] {
  return beliefs.toSorted(([, a], [, b]) => (a < b ? -1 : 1));
}
