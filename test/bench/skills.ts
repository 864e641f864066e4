/** Folders of skills for the benches, pushed once to a platform of their own, and what `skill-sync` costs with them. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { unzipSync } from 'fflate';
import type { LoggedRequest } from '../sandbox/platform/request-log.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { bareNode, type Comparison, compare, median, run, type Subject } from './measure.ts';
import { documentedHash } from './skill-hash.ts';

const serialRequests = fileURLToPath(new URL('serial-requests.mjs', import.meta.url));
const uploads = /^POST \/v1\/skills/;

/** Skills that the platform has, in a folder with its lock. */
interface PushedSkills {
  platform: PlatformSandbox;
  skills: string;
  /** Runs `skill-sync` on the folder; every skill has to be reported with this change. */
  subject(change: 'create' | 'update' | 'unchanged'): Subject;
  /** Changes one file of every skill. */
  changeAll(): Promise<void>;
  close(): Promise<void>;
}

async function pushSkills(dist: string, count: number): Promise<PushedSkills> {
  const platform = await startPlatform();
  const folder = await mkdtemp(join(tmpdir(), 'bench-skills-'));
  const skills = join(folder, 'skills');
  const names = Array.from({ length: count }, (_, index) => `skill-${String(index).padStart(3, '0')}`);
  let round = 0;
  const changeAll = async () => {
    round += 1;
    for (const name of names) await writeFile(join(skills, name, 'changes.md'), `# Round ${round} of ${name}\n`);
  };
  for (const name of names) {
    await mkdir(join(skills, name, 'scripts'), { recursive: true });
    await writeFile(
      join(skills, name, 'SKILL.md'),
      `---\nname: ${name}\ndescription: Answers questions about ${name}.\n---\n\n# ${name}\n\n${'Read this first. '.repeat(200)}\n`,
    );
    await writeFile(join(skills, name, 'scripts', 'count.py'), `print(sum(range(${names.indexOf(name)})))\n`);
  }
  await changeAll();

  const environment = {
    ANTHROPIC_BASE_URL: platform.baseUrl,
    ANTHROPIC_API_KEY: platform.apiKey,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'none'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  const subject = (change: string): Subject => ({
    words: [join(dist, 'skill-sync.js'), skills, '--json', '--quiet'],
    environment,
    cwd: folder,
    check(stdout) {
      const { skills: done } = JSON.parse(stdout) as { skills: { change: string; applied: boolean }[] };
      const right = done.filter((it) => it.change === change && it.applied === (change !== 'unchanged'));
      if (right.length !== count) throw new Error(`${right.length} of ${done.length} skills: ${change}`);
    },
  });
  const close = async () => {
    await platform.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await run(subject('create'));
  } catch (error) {
    await close();
    throw error;
  }
  return { platform, skills, subject, changeAll, close };
}

/** A run with nothing to do beside a bare Node process, and the most requests that one of the runs sent. */
export async function measureUnchanged(
  dist: string,
  size: { skills: number; runs: number },
): Promise<Comparison & { requests: number }> {
  const pushed = await pushSkills(dist, size.skills);
  const { log } = pushed.platform.control;
  try {
    let requests = 0;
    const collect = () => {
      if (log.count(({ method }) => method !== 'GET') > 0)
        throw new Error('a run with nothing to do changed something');
      requests = Math.max(requests, log.count());
      log.reset();
    };
    log.reset();
    const costs = await compare(pushed.subject('unchanged'), bareNode, size.runs, collect);
    collect();
    return { ...costs, requests };
  } finally {
    await pushed.close();
  }
}

/** What a run with every skill changed takes, and the requests of it one after another. */
export interface ChangedCost {
  /** The median of the runs. */
  wallMs: number;
  requests: number;
  /** A loop over the same requests, and one over the uploads alone, through the official SDK. */
  serialMs: number;
  serialUploadsMs: number;
  /** The most uploads within one minute of a run. */
  uploadsPerMinute: number;
}

/** Pushes as many rounds of changes as there are runs. Rejects when lock and platform differ afterwards. */
export async function measureChanged(
  dist: string,
  size: { skills: number; runs: number; latencyMs: number },
): Promise<ChangedCost> {
  const pushed = await pushSkills(dist, size.skills);
  const { control } = pushed.platform;
  try {
    control.latencyMs = size.latencyMs;
    const walls: number[] = [];
    let uploadsPerMinute = 0;
    for (let round = 0; round < size.runs; round += 1) {
      await pushed.changeAll();
      control.log.reset();
      walls.push((await run(pushed.subject('update'))).wallMs);
      const sent = control.log.count(uploads);
      if (sent !== size.skills) throw new Error(`${sent} uploads of ${size.skills} changed skills`);
      uploadsPerMinute = Math.max(uploadsPerMinute, mostWithinAMinute(control.log.entries));
    }
    const requests = control.log.entries.map(({ method, path, search }) => ({ method, path, search }));
    control.latencyMs = 0;
    await expectLockIsTrue(pushed);

    control.latencyMs = size.latencyMs;
    const serialMs = await serialLoop(pushed, requests);
    const serialUploadsMs = await serialLoop(
      pushed,
      requests.filter(({ method }) => method === 'POST'),
    );
    return { wallMs: median(walls), requests: requests.length, serialMs, serialUploadsMs, uploadsPerMinute };
  } finally {
    await pushed.close();
  }
}

/** One request as the log has it. */
type Requested = Pick<LoggedRequest, 'method' | 'path' | 'search'>;

/** How long a loop takes that sends the requests through the official SDK, each after the answer to the one before. */
async function serialLoop({ platform, skills }: PushedSkills, requests: readonly Requested[]): Promise<number> {
  const lock = await lockOf(skills);
  const names = Object.fromEntries(Object.entries(lock).map(([name, { skill_id }]) => [skill_id, name]));
  const plan = join(skills, '..', 'requests.json');
  await writeFile(plan, JSON.stringify({ skills, names, requests }));
  platform.control.log.reset();
  const { wallMs } = await run({
    words: [serialRequests, plan],
    environment: { ANTHROPIC_BASE_URL: platform.baseUrl, ANTHROPIC_API_KEY: platform.apiKey },
    check: (stdout) => {
      if (stdout !== `${requests.length} requests\n`) throw new Error(`the serial loop said ${JSON.stringify(stdout)}`);
    },
  });
  const failed = platform.control.log.entries.filter(({ status }) => status !== 200);
  if (failed.length > 0 || platform.control.log.count() !== requests.length) throw new Error('the serial loop failed');
  return wallMs;
}

/** Throws unless each skill's version in the lock is the platform's latest, and each holds what its folder holds. */
async function expectLockIsTrue({ platform, skills }: PushedSkills): Promise<void> {
  const client = new Anthropic({ baseURL: platform.baseUrl, apiKey: platform.apiKey, maxRetries: 0 });
  const lock = await lockOf(skills);
  const latest = new Map<string, string>();
  for await (const { id, latest_version_id } of client.skills.list()) latest.set(id, latest_version_id);
  for (const [name, { skill_id, version_id, sha256 }] of Object.entries(lock)) {
    const response = await client.beta.skills.versions.download(version_id, { skill_id });
    const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
    const hashed = Object.entries(files).map(([path, bytes]): [string, string] => [
      path.slice(`${name}/`.length),
      createHash('sha256').update(bytes).digest('hex'),
    ]);
    const round = await readFile(join(skills, name, 'changes.md'), 'utf8');
    const uploaded = Buffer.from(files[`${name}/changes.md`] ?? []).toString();
    if (latest.get(skill_id) !== version_id || documentedHash(hashed) !== sha256 || uploaded !== round) {
      throw new Error(`the lock is not right about ${name}`);
    }
  }
  if (latest.size !== Object.keys(lock).length) throw new Error(`${latest.size} skills on the platform`);
}

async function lockOf(skills: string): Promise<Record<string, LockEntry>> {
  const text = await readFile(join(skills, 'skills.lock.json'), 'utf8');
  return (JSON.parse(text) as { skills: Record<string, LockEntry> }).skills;
}

interface LockEntry {
  skill_id: string;
  version_id: string;
  sha256: string;
}

function mostWithinAMinute(entries: readonly LoggedRequest[]): number {
  const times = entries.filter(({ method }) => method === 'POST').map(({ at }) => Date.parse(at));
  return Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + 60_000).length));
}
