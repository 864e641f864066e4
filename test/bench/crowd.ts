/** People by the hundred at three replicas of a console, one of which is killed, and the same people without a console. */
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { builtIn } from '../demo/executables.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { runCommand } from '../support/command.ts';
import { type Crowded, crowdAtConsole, crowdWithKey } from '../support/crowded-console.ts';
import { startPostgres } from '../support/postgres-server.ts';

/** One load, in figures. */
export interface CrowdFigures {
  people: number;
  perSecond: number;
  /** Of the command that starts a session, in milliseconds: half of them are as quick, and all but a hundredth. */
  p50: number;
  p99: number;
  /** The same, where everybody comes alone. */
  alone: number;
  faults: string[];
  /** How often a command had to be run again. */
  again: number;
  /** The most that any process of the console had. */
  peakMiB: number;
}

/** How many people, and how many of them at once. */
export interface CrowdSize {
  people: number;
  atOnce: number;
  /** How many come alone afterwards. */
  alone: number;
}

/** The load with the key, at three replicas on PostgreSQL, and a tenth of it at one console with a folder. */
export async function measureCrowd(
  dist: string,
  size: CrowdSize,
): Promise<{ withKey: CrowdFigures; replicas: CrowdFigures; folder: CrowdFigures }> {
  const locate = builtIn(dist);
  const withKey = await inSandbox(async (sandbox) => {
    const crowd = await crowdWithKey(sandbox, size);
    const { deeds } = await crowdWithKey(sandbox, { people: size.alone, atOnce: 1, from: size.people });
    return figuresOf({ ...crowd, peaksMiB: [], journal: '' }, deeds);
  });
  const server = await startPostgres();
  try {
    const atConsole = async (people: number, postgres?: Parameters<typeof crowdAtConsole>[1]['postgres']) =>
      await inSandbox(async (sandbox) => {
        const crowd = await crowdAtConsole(sandbox, {
          locate,
          people,
          atOnce: size.atOnce,
          killing: true,
          postgres,
          alone: size.alone,
        });
        return figuresOf(crowd, crowd.alone);
      });
    const replicas = await atConsole(size.people, { server, address: await server.database() });
    return { withKey, replicas, folder: await atConsole(Math.ceil(size.people / 10)) };
  } finally {
    await server.close();
  }
}

async function inSandbox<Result>(act: (sandbox: Sandbox) => Promise<Result>): Promise<Result> {
  const sandbox = await startSandbox();
  try {
    const { exit, stderr } = await runCommand(setupSession, ['agents', 'apply'], { environment: sandbox.environment });
    if (exit !== 0) throw new Error(`the agents are not in force: ${stderr}`);
    return await act(sandbox);
  } finally {
    await sandbox.close();
  }
}

function figuresOf(
  { deeds, faults, seconds, peaksMiB }: Omit<Crowded, 'alone'>,
  alone: Crowded['alone'],
): CrowdFigures {
  const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
  const at = (values: readonly number[], share: number) =>
    values[Math.floor((values.length - 1) * share)] ?? Number.NaN;
  const times = sorted(deeds.map(({ startMs }) => startMs));
  return {
    people: deeds.length,
    perSecond: deeds.length / seconds,
    p50: at(times, 0.5),
    p99: at(times, 0.99),
    alone: at(sorted(alone.map(({ startMs }) => startMs)), 0.5),
    faults,
    again: deeds.flatMap((deed) => deed.again).length,
    peakMiB: Math.max(...peaksMiB),
  };
}
