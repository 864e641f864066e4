/** What long tool lists cost the built commands, above what a list of one tool does. */
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ListCost, type ListProject, listCommands, startListProject } from '../bench/tool-lists.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

const few = { tools: 1, bytes: 1_000 };
const [quarter, many, four] = [250, 400, 1000].map((tools) => ({ tools, bytes: 4_000 })) as [
  typeof few,
  typeof few,
  typeof few,
];
const longest = { tools: 400, bytes: 20_000 };
/** Of 8 MiB: one of long tools, and one that comes as events. */
const lists = [longest, { tools: 140, bytes: 57_000 }, { ...longest, events: true }];

let built: BuiltCopy;
let project: ListProject;
beforeAll(async () => {
  built = await copyOfBuild();
  const [, script = ''] = built.locate('setup-session');
  project = await startListProject(dirname(script), [few, quarter, many, four, ...lists]);
}, 120_000);
afterAll(async () => {
  await project?.close();
  await built.remove();
});

/** The cheapest of some runs: whatever else the machine does only ever adds. */
async function least(command: (typeof listCommands)[number], size: typeof few, runs: number): Promise<ListCost> {
  const costs: ListCost[] = [];
  for (let count = 0; count < runs; count += 1) costs.push(await project.run(command, size));
  const of = (key: keyof ListCost) => Math.min(...costs.map((cost) => cost[key]));
  return { cpuMs: of('cpuMs'), peakMiB: of('peakMiB') };
}

test.each(listCommands)(
  'tools %s of 400 tools: at most a second of processor time, and linear',
  { timeout: 120_000 },
  async (command) => {
    const took: number[] = [];
    for (const size of [few, quarter, many, four]) {
      if (command === 'diff' || command === 'review') await project.run('refresh', size);
      took.push((await least(command, size, command === 'review' || size === many ? 1 : 2)).cpuMs);
    }
    const [base = 0, short = 0, usual = 0, long = 0] = took;
    expect(usual - base).toBeLessThan(1_000);
    // Four times the tools, of which even the fewer take several times what a run differs from another: a square would be
    // sixteen times.
    expect(long - base).toBeLessThan(8 * (short - base));
  },
);

test.each(['refresh', 'add'] as const)(
  '%s of a list of 8 MiB: at most three times its memory, however it comes',
  { timeout: 120_000 },
  async (command) => {
    const base = await least(command, few, 2);
    for (const list of lists) {
      const bytes = project.bytes(list);
      expect(bytes / 2 ** 20).toBeGreaterThan(7.5);
      const { peakMiB } = await least(command, list, 2);
      expect((peakMiB - base.peakMiB) / (bytes / 2 ** 20), JSON.stringify(list)).toBeLessThan(3);
    }
  },
);
