/** Consoles under the load of a crowd, of which one is killed on the way, and the database too. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locate } from '../demo/executables.ts';
import type { Sandbox } from '../sandbox/start.ts';
import { startBalancer } from './balancer.ts';
import { freePort, nameConsole, withoutKey } from './console.ts';
import { admitCrowd, crowdOf, type Deed, judgeCrowd, letAct } from './crowd.ts';
import type { PostgresServer } from './postgres-server.ts';
import { type Doom, type Serving, startServing } from './serving.ts';

/** What came of a crowd. */
export interface Crowded {
  deeds: Deed[];
  /** What those did who came one by one afterwards. */
  alone: Deed[];
  faults: string[];
  seconds: number;
  /** The peak of each process that lived to the end, in MiB. */
  peaksMiB: number[];
  journal: string;
}

/** How many come, and what becomes of the consoles meanwhile. */
export interface CrowdSetting {
  locate: Locate;
  people: number;
  atOnce: number;
  /** Whether a console is killed, and the database started again. */
  killing: boolean;
  /** The database of three replicas; without one it is a single console with a folder. */
  postgres?: { server: PostgresServer; address: string } | undefined;
  /** How many come one by one when the crowd has gone; nobody unless told. */
  alone?: number;
}

/** Lets a crowd at the consoles of a sandbox whose agents are applied. */
export async function crowdAtConsole(sandbox: Sandbox, setting: CrowdSetting): Promise<Crowded> {
  const { locate, people, atOnce, killing, postgres, alone: alonePeople = 0 } = setting;
  const balancer = await startBalancer({ fromEverywhere: true });
  await nameConsole(sandbox, balancer.origin, admitCrowd);
  const replicas: Serving[] = [];
  const journals: string[] = [];
  // Of a folder it is the same place again.
  const fixed =
    postgres === undefined ? { data: await mkdtemp(join(sandbox.folder, 'data-')), port: await freePort() } : {};
  const start = async (doom?: Doom) =>
    await startServing(sandbox, locate, { ...fixed, doom, ...(postgres && { database: postgres.address }) });
  /** What goes on beside the crowd. */
  const meanwhile: Promise<void>[] = [];
  try {
    const count = postgres === undefined ? 1 : 3;
    // One of them dies when the platform has a credential and has not said so yet: somebody is in the middle then.
    const doom = {
      of: /\/credentials: sent$/,
      at: Math.ceil(people / (4 * count)),
      log: join(sandbox.folder, 'steps'),
    };
    const first = await start(killing ? doom : undefined);
    replicas.push(first, ...(await Promise.all(Array.from({ length: count - 1 }, () => start()))));
    balancer.ports = replicas.map(({ port }) => port);
    if (killing) {
      const replaced = async () => {
        await first.over;
        journals.push(first.journal());
        replicas[0] = await start();
        balancer.ports = replicas.map(({ port }) => port);
      };
      meanwhile.push(replaced());
    }
    let restarting = killing && postgres !== undefined;
    const restarted = async () => {
      await postgres?.server.end('crash');
      await postgres?.server.start();
    };
    const members = await crowdOf(sandbox, people);
    const environment = withoutKey(sandbox);
    const began = performance.now();
    const deeds = await letAct(sandbox, members, {
      environment,
      atOnce,
      done(through) {
        if (!restarting || through < people / 2) return;
        restarting = false;
        meanwhile.push(restarted());
      },
    });
    const seconds = (performance.now() - began) / 1000;
    await Promise.all(meanwhile);
    const alone = await letAct(sandbox, await crowdOf(sandbox, alonePeople, people), { environment, atOnce: 1 });
    const peaksMiB = await Promise.all(replicas.map((each) => each.peakMiB()));
    return {
      deeds,
      alone,
      faults: await judgeCrowd(sandbox, [...deeds, ...alone]),
      seconds,
      peaksMiB,
      journal: [...journals, ...replicas.map((each) => each.journal())].join(''),
    };
  } finally {
    await Promise.allSettled(meanwhile);
    await Promise.all(replicas.map((each) => each.end('SIGTERM')));
    await balancer.close();
  }
}

/** The same load with the key, without any console. */
export async function crowdWithKey(
  sandbox: Sandbox,
  { people, atOnce, from }: Pick<CrowdSetting, 'people' | 'atOnce'> & { from?: number },
): Promise<Pick<Crowded, 'deeds' | 'faults' | 'seconds'>> {
  const members = await crowdOf(sandbox, people, from);
  const began = performance.now();
  const deeds = await letAct(sandbox, members, { environment: sandbox.environment, atOnce });
  const seconds = (performance.now() - began) / 1000;
  return { deeds, faults: await judgeCrowd(sandbox, deeds), seconds };
}
