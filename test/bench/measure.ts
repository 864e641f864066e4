/** Whole-process measurements as ratios: subject and baseline in turn, so that a machine that slows down slows both. */
import { type StdioOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What one run cost. */
export interface Cost {
  wallMs: number;
  cpuMs: number;
  peakMiB: number;
  /** Processor time of the programs that it started, in steps of 10 ms; 0 where nobody counts it. */
  childrenMs: number;
}

/** A program to run, and what a run must look like to count. */
export interface Subject {
  /** Node unless told; of another program only the wall time becomes known. */
  program?: string;
  words: readonly string[];
  environment?: Readonly<Record<string, string>>;
  uid?: number | undefined;
  cwd?: string;
  /** Whether it may say something on stderr: it sends somebody to a browser. */
  complains?: true;
  /** Throws unless the output is right; every run is checked. */
  check(stdout: string): void;
}

/** The medians of subject and baseline. */
export interface Comparison {
  subject: Cost;
  baseline: Cost;
}

const reporter = fileURLToPath(new URL('report-usage.cjs', import.meta.url));

/** A bare Node process that does nothing: what every run of ours is compared with. */
export const bareNode: Subject = { words: ['-e', '0'], check: () => {} };

/** Runs both in turn, `runs` times each after one warm-up, and returns the medians. */
export async function compare(
  subject: Subject,
  baseline: Subject,
  runs: number,
  each?: () => void,
): Promise<Comparison> {
  const costs: { subject: Cost[]; baseline: Cost[] } = { subject: [], baseline: [] };
  for (let index = -1; index < runs; index += 1) {
    each?.();
    const [own, bare] = [await run(subject), await run(baseline)];
    if (index < 0) continue;
    costs.subject.push(own);
    costs.baseline.push(bare);
  }
  return { subject: medians(costs.subject), baseline: medians(costs.baseline) };
}

/** Runs a subject once. Rejects when it exits with anything but 0 or its output is not right. */
export async function run(subject: Subject): Promise<Cost> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe'];
  const words = subject.program === undefined ? ['--require', reporter, ...subject.words] : subject.words;
  const started = performance.now();
  const child = spawn(subject.program ?? process.execPath, words, {
    stdio,
    // biome-ignore lint/style/noProcessEnv: the measured program needs PATH and nothing else of ours
    env: { PATH: process.env['PATH'], ...subject.environment },
    ...(subject.uid === undefined ? {} : { uid: subject.uid, gid: subject.uid }),
    ...(subject.cwd === undefined ? {} : { cwd: subject.cwd }),
  });
  const [, stdout, stderr, usage] = await Promise.all([
    new Promise((resolve, reject) => child.once('close', resolve).once('error', reject)),
    ...[1, 2, 3].map((descriptor) => readAll(child.stdio[descriptor] as NodeJS.ReadableStream)),
  ]);
  const wallMs = performance.now() - started;
  if (child.exitCode !== 0) throw new Error(`${subject.words.join(' ')} ended with ${child.exitCode}: ${stderr}`);
  const complaints = (stderr ?? '')
    .split('\n')
    .filter((line) => line !== '' && !line.includes('MAI_ALLOW_LOOPBACK_HTTP') && !line.includes('are not pinned'));
  if (complaints.length > 0 && subject.complains !== true)
    throw new Error(`${subject.words.join(' ')} complained: ${complaints.join('\n')}`);
  subject.check(stdout ?? '');
  if (subject.program !== undefined) return { wallMs, cpuMs: Number.NaN, peakMiB: Number.NaN, childrenMs: Number.NaN };
  return { wallMs, ...(JSON.parse(usage ?? '') as Omit<Cost, 'wallMs'>) };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function medians(costs: readonly Cost[]): Cost {
  return {
    wallMs: median(costs.map(({ wallMs }) => wallMs)),
    cpuMs: median(costs.map(({ cpuMs }) => cpuMs)),
    peakMiB: median(costs.map(({ peakMiB }) => peakMiB)),
    childrenMs: median(costs.map(({ childrenMs }) => childrenMs)),
  };
}

/** The middle of some values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
