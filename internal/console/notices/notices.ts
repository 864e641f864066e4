/**
 * Tells a receiver of yours of calls that wait for a yes and of connections that have to be made again. Whatever the receiver
 * does, the console goes on: each notice is kept until it was surely taken, told again with the same id, and given up after
 * three days, which is said. Of several consoles that keep the same things one at a time looks and tells.
 */
import { clock } from '../../clock/clock.ts';
import type { Configuration } from '../../config/definitions.ts';
import { AppError, asAppError } from '../../errors/app-error.ts';
import type { Fetch } from '../../outside/http.ts';
import type { Platform } from '../../platform/client.ts';
import type { Environment } from '../../run/environment.ts';
import type { KeptTexts } from '../../stores/kept-text.ts';
import type { CurrentConfiguration } from '../current-configuration.ts';
import type { Figures } from '../figures.ts';
import { framesOf, type Journal } from '../journal.ts';
import { findAsks, findReconnect, type Known, type Place } from './find.ts';
import { aboutFailure, ageMs, idOf, type Kept, type KeptNotice, keep, mostKept, placeOf, readKept } from './outbox.ts';
import { sendNotice } from './send.ts';
import { readSigningKeys } from './signing-key.ts';

/** What it is done with. */
export interface NoticeSetting {
  origin: string;
  /** The address of the platform. */
  address: string;
  environment: Environment;
  /** Where a program that says the key is started. */
  folder: string;
  notices: KeptTexts;
  configuration: CurrentConfiguration;
  /** The workspaces that a configuration is for. */
  workspaces(read: Configuration): Pick<Place, 'configuration' | 'workspace' | 'signInOf'>[];
  /** `signal` ends what is asked there. */
  platformOf(read: Configuration, signal: AbortSignal): Promise<Platform>;
  /** Asks a host that the configuration names. */
  fetchTo(host: string, signal: AbortSignal): Fetch;
  journal: Journal;
  noticed: Figures['noticed'];
  /** How often it is looked. */
  everyMs: number;
}

/** Telling that has begun. */
export interface Notices {
  /** A credential could not be renewed: kept when this resolves, and told later. */
  renewalFailed(event: { vault: string | undefined; credential: string; at: Date }): Promise<void>;
  stop(): Promise<void>;
}

/** A receiver that took nothing is left alone for longer each time. */
const firstPauseMs = 5_000;
const longestPauseMs = 600_000;
const givenUpMs = 72 * 3_600_000;

/** Begins. */
export function beginNotices(setting: NoticeSetting): Notices {
  const { journal, noticed, notices, address, everyMs } = setting;
  const ended = new AbortController();
  const { signal } = ended;
  const known = new Map<string, Known>();
  /** When the receiver may be asked again, and how long it is left alone the next time that it takes nothing. */
  const line = { openAt: 0, pauseMs: Math.min(firstPauseMs, everyMs) };
  let said: string | undefined;

  const lost = async ({ id, text, kept }: KeptNotice, why: string) => {
    await text.remove();
    noticed('lost');
    journal.say('notice lost', { id, type: kept.state === 'failure' ? null : kept.notice.type, why });
  };

  /** Keeps what is found and not kept yet, and forgets calls that wait no more. */
  const look = async (read: Configuration): Promise<void> => {
    const kept = await readKept(notices);
    const byId = new Map(kept.map((each) => [each.id, each]));
    let [room, beyond] = [mostKept - kept.length, 0];
    const waiting = new Set<string>();
    for (const here of setting.workspaces(read)) {
      const { configuration, workspace } = here;
      const platform = await setting.platformOf(configuration, signal);
      const place = { ...here, platform, origin: setting.origin };
      const name = JSON.stringify(workspace);
      const inPlace: Known = known.get(name) ?? new Map();
      known.set(name, inPlace);
      for (const { about, notice } of await findAsks(place, inPlace)) {
        waiting.add(idOf(about));
        if (byId.has(idOf(about))) continue;
        if (room <= 0) beyond += 1;
        else await keep(placeOf(notices, address, about), { state: 'waiting', about, notice });
        room -= 1;
      }
      for (const each of kept) {
        if (each.kept.state !== 'failure') continue;
        const notice = await findReconnect(place, each.kept);
        if (notice === undefined) continue;
        each.kept = { state: 'waiting', about: each.kept.about, notice };
        await keep(each.text, each.kept);
      }
    }
    // Every workspace was looked at: what none of them has is nobody's any more.
    for (const { id, kept: now, text } of kept) {
      const isAsk = now.state !== 'failure' && now.notice.type === 'ask.waiting';
      if (now.state === 'failure' || (isAsk && !waiting.has(id))) await text.remove();
    }
    if (beyond > 0) {
      for (let count = 0; count < beyond; count += 1) noticed('lost');
      journal.say('notice lost', { count: beyond, why: `more than ${mostKept} are kept` });
    }
  };

  /** Tells what is kept, one after another, until the receiver takes one no more. */
  const tell = async (read: NonNullable<Configuration['interface']['notices']>): Promise<void> => {
    const kept = (await readKept(notices)).filter(({ kept: { state } }) => state === 'waiting');
    const fresh: KeptNotice[] = [];
    for (const each of kept) {
      if (ageMs(each.kept) > givenUpMs) await lost(each, 'the receiver took it at no time');
      else fresh.push(each);
    }
    if (fresh.length === 0 || clock.monotonic() < line.openAt) return;
    const keys = await readSigningKeys(read.signing_key, { ...setting, signal });
    const fetch = setting.fetchTo(new URL(read.to).hostname, signal);
    for (const { id, kept: now, text } of fresh) {
      if (signal.aborted || now.state !== 'waiting') return;
      const attempt = await sendNotice(fetch, read.to, { id, notice: now.notice, keys });
      if (attempt.told) {
        // A call is told once for as long as it waits.
        if (now.notice.type === 'ask.waiting') await keep(text, { ...now, state: 'told' });
        else await text.remove();
        line.pauseMs = Math.min(firstPauseMs, everyMs);
        noticed('told');
        journal.say('notice', { id, type: now.notice.type });
        continue;
      }
      const pauseMs = Math.max(line.pauseMs, attempt.waitMs ?? 0);
      line.openAt = clock.monotonic() + pauseMs;
      line.pauseMs = Math.min(longestPauseMs, line.pauseMs * 2);
      noticed('refused');
      journal.say('notice not taken', {
        id,
        type: now.notice.type,
        why: attempt.why,
        again_in_s: Math.ceil(pauseMs / 1000),
      });
      return;
    }
  };

  const turn = async (): Promise<void> => {
    const { configuration: read } = await setting.configuration.current();
    if (read.interface.notices === undefined) return;
    const held = await notices
      .at({ workspace: { address, id: undefined }, name: 'sender' })
      .hold({ waitMs: 0, signal });
    if (!('release' in held)) return;
    try {
      // What is known already is told also while the platform is away.
      const looked = await look(read).then(
        () => undefined,
        (error: unknown) => error,
      );
      await tell(read.interface.notices);
      if (looked !== undefined) throw looked;
    } finally {
      await held.release();
    }
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await turn();
        said = undefined;
      } catch (error) {
        const failure = asAppError(error, signal);
        const what = `${failure.code} ${failure.message}`;
        // Once for as long as it lasts.
        if (!signal.aborted && said !== what) {
          const stack = error instanceof AppError || !(error instanceof Error) ? {} : { stack: framesOf(error) };
          const why = failure.code === 'bug' ? {} : { why: failure.message };
          journal.say('notices not told', { code: failure.code, ...why, ...stack });
        }
        said = what;
      }
      await clock.pause(everyMs, signal);
    }
  };
  const running = run();
  return {
    async renewalFailed({ vault, credential, at }) {
      const { configuration: read } = await setting.configuration.current();
      if (read.interface.notices === undefined || vault === undefined) return;
      const about = aboutFailure(credential, at);
      const kept: Kept = { state: 'failure', about, vault, credential, at: at.toISOString() };
      await keep(placeOf(notices, address, about), kept);
    },
    async stop() {
      ended.abort();
      await running;
    },
  };
}
