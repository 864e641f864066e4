import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordIn } from '../record/log.ts';
import { readExplained } from './explained.ts';
import { SessionStarts } from './session-starts.ts';

const actor = { kind: 'person', proof: 'sso', issuer: 'https://id.example', subject: 'ada', label: 'Ada' } as const;
const here = 'https://platform.example';

test('what was done on another platform, or in another workspace of it, explains nothing here', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'explained-'));
  try {
    const record = recordIn({ folder: join(folder, 'record') });
    const acts: [string, string, string | undefined][] = [
      ['one', here, 'wrkspc_1'],
      ['unnamed', here, undefined],
      ['other', here, 'wrkspc_2'],
      ['elsewhere', 'https://other.example', 'wrkspc_1'],
    ];
    for (const [id, platform, workspace] of acts) {
      const target = { kind: 'session', id: undefined, label: id } as const;
      const trace = id;
      await record.append({ kind: 'intent', id, act: 'session.create', actor, target, platform, workspace, trace });
      await record.append({ kind: 'outcome', id, outcome: 'success', attempts: 1, made: id });
    }
    const known = async (id: string | undefined) => {
      const workspace = { address: here, id };
      const starts = await SessionStarts.of(record, workspace);
      const started = [];
      for (const [session] of acts) if ((await starts.startedBy(session)) !== undefined) started.push(session);
      return [[...(await readExplained([record], workspace)).traces], started];
    };
    expect(await known('wrkspc_1')).toEqual([
      ['one', 'unnamed'],
      ['one', 'unnamed'],
    ]);
    expect(await known(undefined)).toEqual([
      ['one', 'unnamed', 'other'],
      ['one', 'unnamed', 'other'],
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
