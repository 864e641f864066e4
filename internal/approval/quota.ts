/**
 * How often rules have said yes, kept between runs. A yes is counted before it is given, once for each call however often that
 * is tried. What cannot be read counts as used up: nobody knows how often it was.
 */
import { AppError } from '../errors/app-error.ts';
import { secondsOf } from '../identity/assurance.ts';
import type { Quota } from '../policy/rules/judge.ts';
import type { KeptTexts, Workspace } from '../stores/kept-text.ts';
import { isRecord, recordIn } from '../text/record.ts';

/** One yes that is to be counted. */
export interface Use {
  rule: string;
  quota: Quota;
  /** Whose or what's it is, by the `of` of the quota. */
  subject: string;
  /** The digest of what is answered. */
  call: string;
  now: Date;
}

const version = 1;
const patienceMs = 15_000;

/** Counts a yes. False where there were as many in the time as may be, or where nobody knows how many there were. */
export async function takeUse(
  quotas: KeptTexts,
  workspace: Workspace,
  { rule, quota, subject, call, now }: Use,
  signal: AbortSignal,
): Promise<boolean> {
  const kept = quotas.at({ workspace, name: JSON.stringify([rule, quota.of, subject]) });
  const held = await kept.hold({ waitMs: patienceMs, signal });
  if (!('release' in held)) {
    throw new AppError('already_running', `${held.called} counts what ${rule} has allowed since ${held.since}`);
  }
  try {
    const uses = usesIn(await kept.read());
    if (uses === undefined) return false;
    const from = now.getTime() - secondsOf(quota.per) * 1000;
    const recent = uses.filter(({ at }) => at > from);
    if (recent.some((use) => use.call === call)) return true;
    if (recent.length >= quota.most) return false;
    await kept.write(`${JSON.stringify({ uses_version: version, uses: [...recent, { call, at: now.getTime() }] })}\n`);
    return true;
  } finally {
    await held.release();
  }
}

function usesIn(text: string | undefined): { call: string; at: number }[] | undefined {
  if (text === undefined) return [];
  const { uses_version: found, uses } = recordIn(text) ?? {};
  if (found !== version || !Array.isArray(uses)) return undefined;
  const read = uses.flatMap((use: unknown) =>
    isRecord(use) && typeof use['call'] === 'string' && Number.isFinite(use['at'])
      ? [{ call: use['call'], at: Number(use['at']) }]
      : [],
  );
  return read.length === uses.length ? read : undefined;
}
