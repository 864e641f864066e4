/**
 * What the platform tells a console of by itself. Whose key was used it never says, so what happened is held against the record:
 * what no act of ours explains is an alarm, since nobody but the console should have a key.
 */
import type { LockedAgent } from '../agent/lock.ts';
import { clock } from '../clock/clock.ts';
import type { RefreshFailures } from '../connection/refresh-failures.ts';
import { AppError } from '../errors/app-error.ts';
import type { PlatformEvent } from '../platform/webhook.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Journal } from './journal.ts';
import { OurActs } from './our-acts.ts';

/** What events are judged with. */
export interface EventSetting {
  /** The address of the platform. */
  platform: string;
  record: Pick<RecordLog, 'append' | 'verify'>;
  refreshFailures: RefreshFailures;
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
  /** Takes one: what has to be known at once is written when this resolves, and what may be an alarm is judged a little later. */
  take(delivery: { id: string; event: PlatformEvent }): Promise<void>;
  /** Hears of what this console does. */
  acted(entry: Parameters<OurActs['take']>[0]): void;
  /** Judges what still waits, at once. */
  settle(): Promise<void>;
}

/** The answer to a request of ours may come after what it brought about was told. */
const usualGraceMs = 15_000;
const mostWaiting = 10_000;

const alarming =
  /^(vault|vault_credential|session)\.(created|archived|deleted)$|^(agent|environment)\.(updated|archived|deleted)$/;

/** What could not be judged, or an alarm that could not be written, is tried again so many times later. */
const timesLater = 4;

interface Waiting {
  id: string;
  event: PlatformEvent;
  /** It is an alarm, and that was said. */
  isSaid?: true;
}

/** Nothing heard yet. */
export function platformEvents(setting: EventSetting): PlatformEvents {
  const { platform, record, refreshFailures, journal, graceMs = usualGraceMs } = setting;
  const recent = new OurActs();
  const waiting = new Set<Waiting>();
  let judging: Promise<void> = Promise.resolve();
  let timed: (() => void) | undefined;

  const judgeAll = async (): Promise<void> => {
    // They wait until they are judged: a record that cannot be read or written hides no alarm.
    for (const each of waiting) if (recent.explains(each.event)) waiting.delete(each);
    const unexplained = [...waiting];
    if (unexplained.length === 0) return;
    // Acts of longer ago, of before a restart, and of other replicas.
    const all = new OurActs(Number.POSITIVE_INFINITY);
    // One that was brought before a restart, and again after it.
    const known = new Set<string>();
    await record.verify(({ entry }) => {
      all.take(entry);
      if (entry.kind === 'heard') known.add(entry.id);
    });
    const reviewed = await setting.reviewed();
    const alarms = unexplained.filter(
      ({ id, event }) => !known.has(id) && !all.explains(event) && concernsUs(event, all, reviewed),
    );
    for (const each of unexplained) waiting.delete(each);
    for (const each of alarms) waiting.add(each);
    // All are said before one is written: a full disk hides no alarm.
    for (const each of alarms) {
      if (each.isSaid !== true) say(each);
      each.isSaid = true;
    }
    for (const each of alarms) {
      await write(each);
      waiting.delete(each);
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
  const settle = async () => {
    timed?.();
    timed = undefined;
    judging = judging.then(judgeAll).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      journal.say('events not judged', { code: error.code, why: error.message });
      timed ??= clock.after(timesLater * graceMs, () => void settle());
    });
    await judging;
  };
  return {
    async take({ id, event }) {
      const { type, about, happened } = event;
      if (type === 'vault_credential.refresh_failed') {
        await refreshFailures.note(about, happened);
        await setting.renewalFailed?.({ vault: event.vault, credential: about, at: happened });
      }
      if (/^vault_credential\.(archived|deleted)$/.test(type)) await refreshFailures.forget(about);
      if (!alarming.test(type) || recent.explains(event)) return;
      if (waiting.size >= mostWaiting) {
        throw new AppError('console_refused', 'more events wait to be judged than this console keeps');
      }
      waiting.add({ id, event });
      timed ??= clock.after(graceMs, () => void settle());
    },
    acted: (entry) => recent.take(entry),
    settle,
  };
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
