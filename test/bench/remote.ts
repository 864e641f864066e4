/** What a session start through a console costs the machine of the person, and how often it asks the console. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { builtIn } from '../demo/executables.ts';
import { startSandbox } from '../sandbox/start.ts';
import { visit } from '../sandbox/visit.mjs';
import { startBalancer } from '../support/balancer.ts';
import { runCommand } from '../support/command.ts';
import { nameConsole, withoutKey } from '../support/console.ts';
import { idTokenOf } from '../support/console-caller.ts';
import { startServing } from '../support/serving.ts';
import { bareNode, type Comparison, compare } from './measure.ts';

/** Runs it so often. Besides the costs: the requests and the connections of one start. */
export async function measureRemote(
  dist: string,
  runs: number,
): Promise<Comparison & { requests: number; connections: number }> {
  const sandbox = await startSandbox();
  const balancer = await startBalancer();
  await nameConsole(sandbox, balancer.origin);
  const applied = await runCommand(setupSession, ['agents', 'apply'], { environment: sandbox.environment });
  if (applied.exit !== 0) throw new Error(`the agents are not in force: ${applied.stderr}`);
  const console = await startServing(sandbox, builtIn(dist));
  balancer.ports = [console.port];
  try {
    const folder = await mkdtemp(join(sandbox.folder, 'laptop-'));
    const environment = {
      ...withoutKey(sandbox),
      HOME: folder,
      CLAUDE_CODE_MCP_USER_TOKEN: await idTokenOf(sandbox, 'ada'),
      CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: sandbox.identityProvider.issuer,
    };
    const connected = await runCommand(serviceConnection, ['notion'], {
      environment,
      folder,
      browse: (url) => visit(url, { person: 'ada' }).catch((error: unknown) => error),
    });
    if (connected.exit !== 0) throw new Error(`nothing is connected: ${connected.stderr}`);
    const requests = () => console.journal().split('"what":"request"').length - 1;
    const connections = () => balancer.sent.get(console.port) ?? 0;
    const before = { requests: requests(), connections: connections() };
    const costs = await compare(
      {
        words: [join(dist, 'setup-session.js'), '--agent', 'support', '--json', '--quiet'],
        environment,
        cwd: folder,
        check(stdout) {
          if (!stdout.includes('"session_id"')) throw new Error(`no session was started: ${stdout}`);
        },
      },
      bareNode,
      runs,
    );
    // One more warms it up.
    const each = (after: number, from: number) => (after - from) / (runs + 1);
    return {
      ...costs,
      requests: each(requests(), before.requests),
      connections: each(connections(), before.connections),
    };
  } finally {
    await console.end('SIGTERM');
    await balancer.close();
    await sandbox.close();
  }
}
