/**
 * What the platform tells a console of by itself. Whose key was used it never says, so what happened is held against the record:
 * what no act of ours explains is an alarm, since nobody but the console should have a key.
 */
import * as z from 'zod/mini';
import type { LockedAgent } from '../agent/lock.ts';
import { clock } from '../clock/clock.ts';
import { refreshFailuresOf } from '../connection/refresh-failures.ts';
import { AppError } from '../errors/app-error.ts';
import type { PlatformEvent } from '../platform/webhook.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Hold, KeptText, KeptTexts, Stores } from '../stores/kept-text.ts';
import type { Journal } from './journal.ts';
import { OurActs } from './our-acts.ts';

/** Nobody interrupts what goes on beside the requests. */
const { signal: never } = new AbortController();

/** What events are judged with. */
export interface EventSetting {
  /** The address of the platform. */
  platform: string;
  record: Pick<RecordLog, 'append' | 'verify' | 'since'>;
  stores: Pick<Stores, 'toldEvents' | 'refreshFailures'>;
  /** Told of each credential that could not be renewed. */
  renewalFailed?(event: { vault: string | undefined; credential: string; at: Date }): Promise<void>;
  /** Agents and environments that the reviewed files name, by id. */
  reviewed(): Promise<{ agents: ReadonlyMap<string, LockedAgent>; environments: ReadonlySet<string> }>;
  journal: Journal;
  /** Counts what was an alarm. */
  alarmed(type: string): void;
  /** How long an act of ours may take to have its outcome in the record; usual where undefined. */
  graceMs?: number | undefined;
}

/** What a console hears from the platform. */
export interface PlatformEvents {
  /** Takes one: what has to be known at once is written when this resolves, and what may be an alarm is judged a little later. Throws as the stores do. */
  take(delivery: { id: string; event: PlatformEvent }): Promise<void>;
  /** Hears of what this console does. */
  acted(entry: Parameters<OurActs['take']>[0]): void;
  /** From now on judges what waits as well that this process did not take: of before a restart, or of a replica that has ended. */
  watch(): Promise<void>;
  /** Looks no more by itself. `andJudge`: what still waits is judged at once, since nobody else is there who would. */
  end(how: { andJudge: boolean }): Promise<void>;
}

/** The answer to a request of ours may come after what it brought about was told. */
const usualGraceMs = 15_000;
const mostWaiting = 10_000;

const alarming =
  /^(vault|vault_credential|session)\.(created|archived|deleted)$|^(agent|environment)\.(updated|archived|deleted)$/;

/** What could not be judged, an alarm that could not be written, and what others have left, is looked at so many times later. */
const timesLater = 4;

/** What waits, as it is kept. */
const keptEvent = z.object({
  id: z.string(),
  type: z.string(),
  about: z.string(),
  vault: z.optional(z.string()),
  workspace: z.optional(z.string()),
  happened: z.iso.datetime(),
  /** When it was taken, RFC 3339. */
  taken: z.iso.datetime(),
});

interface Waiting {
  id: string;
  event: PlatformEvent;
  taken: Date;
  text: KeptText;
}

/** Begins without having heard anything. What waits is kept in the stores, so that whoever is there judges it. */
export function platformEvents(setting: EventSetting): PlatformEvents {
  const { platform, record, stores, journal, graceMs = usualGraceMs } = setting;
  const refreshFailures = refreshFailuresOf(stores, platform);
  const recent = new OurActs();
  /** The last line of the record whose acts are among the recent ones. */
  let read: number | undefined;
  /** Deliveries that wait and were taken here, and those of which the journal has said that they are an alarm. */
  const own = new Set<string>();
  const said = new Set<string>();
  let judging: Promise<void> = Promise.resolve();
  let isOver = false;
  let timed: (() => void) | undefined;

  const textOf = (id: string) => stores.toldEvents.at({ workspace: { address: platform, id: undefined }, name: id });
  const isDue = ({ taken }: Waiting) => clock.now().getTime() - taken.getTime() >= graceMs;
  const over = async ({ id, text }: Waiting) => {
    await text.remove();
    own.delete(id);
    said.delete(id);
  };

  const judgeAll = async (which: (waiting: Waiting) => boolean): Promise<void> => {
    const before = [...own];
    const kept = await readAll(stores.toldEvents);
    // What another replica has judged.
    const left = new Set(kept.map(({ id }) => id));
    for (const id of before) if (!left.has(id)) own.delete(id);
    const waiting = kept.filter(which);
    if (waiting.length === 0) return;
    // They wait until they are judged: a record that cannot be read or written hides no alarm.
    read = await record.since?.(read, ({ entry }) => recent.take(entry));
    const unexplained: Waiting[] = [];
    for (const each of waiting) {
      if (recent.explains(each.event)) await over(each);
      else unexplained.push(each);
    }
    const holds: Hold[] = [];
    try {
      const mine: Waiting[] = [];
      for (const each of unexplained) {
        const hold = await each.text.hold({ waitMs: 0, signal: never });
        // Somebody else is judging it.
        if (!('release' in hold)) continue;
        holds.push(hold);
        // Or has just done so.
        if ((await each.text.read()) !== undefined) mine.push(each);
      }
      if (mine.length > 0) await judge(mine);
    } finally {
      for (const each of holds) await each.release();
    }
  };
  const judge = async (waiting: readonly Waiting[]) => {
    // Acts of longer ago, and of before a restart.
    const all = new OurActs(Number.POSITIVE_INFINITY);
    // One that was brought and judged before, and again now.
    const known = new Set<string>();
    await record.verify(({ entry }) => {
      all.take(entry);
      if (entry.kind === 'heard') known.add(entry.id);
    });
    const reviewed = await setting.reviewed();
    const isAlarm = ({ id, event }: Waiting) =>
      !known.has(id) && !all.explains(event) && concernsUs(event, all, reviewed);
    const alarms = waiting.filter(isAlarm);
    for (const each of waiting) if (!alarms.includes(each)) await over(each);
    // All are said before one is written: a full disk hides no alarm.
    for (const each of alarms) {
      if (!said.has(each.id)) say(each);
      said.add(each.id);
    }
    for (const each of alarms) {
      await write(each);
      await over(each);
    }
  };
  const say = ({ id, event: { type, about, vault, happened } }: Waiting) => {
    journal.say('alarm', { event: type, about, vault, happened: happened.toISOString(), delivery: id });
    setting.alarmed(type);
  };
  const write = async ({ id, event: { type, about, vault, workspace, happened } }: Waiting) => {
    const target = { kind: type.split('.')[0] ?? '', id: about, label: about };
    await record.append({
      kind: 'heard',
      what: type,
      id,
      from: platform,
      happened: happened.toISOString(),
      target,
      vault,
      workspace,
    });
  };
  const look = async (which = isDue): Promise<void> => {
    timed?.();
    timed = undefined;
    let next = timesLater * graceMs;
    judging = judging
      .then(() => judgeAll(which))
      .then(() => {
        // What was taken meanwhile is due sooner than what others may have left.
        if (own.size > 0) next = graceMs;
      })
      .catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        journal.say('events not judged', { code: error.code, why: error.message });
      });
    await judging;
    if (!isOver) timed ??= clock.after(next, () => void look());
  };
  const lookSoon = () => {
    timed?.();
    timed = clock.after(graceMs, () => void look());
  };
  return {
    async take({ id, event }) {
      const { type, about, vault, workspace, happened } = event;
      if (type === 'vault_credential.refresh_failed') {
        await refreshFailures.note(about, happened);
        await setting.renewalFailed?.({ vault, credential: about, at: happened });
      }
      if (/^vault_credential\.(archived|deleted)$/.test(type)) await refreshFailures.forget(about);
      if (!alarming.test(type) || recent.explains(event)) return;
      if (own.size >= mostWaiting) {
        throw new AppError('console_refused', 'more events wait to be judged than this console keeps');
      }
      const kept: z.output<typeof keptEvent> = {
        id,
        type,
        about,
        vault,
        workspace,
        happened: happened.toISOString(),
        taken: clock.now().toISOString(),
      };
      // Once this is answered nobody brings it again.
      await textOf(id).write(JSON.stringify(kept));
      if (own.size === 0) lookSoon();
      own.add(id);
    },
    acted: (entry) => recent.take(entry),
    async watch() {
      read = await record.since?.(undefined);
      await look();
    },
    async end({ andJudge }) {
      isOver = true;
      timed?.();
      if (andJudge) await look(() => true);
      else await judging;
    },
  };
}

/** What waits, in the order in which it came. A text that is damaged says nothing, and is left to whoever looks for the reason. */
async function readAll(texts: KeptTexts): Promise<Waiting[]> {
  const found: Waiting[] = [];
  for (const text of await texts.all()) {
    const kept = parsed(await text.read());
    if (kept === undefined) continue;
    const { id, type, about, vault, workspace, happened, taken } = kept;
    found.push({
      id,
      event: { type, about, vault, workspace, happened: new Date(happened) },
      taken: new Date(taken),
      text,
    });
  }
  return found.sort((a, b) => a.taken.getTime() - b.taken.getTime());
}

function parsed(text: string | undefined): z.output<typeof keptEvent> | undefined {
  try {
    return keptEvent.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}

/** How somebody else's session ends is nobody's alarm here, and of agents and environments those that are used here count. */
function concernsUs(
  { type, about }: PlatformEvent,
  all: OurActs,
  { agents, environments }: Awaited<ReturnType<EventSetting['reviewed']>>,
): boolean {
  const [kind, verb] = type.split('.');
  if (kind === 'session') return verb === 'created' || all.hasMade(about);
  if (kind === 'agent') return agents.get(about)?.retired !== true && agents.has(about);
  if (kind === 'environment') return environments.has(about);
  return true;
}
