/** What `audit pull` costs for a session with a long history. */
import { join } from 'node:path';
import { run } from './measure.ts';
import { startBenchProject } from './project.ts';

/** What it took. */
export interface PullCost {
  seconds: number;
  /** Of a pull that finds nothing new. */
  again: number;
  peakMiB: number;
}

/** Pulls calls with their results, two events each. Throws unless each has its line once. */
export async function measurePull(dist: string, events: number): Promise<PullCost> {
  const project = await startBenchProject(dist, 1);
  const { environment, uid, sandbox } = project;
  const setup = async (words: readonly string[], check: (stdout: string) => void) =>
    await run({
      words: [join(project.dist, 'setup-session.js'), ...words, '--json', '--quiet'],
      environment,
      uid,
      cwd: join(project.dist, '..'),
      check,
    });
  try {
    let session = '';
    await setup(['agents', 'apply', 'support'], () => {});
    await setup(['--agent', 'support'], (stdout) => {
      session = (JSON.parse(stdout) as { session_id: string }).session_id;
    });
    const { control } = sandbox.platform;
    const said = { type: 'agent.mcp_tool_use', mcp_server_name: 'notion', name: 'notion-search' };
    const calls = Array.from({ length: events / 2 }, (_, index) => ({
      ...said,
      input: { query: `pages about ${index}` },
      evaluated_permission: 'allow',
    }));
    const ids = control.addEvents(session, calls);
    control.addEvents(
      session,
      ids.map((id) => ({ type: 'agent.mcp_tool_result', mcp_tool_use_id: id, content: [] })),
    );
    const pulled = (expected: number) => (stdout: string) => {
      const { calls: found } = JSON.parse(stdout) as { calls: number };
      if (found !== expected) throw new Error(`of ${expected} calls ${found} have a line`);
    };
    const first = await setup(['audit', 'pull'], pulled(events / 2));
    const again = await setup(['audit', 'pull'], pulled(0));
    return { seconds: first.wallMs / 1000, again: again.wallMs / 1000, peakMiB: first.peakMiB };
  } finally {
    await project.close();
  }
}
