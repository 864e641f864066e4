/** How long it takes to off-board a person who has much that acts for them. */
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { ownerRecord } from '../../internal/vault/owner.ts';
import { startRunningSessions } from '../support/running-sessions.ts';
import { bareNode, compare } from './measure.ts';
import { startBenchProject } from './project.ts';
import { sequentialRoundTrips } from './round-trips.ts';

/** What each off-boarding took, in the order of the runs. */
export interface OffboardCost {
  seconds: number[];
  /** Requests to the platform, and how many of them waited for another. */
  requests: number[];
  roundTrips: number[];
}

/** Off-boards as many people as there are runs, each with so many connections and running sessions. */
export async function measureOffboarding(
  dist: string,
  size: { connections: number; sessions: number; latencyMs: number; runs: number },
): Promise<OffboardCost> {
  const project = await startBenchProject(dist, 10);
  const { platform } = project.sandbox;
  const { control } = platform;
  const client = new Anthropic({ baseURL: platform.baseUrl, apiKey: platform.apiKey, maxRetries: 0 });
  const cost: OffboardCost = { seconds: [], requests: [], roundTrips: [] };
  try {
    for (let run = 0; run < size.runs; run += 1) {
      const subject = String(40_000 + run);
      control.latencyMs = 0;
      const metadata = ownerRecord({ ...project.principal, subject });
      const { id } = await client.beta.vaults.create({ display_name: subject, metadata });
      for (let index = 0; index < size.connections; index += 1) {
        await client.beta.vaults.credentials.create(id, {
          auth: { type: 'static_bearer', mcp_server_url: `https://mcp.example/${index}`, token: 'bench' },
        });
      }
      const sessions = await startRunningSessions(client, [id], size.sessions);
      control.latencyMs = size.latencyMs;
      const subjectRun = {
        words: [
          join(project.dist, 'service-connection.js'),
          'offboard',
          subject,
          '--yes-offboard',
          subject,
          '--json',
          '--quiet',
        ],
        environment: project.environment,
        uid: project.uid,
        cwd: join(project.dist, '..'),
        check(stdout: string) {
          const { steps, seconds } = JSON.parse(stdout) as { steps: { act: string; done: boolean }[]; seconds: number };
          const ended = steps.filter(({ act, done }) => done && act === 'session.end').length;
          const archived = steps.filter(({ act, done }) => done && act === 'credential.archive').length;
          if (ended !== size.sessions || archived !== size.connections) throw new Error(`not all was ended: ${stdout}`);
          cost.seconds.push(seconds);
        },
      };
      await compare(subjectRun, bareNode, 0, () => control.log.reset());
      cost.requests.push(control.log.entries.length);
      cost.roundTrips.push(sequentialRoundTrips(control.log.entries));
      sessions.close();
    }
    return cost;
  } finally {
    await project.close();
  }
}
