/** Checkpoints: what they prove of a record, what they do not, and that tools of others read them. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { skipped } from '../../test/support/skip.ts';
import { type CheckpointKey, isDue, newCheckpointKey, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { judgeCheckpoints, openCheckpoints, whatIsWrong } from './judge-checkpoints.ts';
import { type Entry, type Head, noHash, readLine, writeLine } from './line.ts';
import { recordIn } from './log.ts';
import { openNote, readVerifierKey, signNote, verifierKey } from './note.ts';
import { verifyRecord } from './verify.ts';

const log = '11111111-2222-4333-8444-555555555555';
const { key } = newCheckpointKey(log);
const head: Head = { log, count: 42, hash: 'ab'.repeat(32) };

describe('a note', () => {
  const note = writeCheckpoint(head, key);

  test('of a checkpoint has origin, count, hash and what it is of, and is read again', () => {
    const hash = Buffer.from(head.hash, 'hex').toString('base64');
    const text = `managed-agents-interface/record/${log}\n42\n${hash}\nsha256 chain\n`;
    expect(openNote(note, key)).toBe(text);
    expect(note).toMatch(new RegExp(`^${text}\n\u2014 managed-agents-interface/record/${log} [\\w+/]+=*\n$`));
    expect(readCheckpoint(note, key)).toEqual({ count: 42, hash: head.hash });
    expect(verifierKey(readVerifierKey(verifierKey(key)))).toBe(verifierKey(key));
  });

  const other = newCheckpointKey(log).key;
  const signature = note.trimEnd().split('\n').at(-1) ?? '';
  /** Each, and whether it is still a checkpoint. */
  test.each<[string, string, boolean]>([
    ['with the line of a witness', `${note}\u2014 witness.example ${Buffer.alloc(72, 7).toString('base64')}\n`, true],
    ['with a damaged line of a witness', `${note}\u2014 witness.example AAA\n`, false],
    ['with another count', note.replace('\n42\n', '\n43\n'), false],
    ['signed by another key of that name', writeCheckpoint(head, other), false],
    ['signed twice by us', `${note}${signature}\n`, false],
    ['without its last line end', note.trimEnd(), false],
    ['with CR at the ends of lines', note.replaceAll('\n', '\r\n'), false],
    ['with a blank line in the text', note.replace('\n42\n', '\n\n42\n'), false],
    ['with the signature in another form', note.replace(/=*\n$/, '\n'), false],
    ['that is huge', `${'a\n'.repeat(40_000)}${note}`, false],
    ['with a hundred more lines', `${note}${`\u2014 w ${Buffer.alloc(72).toString('base64')}\n`.repeat(100)}`, false],
  ])('%s: %s', (_what, changed, counts) => {
    expect(readCheckpoint(changed, key) !== undefined).toBe(counts);
  });

  test.each<[string, string]>([
    ['of another record', `managed-agents-interface/record/other\n42\n${'A'.repeat(43)}=\nsha256 chain\n`],
    ['of a tree', `managed-agents-interface/record/${log}\n42\n${'A'.repeat(43)}=\n`],
    ['with a count that is none', `managed-agents-interface/record/${log}\n042\n${'A'.repeat(43)}=\nsha256 chain\n`],
    ['with a hash that is too short', `managed-agents-interface/record/${log}\n42\nAAAA\nsha256 chain\n`],
  ])('%s is no checkpoint of ours, whoever signed it', (_what, text) => {
    expect(readCheckpoint(signNote(text, key, key.privateKey), key)).toBeUndefined();
  });

  test.each(['', 'a', 'a\n\nb\n', 'a\tb\n', 'a\r\n', 'ä\n'])('of %j is not signed', (text) => {
    expect(() => signNote(text, key, key.privateKey)).toThrow(TypeError);
  });

  test.each(['', 'a b', 'a+b', 'A', 'ä'])('under the name %j is not signed', (name) => {
    expect(() => signNote('a\n', { ...key, name }, key.privateKey)).toThrow(TypeError);
    expect(() => verifierKey({ ...key, name })).toThrow(TypeError);
  });

  test('is not signed with the private half of another key, and no key of another kind is one', () => {
    expect(() => signNote('a\n', key, other.privateKey)).toThrow(TypeError);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(() => verifierKey({ ...key, publicKey })).toThrow(TypeError);
  });

  test.each<[string, (text: string) => string]>([
    ['another hash', (text) => text.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    [
      'a hash in capitals',
      (text) => text.replace(/\+[0-9a-f]{8}\+/, (hash) => (hash === hash.toUpperCase() ? '+x+' : hash.toUpperCase())),
    ],
    ['a line end', (text) => `${text}\n`],
    ['no key', () => 'a+00000000'],
  ])('a verifier key with %s is none', (_what, change) => {
    expect(() => readVerifierKey(change(verifierKey(key)))).toThrow(TypeError);
  });
});

describe('a checkpoint is due', () => {
  const at = new Date('2026-11-30T00:00:00Z');
  test.each<[string, number, string, boolean]>([
    ['soon after the last one', 1041, '2026-11-30T23:59:59Z', false],
    ['a thousand lines later', 1042, '2026-11-30T00:00:01Z', true],
    ['a day later', 43, '2026-12-01T00:00:00Z', true],
  ])('%s: %i %s %s', (_what, count, now, due) => {
    expect(isDue({ count: 42, at }, { ...head, count }, new Date(now))).toBe(due);
  });
});

describe('a record with checkpoints', () => {
  let folder: string;
  let mine: CheckpointKey;
  let notes: { from: string; note: string }[];
  const file = () => join(folder, 'record-000001.jsonl');
  const entry = (id: string): Entry => ({
    kind: 'intent',
    id,
    act: 'vault.create',
    actor: { kind: 'unproven', account: undefined },
    target: { kind: 'vault', id: undefined, label: `vault ${id}` },
  });
  const lines = async () => (await readFile(file(), 'utf8')).trimEnd().split('\n');
  const put = (all: readonly string[]) => writeFile(file(), `${all.join('\n')}\n`);

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'checkpoint-')), 'record');
    await mkdir(folder, { mode: 0o700 });
    const record = recordIn({ folder });
    notes = [];
    for (let id = 1; id <= 6; id += 1) {
      const end = await record.append(entry(String(id)));
      mine ??= newCheckpointKey(end.log).key;
      if (id === 1) mine = newCheckpointKey(end.log).key;
      if (id % 2 === 0) notes.push({ from: `at ${end.count}`, note: writeCheckpoint(end, mine) });
    }
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

  /** What was found by the chain and by the checkpoints. */
  async function found(with_ = notes, keys = [mine]): Promise<string[]> {
    const opened = openCheckpoints(with_, keys);
    const wanted = new Set(opened.flatMap(({ checkpoint }) => checkpoint?.count ?? []));
    const verified = await verifyRecord(folder, undefined, wanted);
    const judged = judgeCheckpoints(verified, opened);
    return [
      ...verified.findings.flatMap(({ severity, what }) => (severity === 'fault' ? [what] : [])),
      ...judged.flatMap((each) => whatIsWrong(each, verified.head?.count ?? 0) ?? []),
    ];
  }

  /** The lines from one on, chained anew: what somebody does who can write the files. */
  function chainedAnew(all: readonly string[], from: number, change: (entry: Entry) => Entry): string[] {
    let end: Head = { log: '', count: 0, hash: noHash };
    return all.map((text, index) => {
      const line = readLine(text);
      if (line === undefined) throw new Error('no line');
      end = { ...end, log: line.log };
      const made = writeLine(end, index === from ? change(line.entry) : line.entry, line.at);
      end = made.head;
      return made.text;
    });
  }

  test('that is as it was written agrees with all of them', async () => {
    expect(await found()).toEqual([]);
  });

  /** What no chain shows, since it is whole again: each is shown by a checkpoint. */
  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'the end left out',
      async () => put((await lines()).slice(0, 5)),
      /there were 7 lines .* 2 are missing at the end/,
    ],
    [
      'a line written anew, and all after it chained anew',
      async () => put(chainedAnew(await lines(), 3, (old) => ({ ...(old as object), id: 'x' }) as Entry)),
      /line 5 is not the one that was signed/,
    ],
    [
      'the last line written anew',
      async () => put(chainedAnew(await lines(), 6, (old) => ({ ...(old as object), id: 'x' }) as Entry)),
      /line 7 is not the one that was signed/,
    ],
    [
      'another record in its place',
      async () => {
        await rm(file());
        const other = recordIn({ folder });
        for (let id = 1; id <= 8; id += 1) await other.append(entry(String(id)));
      },
      /line 3 is not the one that was signed/,
    ],
    ['nothing in its place', () => rm(file()), /there were 3 lines when this was signed, and there are 0/],
  ])('%s does not pass', async (_what, change, expected) => {
    await change();
    expect((await found()).join('; ')).toMatch(expected);
    // The chain alone says nothing: that is what checkpoints are for.
    expect(await found([])).toEqual([]);
  });

  test('files and checkpoints put back together pass, and a checkpoint kept elsewhere shows it', async () => {
    const earlier = join(folder, '..', 'earlier');
    await cp(folder, earlier, { recursive: true });
    const record = recordIn({ folder });
    const end = await record.append(entry('7'));
    const kept = { from: 'elsewhere', note: writeCheckpoint(end, mine) };
    await rm(folder, { recursive: true });
    await cp(earlier, folder, { recursive: true });
    expect(await found()).toEqual([]);
    expect(await found([...notes, kept])).toEqual([expect.stringMatching(/there were 8 lines/)]);
  });

  test('checkpoints signed anew with another key pass beside that key, and not beside the one that was kept', async () => {
    await put(chainedAnew(await lines(), 3, (old) => ({ ...(old as object), id: 'x' }) as Entry));
    const verified = await verifyRecord(folder);
    const theirs = newCheckpointKey(verified.head?.log ?? '').key;
    if (verified.head === undefined) throw new Error('no line');
    const signed = [{ from: 'anew', note: writeCheckpoint(verified.head, theirs) }];
    expect(await found(signed, [theirs])).toEqual([]);
    expect(await found(signed)).toEqual([expect.stringMatching(/no key that counts has signed/)]);
  });
});

const goPackages = '/usr/share/gocode/src/golang.org/x/mod/sumdb/note/note.go';
const hasGo = existsSync(goPackages) && spawnSync('go', ['version']).status === 0;
const missing = {
  reason: 'notes are not opened with golang.org/x/mod: golang-go and golang-golang-x-mod-dev are not installed',
  installable: true,
};

describe.skipIf(skipped(hasGo ? false : missing))('opened with golang.org/x/mod (sumdb/note)', () => {
  let folder: string;
  let verify: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'go-note-'));
    verify = join(folder, 'verify');
    const source = fileURLToPath(new URL('../../test/support/go/verify.go', import.meta.url));
    // biome-ignore lint/style/noProcessEnv: a test may start what is on the path
    const env = { PATH: process.env['PATH'], GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: folder };
    const built = spawnSync('go', ['build', '-o', verify, source], { encoding: 'utf8', env });
    expect([built.status, built.stderr]).toEqual([0, '']);
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const opened = (note: string, vkey = verifierKey(key)) =>
    spawnSync(verify, [vkey], { input: note, encoding: 'utf8' });

  test('a checkpoint of ours has the same text there', () => {
    const note = writeCheckpoint(head, key);
    expect(opened(note)).toMatchObject({ status: 0, stdout: openNote(note, key) });
  });

  test('what we refuse of it is refused there, and another key opens nothing', () => {
    const note = writeCheckpoint(head, key);
    for (const changed of [note.replace('\n42\n', '\n43\n'), note.trimEnd(), note.replaceAll('\n', '\r\n')]) {
      expect([opened(changed).status, openNote(changed, key)]).toEqual([1, undefined]);
    }
    expect(opened(note, verifierKey(newCheckpointKey(log).key))).toMatchObject({ status: 1 });
  });
});
