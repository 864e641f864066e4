/** The record beside what it is made of, in one process and in turn: writing it, and verifying it. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, writeLine } from '../../internal/record/line.ts';
import { recordIn } from '../../internal/record/log.ts';
import { verifyRecord } from '../../internal/record/verify.ts';
import { median } from './measure.ts';

/** Rates of records in a second. */
export interface RecordRates {
  /** A loop that writes such a line and waits for the disk. */
  bare: number;
  /** The same loop with 64 such lines at once: nobody who writes for 64 that wait for the disk is faster. */
  together: number;
  /** One writer who waits for each line, and 64 who do so beside each other. */
  one: number;
  many: number;
  /** Verifying, and hashing and parsing the same lines without judging them. */
  verified: number;
  plain: number;
}

/** How much is measured. */
export interface RecordSize {
  rounds: number;
  /** Lines in each round of one writer, and of each of the 64. */
  lines: number;
  /** Lines that are verified. */
  verified: number;
}

const writers = 64;

/** A line as most are. */
export const benchEntry: Extract<Entry, { kind: 'intent' }> = {
  kind: 'intent',
  id: '3f0c2f0a-4e0e-4b0a-9a53-1c1b1a1f0e0d',
  act: 'vault.create',
  actor: { kind: 'person', proof: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'ada@example.org' },
  platform: 'https://api.anthropic.com',
  target: { kind: 'vault', id: 'vlt_0123456789', label: 'Ada' },
};

/** Measures in rounds, each of all kinds, so that a machine that slows down slows all of them. */
export async function measureRecord({ rounds, lines, verified }: RecordSize): Promise<RecordRates> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-record-'));
  const rates = { bare: [] as number[], together: [] as number[], one: [] as number[], many: [] as number[] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      rates.bare.push(await bareLoop(join(folder, `bare-${round}`), lines, 1));
      rates.together.push(await bareLoop(join(folder, `together-${round}`), lines, writers));
      rates.one.push(await recorded(join(folder, `one-${round}`), 1, lines));
      rates.many.push(await recorded(join(folder, `many-${round}`), writers, lines));
    }
    return {
      bare: median(rates.bare),
      together: median(rates.together),
      one: median(rates.one),
      many: median(rates.many),
      ...(await verifying(join(folder, 'verified'), verified)),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function bareLoop(path: string, times: number, lines: number): Promise<number> {
  const { text } = writeLine({ log: 'x', count: 1, hash: '0'.repeat(64) }, benchEntry, new Date().toISOString());
  const bytes = Buffer.from(`${text}\n`.repeat(lines));
  const file = await open(path, 'a', 0o600);
  try {
    return await rate(times * lines, async () => {
      for (let each = 0; each < times; each += 1) {
        await file.write(bytes);
        await file.datasync();
      }
    });
  } finally {
    await file.close();
  }
}

async function recorded(folder: string, beside: number, lines: number): Promise<number> {
  await mkdir(folder, { mode: 0o700 });
  const log = recordIn({ folder });
  await log.append(benchEntry);
  const writer = async () => {
    for (let each = 0; each < lines; each += 1) await log.append(benchEntry);
  };
  return await rate(beside * lines, () => Promise.all(Array.from({ length: beside }, writer)));
}

async function verifying(folder: string, lines: number): Promise<Pick<RecordRates, 'verified' | 'plain'>> {
  await mkdir(folder, { mode: 0o700 });
  const log = recordIn({ folder });
  const pairs = Array.from({ length: lines / 2 }, (_, index) => index);
  for (let from = 0; from < pairs.length; from += 5000) {
    await Promise.all(
      pairs
        .slice(from, from + 5000)
        .flatMap((index) => [
          log.append({ ...benchEntry, id: String(index) }),
          log.append({ kind: 'outcome', id: String(index), outcome: 'success', attempts: 1 }),
        ]),
    );
  }
  const rates = { verified: [] as number[], plain: [] as number[] };
  for (let round = 0; round < 5; round += 1) {
    rates.verified.push(
      await rate(lines, async () => {
        const { findings } = await verifyRecord(folder);
        if (findings.some(({ severity }) => severity === 'fault')) throw new Error('the record is not whole');
      }),
    );
    rates.plain.push(await rate(lines, () => plainly(join(folder, 'record-000001.jsonl'))));
  }
  return { verified: median(rates.verified), plain: median(rates.plain) };
}

/** What anybody does at the least who reads lines and their digests. */
async function plainly(path: string): Promise<void> {
  const bytes = await readFile(path);
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const line = bytes.subarray(from, end);
    createHash('sha256').update(line).digest('hex');
    JSON.parse(line.toString('utf8'));
    from = end + 1;
  }
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (count * 1000) / (performance.now() - begun);
}
