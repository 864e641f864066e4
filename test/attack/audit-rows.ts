/** What others try against the record of Ada's session: that it names somebody else, or leaves out what was done. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stage } from '../demo/stage.ts';
import type { Scene, Tried } from './session-attacks.ts';

interface Alarm {
  kind: string;
  evidence: { session?: string };
}

/** Runs the commands of Ada, or of a colleague, and tells what they read. */
async function audit<Value>(stage: Stage, person: 'ada' | 'grace', ...words: readonly string[]) {
  const { exit, stdout, stderr } = await stage.at(person).run('setup-session', 'audit', ...words, '--json');
  const code = /"code": ?"(\w+)"/.exec(stdout + stderr)?.[1] ?? 'no error';
  return { exit, code, value: (stdout === '' ? undefined : JSON.parse(stdout)) as Value | undefined };
}

/** The calls of a session that somebody's record has, and by whom each was answered. */
async function recorded(stage: Stage, person: 'ada' | 'grace', session: string): Promise<string> {
  type Shown = { acts: { call: { answer: string | null; confirmer: object | null } | null }[] };
  const { value } = await audit<Shown>(stage, person, 'show', '--session', session, '--act', 'tool.call');
  const calls = value?.acts ?? [];
  if (calls.length === 0) return 'no call of it';
  return calls
    .map(({ call }) => `${call?.answer ?? 'no answer'} by ${call?.confirmer ? 'Ada' : 'nobody it knows'}`)
    .join(', ');
}

/** The alarms about a session, in their order. */
async function alarms(stage: Stage, session: string): Promise<string> {
  const { exit, value } = await audit<{ alarms: Alarm[] }>(stage, 'ada', 'reconcile');
  const kinds = (value?.alarms ?? []).filter(({ evidence }) => evidence.session === session).map(({ kind }) => kind);
  return `reconcile exit ${exit}: ${kinds.sort().join(', ') || 'no alarm'}`;
}

async function yesByHand({ stage, session, call }: Scene, callId = call.event_id): Promise<void> {
  const event = { type: 'user.tool_confirmation' as const, tool_use_id: callId, result: 'allow' as const };
  await stage.platform.beta.sessions.events.send(session, { events: [event] });
  await stage.at('ada').run('setup-session', 'attach', session);
}

/** Each is tried on a session of its own that waits for Ada's yes. */
export function auditRows(): Tried[] {
  return [
    [
      'somebody with the key says yes by hand, and it is to look like Ada’s',
      'allow by nobody it knows; reconcile exit 3: answer',
      async (scene) => {
        await yesByHand(scene);
        await audit(scene.stage, 'ada', 'pull');
        return `${await recorded(scene.stage, 'ada', scene.session)}; ${await alarms(scene.stage, scene.session)}`;
      },
    ],
    [
      'a colleague reads Ada’s session into a record of their own',
      'exit 0, no call of it; allow by Ada in hers',
      async ({ stage, session, call }) => {
        await stage.at('ada').run('setup-session', 'answer', session, call.event_id, '--yes', '--digest', call.digest);
        await stage.at('ada').run('setup-session', 'attach', session);
        const { exit } = await audit(stage, 'grace', 'pull');
        await audit(stage, 'ada', 'pull');
        const hers = await recorded(stage, 'ada', session);
        return `exit ${exit}, ${await recorded(stage, 'grace', session)}; ${hers} in hers`;
      },
    ],
    [
      'somebody with the key makes a session with the mark and owner of Ada’s, and lets it act',
      'no call of it; reconcile exit 3: vault_use',
      async ({ stage, session }) => {
        const { sessions } = stage.platform.beta;
        const { agent, environment_id, vault_ids, metadata } = await sessions.retrieve(session);
        const made = await sessions.create({ agent: agent.id, environment_id, vault_ids, metadata });
        const text = 'call notion notion-search {"query":"all"}';
        await sessions.events.send(made.id, { events: [{ type: 'user.message', content: [{ type: 'text', text }] }] });
        await audit(stage, 'ada', 'pull');
        const happened = `${await recorded(stage, 'ada', made.id)}; ${await alarms(stage, made.id)}`;
        await sessions.archive(made.id);
        return happened;
      },
    ],
    [
      'a yes to a call of a thread that is not Ada’s own, by hand',
      'reconcile exit 3: answer, no call of it',
      async ({ stage, session }) => {
        const { control } = stage.sandbox.platform;
        const thread = control.addThread(session, { agent: { type: 'inline', name: 'x' } });
        const yes = { type: 'user.tool_confirmation', tool_use_id: 'sevt_of_another', result: 'allow' };
        control.addEvents(session, [yes], thread);
        await audit(stage, 'ada', 'pull');
        return `${await alarms(stage, session)}, ${await recorded(stage, 'ada', session)}`;
      },
    ],
    [
      'a yes by hand, and a line in Ada’s record that explains it',
      'pull exit 3 [record_altered], reconcile exit 3 [record_altered]',
      async (scene) => {
        const { stage, session } = scene;
        const putBack = await forgeAnswer(stage, scene);
        await yesByHand(scene);
        const pulled = await audit(stage, 'ada', 'pull');
        const { exit, code } = await audit(stage, 'ada', 'reconcile');
        await putBack();
        await stage.at('ada').run('setup-session', 'stop', session);
        return `pull exit ${pulled.exit} [${pulled.code}], reconcile exit ${exit} [${code}]`;
      },
    ],
  ];
}

/** Writes, in place of an older act in Ada's record, that she answered this call. Returns what puts it back. */
async function forgeAnswer(stage: Stage, { session, call }: Scene): Promise<() => Promise<void>> {
  const names = await readdir(stage.sandbox.folder, { recursive: true });
  for (const name of names.filter((each) => each.endsWith('record-000001.jsonl'))) {
    const path = join(stage.sandbox.folder, name);
    const text = await readFile(path, 'utf8');
    if (!text.includes(session)) continue;
    const line = text.split('\n').find((each) => each.includes('"act":"session.answer"') && each.includes('"intent"'));
    const other = /"id":"(sesn_[^"]+)"/.exec(line ?? '')?.[1];
    const about = /"call":"([^"]+)"/.exec(line ?? '')?.[1];
    if (line === undefined || other === undefined || about === undefined) throw new Error('Ada has answered nothing');
    await writeFile(path, text.replace(line, line.replaceAll(other, session).replaceAll(about, call.event_id)));
    return () => writeFile(path, text);
  }
  throw new Error('there is no record of this session');
}
