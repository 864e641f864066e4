/** What it costs to look at a long session, and how soon a turn's command ends once the platform says that it is over. */
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import type { PlayTurn } from '../sandbox/platform/turn.ts';
import { bareNode, type Comparison, compare, run, type Subject } from './measure.ts';
import { type BenchProject, startBenchProject } from './project.ts';

/** What a long session costs. */
export interface AttachCost extends Comparison {
  /** Of the answer, which is all that a person is shown of it. */
  answerBytes: number;
  /** Of its events, as the platform sends them. */
  historyBytes: number;
}

/** When the agent of the latest turn was done, by `performance.now()`. */
let doneAt = 0;

/** Events of a turn that are none of its agent's: its beginning and its end. */
const aroundTurn = 6;
const resultText = 'r'.repeat(400);
const line = (index: number) => `${String(index).padStart(6, '0')} ${'said '.repeat(40)}`;

/** Every third event is a piece of the answer; between them are calls and their results. */
const talkative: PlayTurn = async ({ texts, emit }) => {
  const [, count] = /^talk (\d+)$/.exec(texts[0] ?? '') ?? [];
  for (let index = 0; index < Number(count ?? 1); index += 1) {
    const use = { type: 'agent.tool_use' as const, name: 'read', input: { path: `notes/${index}.md` } };
    const { id } = emit({ ...use, evaluated_permission: 'allow' });
    emit({ type: 'agent.tool_result', tool_use_id: id, content: [{ type: 'text', text: resultText }] });
    emit({ type: 'agent.message', content: [{ type: 'text', text: line(index) }] });
  }
  doneAt = performance.now();
  return { type: 'end_turn' };
};

/** Attaches to a session of so many events that is at rest. Every run is checked to print all of its answer, once. */
export async function measureAttach(dist: string, size: { events: number; runs: number }): Promise<AttachCost> {
  const project = await startBenchProject(dist, 1, { playTurn: talkative });
  try {
    const { id, client } = await startSession(project);
    const messages = Math.ceil((size.events - aroundTurn) / 3);
    const sent = { type: 'user.message' as const, content: [{ type: 'text' as const, text: `talk ${messages}` }] };
    await client.beta.sessions.events.send(id, { events: [sent] });
    let history = '';
    let count = 0;
    while (!history.includes('"session.status_idle"')) {
      [history, count] = ['', 0];
      for await (const event of client.beta.sessions.events.list(id)) {
        history += JSON.stringify(event);
        count += 1;
      }
    }
    if (count < size.events) throw new Error(`the session has ${count} events`);
    const answer = Array.from({ length: messages }, (_, index) => `${line(index)}\n`).join('');
    const subject: Subject = {
      ...commandOf(project, ['attach', id, '--quiet']),
      check(stdout) {
        if (stdout !== answer) throw new Error(`attach printed ${stdout.length} characters, not ${answer.length}`);
      },
    };
    const { subject: own, baseline } = await compare(subject, bareNode, size.runs);
    return { subject: own, baseline, answerBytes: answer.length, historyBytes: history.length };
  } finally {
    await project.close();
  }
}

/** Milliseconds from the platform's last event of a turn until the command has exited, for each of so many turns. */
export async function measureTurnEnds(dist: string, runs: number): Promise<number[]> {
  const project = await startBenchProject(dist, 1, { playTurn: talkative });
  const ends: number[] = [];
  try {
    const subject: Subject = {
      ...commandOf(project, ['--agent', 'support', '--message', 'talk 3', '--quiet']),
      check(stdout) {
        if (stdout !== [0, 1, 2].map((index) => `${line(index)}\n`).join(''))
          throw new Error(`the turn printed ${JSON.stringify(stdout)}`);
      },
    };
    for (let index = -1; index < runs; index += 1) {
      await run(subject);
      if (index >= 0) ends.push(performance.now() - doneAt);
    }
    return ends;
  } finally {
    await project.close();
  }
}

async function startSession(project: BenchProject) {
  const { platform } = project.sandbox;
  const client = new Anthropic({ baseURL: platform.baseUrl, apiKey: platform.apiKey, maxRetries: 0 });
  let id = '';
  await run({
    ...commandOf(project, ['--agent', 'support', '--json', '--quiet']),
    check: (stdout) => ({ session_id: id } = JSON.parse(stdout) as { session_id: string }),
  });
  return { id, client };
}

function commandOf(project: BenchProject, words: readonly string[]): Omit<Subject, 'check'> {
  return {
    words: [join(project.dist, 'setup-session.js'), ...words],
    environment: project.environment,
    uid: project.uid,
    cwd: join(project.dist, '..'),
  };
}
