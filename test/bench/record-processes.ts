/** The record written by processes beside each other, each with the file open for itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { verifyRecord } from '../../internal/record/verify.ts';
import { median } from './measure.ts';
import { benchEntry } from './record.ts';

/** Lines in a second of one process, and of as many as `processes` says together. */
export interface ProcessRates {
  one: number;
  many: number;
}

/** Each is told when to begin, so that only writing is measured. */
const writer = (entry: string) => `
  import { recordIn } from ${JSON.stringify(fileURLToPath(new URL('../../internal/record/log.ts', import.meta.url)))};
  const log = recordIn({ folder: process.argv[2] });
  process.stdin.once('data', async () => {
    for (let line = 0; line < Number(process.argv[3]); line += 1) {
      await log.append({ ...${entry}, id: process.pid + ' ' + line });
    }
    process.exit(0);
  });
  process.stdout.write('ready');
`;

/** Measures in rounds, each of one process and then of all. Throws where a line is missing. */
export async function measureProcesses(size: {
  processes: number;
  rounds: number;
  lines: number;
}): Promise<ProcessRates> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-record-'));
  try {
    const script = join(folder, 'writer.mjs');
    const contents = writer(JSON.stringify(benchEntry));
    await build({
      stdin: { contents, resolveDir: folder, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      logLevel: 'error',
    });
    const rates = { one: [] as number[], many: [] as number[] };
    for (let round = 0; round < size.rounds; round += 1) {
      // Alone it takes as long as all: what begins slowly weighs the same.
      rates.one.push(await rateOf(script, join(folder, `one-${round}`), 1, size.lines * 4));
      rates.many.push(await rateOf(script, join(folder, `many-${round}`), size.processes, size.lines));
    }
    return { one: median(rates.one), many: median(rates.many) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function rateOf(script: string, folder: string, processes: number, lines: number): Promise<number> {
  await mkdir(folder, { mode: 0o700 });
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, [script, folder, String(lines)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(children.map(async (child) => await once(child.stdout, 'data')));
  const ended = children.map(async (child: ChildProcess) => {
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`a writer ended with ${code}`);
  });
  const begun = performance.now();
  for (const { stdin } of children) stdin.end('go');
  await Promise.all(ended);
  const ms = performance.now() - begun;
  const { lines: found, findings } = await verifyRecord(folder);
  const isWhole = findings.every(({ severity }) => severity !== 'fault');
  if (!isWhole || found < processes * lines) throw new Error(`of ${processes * lines} lines ${found} are there`);
  return (processes * lines * 1000) / ms;
}
