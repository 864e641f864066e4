/**
 * Notices between the time when there is something to tell and the time when it was surely told, one text each: a console
 * that is killed in between tells it again, with the same id.
 */
import { clock } from '../../clock/clock.ts';
import type { KeptText, KeptTexts, Workspace } from '../../stores/kept-text.ts';
import { sha256 } from '../../text/canonical.ts';
import { isRecord, recordIn } from '../../text/record.ts';

/** What there is to tell, as the receiver reads it: who, which agent or service, and where to go; never what was asked for. */
export interface Notice {
  type: 'ask.waiting' | 'connection.needs_reconnect';
  /** When it was found, in RFC 3339. */
  timestamp: string;
  data: Readonly<Record<string, unknown>>;
}

/**
 * What is kept of one. `told` stays while its call waits, so that it is not told twice. A `failure` is a credential that
 * nobody has looked at yet.
 */
export type Kept =
  | { state: 'waiting' | 'told'; about: string; notice: Notice }
  | { state: 'failure'; about: string; vault: string; credential: string; at: string };

/** One that is kept, with its id. */
export interface KeptNotice {
  id: string;
  kept: Kept;
  text: KeptText;
}

/** More than anybody reads; what comes beyond is lost, and that is said. */
export const mostKept = 10_000;
const version = 1;

/** The name of what a notice is about, the same whenever it is found. */
export function aboutAsk(workspace: Workspace, session: string, call: string): string {
  return JSON.stringify(['ask', workspace.address, workspace.id ?? null, session, call]);
}

export function aboutFailure(credential: string, at: Date): string {
  return JSON.stringify(['failure', credential, at.toISOString()]);
}

/** The id of a notice: of every attempt, and of every console that keeps the same things. */
export function idOf(about: string): string {
  return `msg_${sha256(about).slice(0, 32)}`;
}

/** Where one is kept. */
export function placeOf(notices: KeptTexts, address: string, about: string): KeptText {
  return notices.at({ workspace: { address, id: undefined }, name: about });
}

export async function keep(text: KeptText, kept: Kept): Promise<void> {
  await text.write(`${JSON.stringify({ notices_version: version, ...kept })}\n`);
}

/** All that are kept, the oldest first. What cannot be read is removed: it can be told to nobody. */
export async function readKept(notices: KeptTexts): Promise<KeptNotice[]> {
  const found: KeptNotice[] = [];
  for (const text of await notices.all()) {
    const kept = keptIn(await text.read());
    if (kept === undefined) await text.remove();
    else found.push({ id: idOf(kept.about), kept, text });
  }
  return found.sort((one, other) => (timeOf(one.kept) < timeOf(other.kept) ? -1 : 1));
}

/** How long ago it was found. */
export function ageMs(kept: Kept): number {
  return clock.now().getTime() - Date.parse(timeOf(kept));
}

function timeOf(kept: Kept): string {
  return kept.state === 'failure' ? kept.at : kept.notice.timestamp;
}

function keptIn(text: string | undefined): Kept | undefined {
  const { notices_version: found, state, about, ...rest } = recordIn(text ?? '') ?? {};
  if (found !== version || typeof about !== 'string') return undefined;
  if (state === 'failure') {
    const { vault, credential, at } = rest;
    if (typeof vault !== 'string' || typeof credential !== 'string' || !isTime(at)) return undefined;
    return { state, about, vault, credential, at };
  }
  const { notice } = rest;
  if ((state !== 'waiting' && state !== 'told') || !isRecord(notice)) return undefined;
  const { type, timestamp, data } = notice;
  if (type !== 'ask.waiting' && type !== 'connection.needs_reconnect') return undefined;
  return isTime(timestamp) && isRecord(data) ? { state, about, notice: { type, timestamp, data } } : undefined;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
