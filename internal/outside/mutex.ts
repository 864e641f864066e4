/**
 * One run at a time, on this machine: a file, or a link, that says which process holds it. A process that was killed leaves it
 * behind, so whoever comes next looks whether that very process still runs. Whether two runs beside each other do
 * harm is not decided here: across machines nothing holds anybody back.
 */

import { hostname } from 'node:os';
import { clock } from '../clock/clock.ts';
import { sha256 } from '../text/canonical.ts';
import { claimByLink, claimedText, claimText, isClaimed, readText, releaseText, removeFile } from './files.ts';

/** Who holds a mutex. */
export interface Holder {
  pid: number;
  /** When it was taken, RFC 3339. */
  since: string;
}

/** A mutex that is held. */
export interface Mutex {
  /** Whether somebody who waits has asked for it; what is asked is forgotten when it is released. */
  isAskedFor(): Promise<boolean>;
  release(): Promise<void>;
}

/** How a mutex is taken. */
export interface MutexRequest {
  /** The name; its folder is made where it is missing. */
  path: string;
  signal: AbortSignal;
  /** How long to wait for a run that is about to end, in milliseconds. */
  waitMs: number;
  /** For one that often changes hands: it is taken in one step, and holders, who look whether they are, are asked to give it back. */
  ask?: boolean;
  /** How long to wait between two looks, which is kept for the next time: the more wait, the less often each looks. */
  pace?: { pauseMs: number };
}

/** No run lasts longer; asked only where nothing says whether the process still runs. */
const longestHoldMs = 60 * 60 * 1000;
const [shortestPauseMs, longestPauseMs] = [1, 100];

/** Takes the mutex, or says who holds it. Throws `file_system` where the name cannot be taken. */
export async function takeMutex(request: MutexRequest): Promise<Mutex | Holder> {
  const { path, signal, waitMs, ask = false, pace = { pauseMs: shortestPauseMs } } = request;
  const mine = await claimAt(clock.now().getTime());
  // Whoever sets the clock meanwhile makes nobody wait longer, or give up.
  const until = clock.monotonic() + waitMs;
  let seen: string | undefined;
  let hasAsked = false;
  const claim = ask ? claimByLink : claimText;
  for (;;) {
    if (await claim(path, mine)) {
      pace.pauseMs = Math.max(pace.pauseMs / 2, shortestPauseMs);
      return held(path, mine, hasAsked);
    }
    const text = await claimedText(path);
    if (text === undefined) continue;
    const holder = readHolder(text);
    // Where there are no links, it may be being written just now: what is whole after a moment is not taken away.
    if (holder === undefined) await clock.pause(longestPauseMs, signal);
    // One that goes from hand to hand has a holder that lives.
    const isKept = seen === text;
    let inTheWay: Holder | undefined = holder;
    if (holder === undefined || ((isKept || waitMs === 0) && !(await stillRuns(holder)))) {
      // Whoever takes it away just now is waited for as a holder is: they may have been stopped, or run elsewhere.
      inTheWay = await removeStale(path, text, mine);
      if (inTheWay === undefined) continue;
    }
    if (inTheWay !== undefined && (clock.monotonic() >= until || signal.aborted)) {
      return { pid: inTheWay.pid, since: inTheWay.since };
    }
    if (ask && isKept) {
      await claim(askedFor(path), mine);
      hasAsked = true;
    }
    seen = text;
    // Not all at once: of many who wait, those who look keep those from working who have it.
    await clock.pause(pace.pauseMs * (0.5 + Math.random()), signal);
    pace.pauseMs = Math.min(pace.pauseMs * 2, longestPauseMs);
  }
}

function held(path: string, mine: string, hasAsked: boolean): Mutex {
  // What somebody asked before they had it is over as well.
  let isAsked = hasAsked;
  return {
    async isAskedFor() {
      const isAskedNow = await isClaimed(askedFor(path));
      isAsked ||= isAskedNow;
      return isAskedNow;
    },
    async release() {
      await releaseText(path, mine);
      if (isAsked) await removeFile(askedFor(path));
    },
  };
}

function askedFor(path: string): string {
  return `${path}.asked`;
}

let own: Promise<string | undefined> | undefined;
let claims = 0;

/** What this process takes a name for. So short that a link to it needs no room of its own on usual disks (60 bytes). */
async function claimAt(now: number): Promise<string> {
  own ??= startOf(process.pid);
  claims += 1;
  return JSON.stringify([process.pid, (await own) ?? null, thisHost(), now, claims]);
}

/**
 * Takes a stale file away. Only who holds a second file beside it may, and looks once more under it: whoever were to remove
 * what they saw a moment ago could take the file of somebody who was quicker, and then two would hold the mutex. Where that
 * second file is left of a process that was killed right here, it goes the way of a stale mutex after a moment. Gives who has
 * that second file, where they still run.
 */
async function removeStale(path: string, stale: string, mine: string): Promise<Holder | undefined> {
  const removing = `${path}.removing`;
  if (await claimText(removing, mine)) {
    await releaseText(path, stale);
    await releaseText(removing, mine);
    return undefined;
  }
  const text = await claimedText(removing);
  if (text === undefined) return undefined;
  const remover = readHolder(text);
  if (remover !== undefined && (await stillRuns(remover))) return remover;
  await clock.pause(longestPauseMs);
  await releaseText(removing, text);
  return undefined;
}

interface Claim extends Holder {
  host: string;
  /** What the system says of when the process began; undefined where it does not say. */
  started: string | undefined;
}

function readHolder(text: string): Claim | undefined {
  try {
    const [pid, started, host, since] = JSON.parse(text) as unknown[];
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || typeof since !== 'number') return;
    return {
      pid: Number(pid),
      host,
      since: new Date(since).toISOString(),
      started: typeof started === 'string' ? started : undefined,
    };
  } catch {
    return undefined;
  }
}

/** Enough of a host's name to tell it from others. */
function thisHost(): string {
  return sha256(hostname()).slice(0, 8);
}

async function stillRuns({ pid, host, started, since }: Claim): Promise<boolean> {
  const recent = clock.now().getTime() - Date.parse(since) < longestHoldMs;
  // Another machine that shares this folder: its processes cannot be seen from here.
  if (host !== thisHost()) return recent;
  if (!exists(pid)) return false;
  // The number may belong to another process by now.
  const now = await startOf(pid);
  if (started !== undefined && now !== undefined) return now === started;
  const began = await beginOf(pid);
  return began === undefined ? recent : began <= Date.parse(since) + tellingMs;
}

/** How much later than it was a system may say that a process began: it counts seconds. */
const tellingMs = 2_000;

/**
 * When a process began, in milliseconds since 1970, as a program of the system says where the kernel has no file for it: asked
 * only by who is in the way of a mutex. Undefined where that says nothing.
 */
export async function beginOf(pid: number, platform: NodeJS.Platform = process.platform): Promise<number | undefined> {
  const [program, ...words] =
    platform === 'win32'
      ? [
          'powershell.exe',
          '-NoProfile',
          '-Command',
          `(Get-Process -Id ${pid}).StartTime.ToUniversalTime().ToString('o')`,
        ]
      : ['ps', '-o', 'lstart=', '-p', String(pid)];
  const { askProgram } = await import('./child-process.ts');
  const { signal } = new AbortController();
  const answer = await askProgram({
    ...{ program: program ?? '', words, input: '', signal, timeoutMs: 5_000, longestAnswer: 1_000 },
    set: { LC_ALL: 'C', TZ: 'UTC0' },
  });
  if (answer.kind !== 'answered') return undefined;
  const told = answer.text.trim();
  // What `ps` says has no zone, and is in the one that it was given.
  const began = Date.parse(platform === 'win32' ? told : `${told} UTC`);
  return Number.isNaN(began) ? undefined : began;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

let boot: Promise<string | undefined> | undefined;

/**
 * When a process began, in the kernel's own count, and a part of the name of this boot: a small machine starts the same
 * program at the same moment with the same number each time. `gone` for one that has ended and was not waited for yet.
 */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  boot ??= readText('/proc/sys/kernel/random/boot_id').catch(() => undefined);
  const stat = await readText(`/proc/${pid}/stat`).catch(() => undefined);
  // The name in parentheses may hold anything; the state is the third field, the start the twenty-second.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields?.[0] === 'Z' || fields?.[0] === 'X') return 'gone';
  return fields?.[19] && `${fields[19]}-${(await boot)?.slice(0, 4) ?? ''}`;
}
