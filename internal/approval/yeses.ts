/**
 * Yeses that wait for another one: of a call that needs two. Each is bound to its question, ends, and counts only while its
 * giver still could give it. What cannot be read counts for nothing.
 */
import { clock } from '../clock/clock.ts';
import type { Approvers } from '../config/definitions.ts';
import { isSamePerson, type Principal, principalKinds } from '../identity/principal.ts';
import { isApprover } from '../policy/approvers.ts';
import type { KeptText, KeptTexts, Workspace } from '../stores/kept-text.ts';
import { isRecord, recordIn } from '../text/record.ts';

/** A yes that was given and recorded, and is not enough yet. */
export interface Yes {
  by: Pick<Principal, 'kind' | 'issuer' | 'subject' | 'label' | 'groups'>;
  /** When it ends, in RFC 3339. */
  until: string;
  /** The digest of what it is bound to. */
  binding: string;
}

/** Where the yeses to one call are kept; who holds it is the only one who answers the call from here. */
export function yesesTo(approvals: KeptTexts, workspace: Workspace, session: string, call: string): KeptText {
  return approvals.at({ workspace, name: JSON.stringify([session, call]) });
}

const version = 1;

/** The text of some yeses. */
export function yesText(yeses: readonly Yes[]): string {
  return `${JSON.stringify({ yeses_version: version, yeses })}\n`;
}

/** The yeses in a text; those that cannot be read are none. */
export function yesesIn(text: string | undefined): Yes[] {
  const { yeses_version: found, yeses } = recordIn(text ?? '') ?? {};
  return found === version && Array.isArray(yeses) ? yeses.flatMap(readYes) : [];
}

function readYes(value: unknown): Yes[] {
  if (!isRecord(value) || !isRecord(value['by'])) return [];
  const { until, binding, by } = value;
  const { kind, issuer, subject, label, groups } = by as Record<string, unknown>;
  const known = principalKinds.find((each) => each === kind);
  if (known === undefined || typeof until !== 'string' || typeof binding !== 'string') return [];
  if (typeof issuer !== 'string' || typeof subject !== 'string' || typeof label !== 'string') return [];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string')) return [];
  return [{ by: { kind: known, issuer, subject, label, groups }, until, binding }];
}

/** Those that still count for a question, but for the off-boarding of their givers, which only the platform knows. Pure. */
export function standing(yeses: readonly Yes[], { binding, approvers, owner, now }: Standing): Yes[] {
  return yeses.filter(
    (yes) =>
      yes.binding === binding &&
      // A time that cannot be read has passed.
      Date.parse(yes.until) > now.getTime() &&
      isApprover(yes.by, approvers) &&
      !isSamePerson(yes.by, owner),
  );
}

/** What a yes is held against. */
export interface Standing {
  binding: string;
  approvers: Approvers;
  /** Whoever asked: their yes never counts. */
  owner: Pick<Principal, 'kind' | 'issuer' | 'subject'>;
  now: Date;
}

/** Removes what has ended and was never enough. */
export async function removeEnded(approvals: KeptTexts, signal: AbortSignal): Promise<void> {
  const now = clock.now().getTime();
  for (const kept of await approvals.all()) {
    const held = await kept.hold({ waitMs: 0, signal });
    if (!('release' in held)) continue;
    try {
      const yeses = yesesIn(await kept.read());
      if (yeses.every(({ until }) => !(Date.parse(until) > now))) await kept.remove();
    } finally {
      await held.release();
    }
  }
}
