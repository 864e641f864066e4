/** How fast a guard answers calls that wait in many sessions at once, by a rule with a quota that all of them count on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { parse, stringify } from 'yaml';
import type { PlayTurn } from '../sandbox/platform/turn.ts';
import { run } from './measure.ts';
import { startBenchProject } from './project.ts';

/** What it took. */
export interface GuardCost {
  /** From the start of the guard to the last answer. */
  seconds: number;
  /** From one answer of the guard to the next. */
  perSecond: number;
  /** How long after the start of the guard half of all, and 95 of 100, had their answer, in seconds. */
  half: number;
  most: number;
}

const tool = 'notion-create-pages';

/** Every message asks for so many calls at once, and ends when all have an answer. */
const asking: PlayTurn = async ({ texts, emit, ask }) => {
  const ids = Array.from({ length: Number(texts[0]) }, (_, index) => {
    const input = { pages: [{ title: `page ${index}` }] };
    const call = { type: 'agent.mcp_tool_use' as const, mcp_server_name: 'notion', name: tool, input };
    return emit({ ...call, evaluated_permission: 'ask' }).id;
  });
  await ask(ids);
  return { type: 'end_turn' };
};

/** Has a guard answer them. Throws unless each call has exactly one answer, which is a yes, and the guard says so. */
export async function measureGuard(dist: string, size: { sessions: number; asks: number }): Promise<GuardCost> {
  const project = await startBenchProject(dist, 1, { playTurn: asking });
  const { environment, uid, sandbox } = project;
  const command = (...words: string[]) => [join(project.dist, 'setup-session.js'), ...words];
  const common = { environment, uid, cwd: join(project.dist, '..') };
  const { baseUrl: baseURL, apiKey } = sandbox.platform;
  const client = new Anthropic({ baseURL, apiKey, maxRetries: 0 });
  const all = size.sessions * size.asks;
  try {
    const config = environment['MAI_CONFIG'] ?? '';
    const agent = join(config, 'agents', 'support.yaml');
    const content = parse(await readFile(agent, 'utf8')) as { services: unknown };
    await writeFile(agent, stringify({ ...content, services: { notion: { write: 'ask' } } }));
    const rules = join(config, 'rules');
    await mkdir(rules);
    const quota = { most: 10_000, per: '1h', of: 'person' };
    const file = join(rules, 'all.yaml');
    await writeFile(file, stringify({ rules: { all: { service: 'notion', quota, outcome: 'allow' } } }));
    if (uid !== undefined) for (const path of [rules, file]) await chown(path, uid, uid);
    await run({ words: command('agents', 'apply', 'support', '--quiet'), ...common, check: () => {} });

    const ids: string[] = [];
    while (ids.length < size.sessions) {
      await run({
        words: command('--agent', 'support', '--json', '--quiet'),
        ...common,
        check: (stdout) => ids.push((JSON.parse(stdout) as { session_id: string }).session_id),
      });
    }
    for (const id of ids) {
      const text = { type: 'text' as const, text: String(size.asks) };
      await client.beta.sessions.events.send(id, { events: [{ type: 'user.message', content: [text] }] });
    }

    const started = performance.now();
    const guard = spawn(process.execPath, command('guard', '--quiet'), {
      env: environment,
      cwd: common.cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(uid !== undefined && { uid, gid: uid }),
    });
    let [told, first, last] = ['', 0, 0];
    const answeredAt: number[] = [];
    guard.stdout.on('data', (piece: Buffer) => {
      told += piece.toString();
      first ||= performance.now();
      last = performance.now();
      const answered = told.match(/^allowed: /gm)?.length ?? 0;
      while (answeredAt.length < answered) answeredAt.push((last - started) / 1000);
      if (answered === all) guard.kill('SIGTERM');
    });
    await once(guard, 'close');
    if (!told.includes(`${all} allowed, 0 denied, 0 left to people, 0 answered elsewhere`)) {
      throw new Error(`the guard ended with ${guard.exitCode}: ${told.slice(-500)}`);
    }
    for (const id of ids) {
      const given: string[] = [];
      for await (const event of client.beta.sessions.events.list(id)) {
        if (event.type === 'user.tool_confirmation' && event.result === 'allow') given.push(event.tool_use_id);
      }
      if (given.length !== size.asks || new Set(given).size !== size.asks) {
        throw new Error(`of ${size.asks} calls of ${id} ${given.length} were answered`);
      }
    }
    const after = (share: number) => answeredAt[Math.ceil(all * share) - 1] ?? Number.NaN;
    const perSecond = (all - 1) / ((last - first) / 1000);
    return { seconds: (last - started) / 1000, perSecond, half: after(0.5), most: after(0.95) };
  } finally {
    await project.close();
  }
}
