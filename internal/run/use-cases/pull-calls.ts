import { join } from 'node:path';
import { readExplained } from '../../audit/explained.ts';
import { pullCalls as pull } from '../../audit/pull.ts';
import { AppError } from '../../errors/app-error.ts';
import { type Mutex, takeMutex } from '../../outside/mutex.ts';
import { requireOwnFolder } from '../../outside/trusted-file.ts';
import { platformForReading } from '../platform.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import type { PullCallsRequest, PulledCalls } from '../values/audit.ts';
import { workspaceOf } from '../workspace.ts';

/** How long another pull may go on before this one gives up. */
const patienceMs = 300_000;

/** The tool calls that our sessions made, from the platform into the record of this machine. */
export async function pullCalls({ since, withArguments }: PullCallsRequest, ports: Ports): Promise<PulledCalls> {
  const configuration = await loadProject(ports);
  const workspace = workspaceOf(ports, configuration);
  const platform = await platformForReading(ports, configuration.interface.platform);
  const mutex = await holdPull(ports);
  const waiting = ports.tell.wait('the events of all sessions of the record are read');
  try {
    const log = await ports.record();
    const explained = await readExplained([log], workspace);
    const {
      sessions,
      calls,
      waiting: goingOn,
      foreign,
      gone,
      unknownTypes,
    } = await pull({
      platform,
      explained,
      log,
      workspace,
      since,
      withArguments,
      onStep: (done, of) => waiting.at(done, of),
    });
    return { sessions, calls, going_on: goingOn, foreign_answers: foreign, gone, unknown_types: unknownTypes };
  } finally {
    waiting.done();
    await mutex.release();
  }
}

/** One pull at a time on this machine: the next one finds the lines of the one before. */
async function holdPull({ directories, signal }: Ports): Promise<Mutex> {
  const { state } = await directories();
  await requireOwnFolder(state);
  const mutex = await takeMutex({ path: join(state, 'audit-pull.lock'), signal, waitMs: patienceMs });
  if ('release' in mutex) return mutex;
  throw new AppError('timed_out', `another pull goes on: process ${mutex.pid}, since ${mutex.since}`, {
    hint: 'wait until it has ended; what it writes needs no second line',
  });
}
