/**
 * One run at a time, on this machine: a file that names the process which holds it. A process that was killed leaves its
 * file behind, so whoever comes next looks whether that very process still runs. Whether two runs beside each other do
 * harm is not decided here: across machines nothing holds anybody back.
 */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { clock } from '../clock/clock.ts';
import { claimText, readText, removeFile } from './files.ts';

/** Who holds a lock. */
export interface Holder {
  pid: number;
  /** When it was taken, RFC 3339. */
  since: string;
}

/** A lock that is held. */
export interface Lock {
  release(): Promise<void>;
}

/** How a lock is taken. */
export interface LockRequest {
  /** The file; its folder is made where it is missing. */
  path: string;
  signal: AbortSignal;
  /** How long to wait for a run that is about to end, in milliseconds. */
  waitMs: number;
}

/** No run lasts longer; asked only where nothing says whether the process still runs. */
const longestHoldMs = 60 * 60 * 1000;
const longestPauseMs = 100;

/** Takes the lock, or says who holds it. Throws `file_system` where the file cannot be written. */
export async function takeLock({ path, signal, waitMs }: LockRequest): Promise<Lock | Holder> {
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    started: await startOf(process.pid),
    since: clock.now().toISOString(),
    id: randomUUID(),
  });
  // Whoever sets the clock meanwhile makes nobody wait longer, or give up.
  const until = clock.monotonic() + waitMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (await claimText(path, mine)) {
      return {
        async release() {
          if ((await readText(path)) === mine) await removeFile(path);
        },
      };
    }
    const text = await readText(path);
    if (text === undefined) continue;
    const holder = readHolder(text);
    // Where there are no links, it may be being written just now: what is whole after a moment is not taken away.
    if (holder === undefined) await clock.pause(longestPauseMs, signal);
    if (holder === undefined || !(await stillRuns(holder))) {
      await removeStale(path, text, mine);
      continue;
    }
    if (clock.monotonic() >= until || signal.aborted) return { pid: holder.pid, since: holder.since };
    await clock.pause(pauseMs, signal);
  }
}

/**
 * Takes a stale file away. Only who holds a second file beside it may, and looks once more under it: whoever were to remove
 * what they saw a moment ago could take the file of somebody who was quicker, and then two would hold the lock. Where that
 * second file is left of a process that was killed right here, it goes the way of a stale lock after a moment.
 */
async function removeStale(path: string, stale: string, mine: string): Promise<void> {
  const removing = `${path}.removing`;
  if (await claimText(removing, mine)) {
    if ((await readText(path)) === stale) await removeFile(path);
    if ((await readText(removing)) === mine) await removeFile(removing);
    return;
  }
  const text = await readText(removing);
  const remover = text === undefined ? undefined : readHolder(text);
  if (text !== undefined && (remover === undefined || !(await stillRuns(remover)))) {
    await clock.pause(longestPauseMs);
    if ((await readText(removing)) === text) await removeFile(removing);
  }
}

interface HolderFile extends Holder {
  host: string;
  /** What the system says of when the process began; undefined where it does not say. */
  started?: string;
}

function readHolder(text: string): HolderFile | undefined {
  try {
    const { pid, host, started, since } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || Number.isNaN(Date.parse(String(since)))) return;
    return {
      pid: Number(pid),
      host,
      since: new Date(String(since)).toISOString(),
      ...(typeof started === 'string' && { started }),
    };
  } catch {
    return undefined;
  }
}

async function stillRuns({ pid, host, started, since }: HolderFile): Promise<boolean> {
  const recent = clock.now().getTime() - Date.parse(since) < longestHoldMs;
  // Another machine that shares this folder: its processes cannot be seen from here.
  if (host !== hostname()) return recent;
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
 * only by who is in the way of a lock. Undefined where that says nothing.
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

/** When a process began, in the kernel's own count; `gone` for one that has ended and was not waited for yet. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const stat = await readText(`/proc/${pid}/stat`).catch(() => undefined);
  // The name in parentheses may hold anything; the state is the third field, the start the twenty-second.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? 'gone' : fields?.[19];
}
