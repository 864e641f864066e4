/** The record of acts (P7): what is in it, that it is there before anything is done, and that nobody edits it quietly. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import * as json from 'json-canonicalize';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inTimeOf, machineClock } from '../clock/clock.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { canonicalText, type RecordObject, type RecordValue } from './canonical.ts';
import { recordFiles } from './files.ts';
import { type Entry, inLines, noHash, readLine, writeLine } from './line.ts';
import { recordIn } from './log.ts';
import { verifyRecord } from './verify.ts';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'record-')), 'record');
  await mkdir(folder, { mode: 0o700 });
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const now = () => new Date('2026-11-29T12:00:00.000Z');
const file = (name = 'record-000001.jsonl') => join(folder, name);
const actor = {
  kind: 'person',
  proof: 'sso',
  issuer: 'https://id.example',
  subject: 'ada',
  label: 'ada@example.org',
} as const;

function intent(id: string, label = 'Ada'): Entry {
  return {
    kind: 'intent',
    id,
    act: 'vault.create',
    actor,
    platform: 'https://api.anthropic.com',
    target: { kind: 'vault', id: undefined, label },
  };
}

const signedIn = { ...actor, acr: 'urn:x', amr: ['pwd', 'otp "a"', ''], auth_time: 1_796_000_000 };
const outcome = (id: string): Entry => ({ kind: 'outcome', id, outcome: 'success', attempts: 1 });

/** A record of some acts. */
async function written(acts = 3, largestFile?: number): Promise<void> {
  const log = recordIn({ folder, ...(largestFile !== undefined && { largestFile }) });
  for (let act = 0; act < acts; act += 1) {
    await log.append(intent(String(act)));
    await log.append(outcome(String(act)));
  }
}

const faults = async () => (await verifyRecord(folder)).findings.filter(({ severity }) => severity === 'fault');

describe('the text of a line (RFC 8785)', () => {
  test.each<[RecordValue, string]>([
    [{ b: 1, a: 'x' }, '{"a":"x","b":1}'],
    // The order of RFC 8785 section 3.2.3 is that of UTF-16 code units.
    [
      { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 },
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    ],
    ['\u20ac$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
    [[null, true, -1, { toJSON: 'x', a: 1 }], '[null,true,-1,{"a":1,"toJSON":"x"}]'],
    [JSON.parse('{"__proto__":1,"a":2}') as RecordValue, '{"__proto__":1,"a":2}'],
  ])('%j', (value, text) => {
    expect(canonicalText(value)).toBe(text);
  });

  test.each<[string, unknown]>([
    ['a fraction', 1.5],
    ['a number that is not safe', 2 ** 53],
    ['minus nothing', -0],
    ['not a number', Number.NaN],
    ['undefined in a list', [undefined]],
    ['a hole in a list', new Array(2)],
    ['an undefined member', { a: undefined }],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a boxed text', new String('x')],
    ['a function', () => {}],
    ['a bigint', 1n],
    ['half a character', 'a\ud83d'],
    ['the other half, in a name', { '\ude00': 1 }],
  ])('holds no %s', (_what, value) => {
    expect(() => canonicalText(value as RecordValue)).toThrow(TypeError);
  });

  test('one shared object is no circle', () => {
    const shared = { a: 1 };
    expect(canonicalText({ after: shared, before: shared })).toBe('{"after":{"a":1},"before":{"a":1}}');
  });
});

describe('the same text by the packages canonicalize and json-canonicalize, where they are right', () => {
  const others = (value: unknown) => [canonicalize(value), json.canonicalize(value)];

  // The vectors of the RFC's reference implementation (cyberphone/json-canonicalization), where numbers are integers.
  test.each<[string, RecordValue, string]>([
    ['arrays', [56, { d: true, '10': null, '1': [] }], '[56,{"1":[],"10":null,"d":true}]'],
    [
      'french',
      {
        peach: 'This sorting order',
        péché: 'is wrong according to French',
        pêche: 'but canonicalization MUST',
        sin: 'ignore locale',
      },
      '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
    ],
    [
      'structures',
      { '1': { f: { f: 'hi', F: 5 }, '\n': 56 }, '10': {}, '': 'empty', a: {}, '111': [{ e: 'yes', E: 'no' }], A: {} },
      '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
    ],
    ['unicode', { 'Unnormalized Unicode': 'A\u030a' }, '{"Unnormalized Unicode":"A\u030a"}'],
    [
      'weird',
      {
        '\u20ac': 'Euro Sign',
        '\r': 'Carriage Return',
        '\n': 'Newline',
        '1': 'One',
        '\u0080': 'Control\u007f',
        '\ud83d\ude02': 'Smiley',
        '\u00f6': 'Latin Small Letter O With Diaeresis',
        '\ufb33': 'Hebrew Letter Dalet With Dagesh',
        '</script>': 'Browser Challenge',
      },
      '{"\\n":"Newline","\\r":"Carriage Return","1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f","\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\ud83d\ude02":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    ],
  ])('%s', (_what, value, text) => {
    expect([canonicalText(value), ...others(value)]).toEqual([text, text, text]);
  });

  test('of any values that a record may hold', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    // A member of this name stops one of them from sorting.
    const name = text.filter((each) => each !== 'toJSON');
    const { value } = fc.letrec<{ value: RecordValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(name, tie('value'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(value, (each) => {
        const own = canonicalText(each);
        expect(others(each)).toEqual([own, own]);
      }),
      { numRuns: 300 },
    );
  });

  test('of the lines of a record', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 3 }), fc.nat(), (label, mark, amr, seconds) => {
        const entry = { ...intent('1', label), mark, actor: { ...signedIn, amr, auth_time: seconds } } as Entry;
        const { text: line } = writeLine({ log: 'l', count: 1, hash: noHash }, entry, 'now');
        expect(others(JSON.parse(line))).toEqual([line, line]);
      }),
      { numRuns: 300 },
    );
  });
});

const call: Entry = {
  kind: 'call',
  session: 'sesn_1',
  call: 'sevt_1',
  happened: '2026-11-29T12:00:00.000Z',
  responsible: actor,
  agent: { id: 'agent_1', version: '3', name: 'support' },
  service: 'notion',
  tool: 'notion-search',
  input: sha256('{}'),
  characters: 2,
  permission: 'ask',
  delegation: { verdict: 'ask', rule: 'agents/support.yaml' },
  answer: 'allow',
  confirmer: actor,
  result: 'success',
  platform: 'https://api.anthropic.com',
  trace: 'a'.repeat(32),
};

describe('what a line may hold', () => {
  const tools = [{ service: 'notion', tool: 'notion-search', verdict: 'on', rule: 'x' }];
  const grounds = { delegation: { verdict: 'allow', rule: 'x' }, agent: { id: 'a', version: '1' }, tools, mark: 'm' };
  const head = { log: 'l', count: 0, hash: noHash };

  test.each<[string, Entry]>([
    [
      'an act with what it rests on',
      { ...intent('1'), ...grounds, trace: 't', config: 'c', call: 'e', answer: 'deny' } as Entry,
    ],
    ['a tool call', call],
    ['an act of whom the provider says how', { ...intent('1'), actor: signedIn } as Entry],
    ['how far a session was read', { kind: 'pulled', session: 's', through: '', state: 'open', platform: 'x' }],
  ])('%s is read as it was written', (_what, entry) => {
    const { text } = writeLine(head, entry, 'now');
    expect(readLine(text)?.entry).toEqual(JSON.parse(JSON.stringify(entry)));
    expect(text).toBe(canonicalText(JSON.parse(text) as RecordValue));
  });

  test.each<[string, object]>([
    ['a verdict on a tool with more to say', { ...intent('1'), tools: [{ ...tools[0], token: 'secret' }] }],
    ['a verdict on a tool without its rule', { ...intent('1'), tools: [{ service: 'a', tool: 'b', verdict: 'on' }] }],
    ['one verdict that is in no list', { ...intent('1'), tools: tools[0] }],
    ['a method of signing in that is no text', { ...intent('1'), actor: { ...actor, amr: [{ token: 'secret' }] } }],
    ['methods that are no list', { ...intent('1'), actor: { ...actor, amr: 'secret' } }],
    ['half a second in a sign-in', { ...intent('1'), actor: { ...actor, auth_time: 1.5 } }],
    ['a tool call with a result of its own', { ...call, content: 'secret' }],
    ['a tool call for which nobody answers', { ...call, responsible: undefined }],
    ['a tool call of an agent with a key', { ...call, agent: { id: 'a', version: '1', key: 'secret' } }],
  ])('%s is no line, and is not written', (_what, entry) => {
    const members = JSON.parse(JSON.stringify(entry)) as RecordObject;
    expect(
      readLine(canonicalJson({ ...members, at: 'now', count: 1, log: 'l', previous: noHash, v: 1 })),
    ).toBeUndefined();
    // What is declared is written without the rest, so that it can be read; what lacks something is refused.
    let text: string | undefined;
    try {
      ({ text } = writeLine(head, entry as Entry, 'now'));
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
    }
    expect(text ?? '').not.toContain('secret');
    if (text !== undefined) expect(readLine(text)).toBeDefined();
  });
});

test.each([1.5, 2 ** 53, -0, '1'])('a number that is %o is not written: nobody could read the line', (attempts) => {
  const entry = { ...outcome('1'), attempts } as Entry;
  expect(() => writeLine({ log: 'l', count: 0, hash: noHash }, entry, 'now')).toThrow(TypeError);
});

describe('an entry that is longer than a line', () => {
  const long = (characters: number): Entry => {
    return { ...(call as Extract<Entry, { kind: 'call' }>), arguments: `"${'😀"\\'.repeat(characters / 4)}` };
  };
  const entries = async () => {
    const seen: Entry[] = [];
    const { findings } = await verifyRecord(folder, ({ entry }) => seen.push(entry));
    return { seen, findings };
  };

  test.each([40_000, 2_000_000])('of %i characters is split, and read as it was written', async (characters) => {
    // Further files begin between its parts.
    const log = recordIn({ folder, largestFile: 200_000 });
    await Promise.all([log.append(intent('1')), log.append(long(characters)), log.append(outcome('1'))]);
    const lines = (await Promise.all((await recordFiles(folder)).map((name) => readFile(file(name), 'utf8'))))
      .join('')
      .split('\n');
    expect(lines.filter((line) => line.includes('"part"')).length).toBeGreaterThan(1);
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(256 * 1024);
    const { seen, findings } = await entries();
    expect(findings).toEqual([]);
    expect(seen.filter(({ kind }) => kind === 'call')).toEqual([long(characters)]);
    // The next run finds the end of it.
    await recordIn({ folder }).append(intent('2'));
    expect((await entries()).findings).toMatchObject([{ severity: 'notice' }]);
  });

  test('whose run was cut off between its parts is told, and is no entry', async () => {
    await recordIn({ folder }).append(long(100_000));
    const lines = (await readFile(file(), 'utf8')).trimEnd().split('\n');
    await writeFile(file(), `${lines.slice(0, 3).join('\n')}\n`);
    await written(1);
    const { seen, findings } = await entries();
    expect(findings).toMatchObject([{ severity: 'notice', line: 2, what: 'a run was cut off within this entry' }]);
    expect(seen.map(({ kind }) => kind)).toEqual(['began', 'part', 'intent', 'outcome']);
  });

  test.each<[string, (parts: Part[]) => Part[], string]>([
    ['a part of another entry', ([a, b]) => [a, { ...b, text: 'x' }] as Part[], 'not those of one entry'],
    [
      'a part whose text was exchanged for one as long',
      ([a, b]) => [{ ...a, text: a?.text.replace('"allow"', '"never"') }, b] as Part[],
      'not those of one entry',
    ],
    ['a part that is doubled', ([a, b]) => [a, b, b] as Part[], 'does not belong'],
    ['a part without those before it', ([_a, b]) => [b] as Part[], 'does not belong'],
  ])('%s does not pass', async (_what, change, found) => {
    const parts = inLines(long(40_000)) as Part[];
    expect(parts).toHaveLength(2);
    const log = recordIn({ folder });
    for (const part of change(parts)) await log.append(part);
    expect((await faults()).map(({ what }) => what).join('; ')).toContain(found);
  });
});

type Part = Extract<Entry, { kind: 'part' }>;

describe('the chain', () => {
  test('each line names the one before by the digest of its bytes, and a whole record has no findings', async () => {
    await written();
    const text = await readFile(file(), 'utf8');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(7);
    let previous = noHash;
    for (const line of lines) {
      expect(readLine(line)?.previous).toBe(previous);
      previous = sha256(line);
    }
    expect(await verifyRecord(folder)).toMatchObject({ head: { count: 7, hash: previous }, lines: 7, findings: [] });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  test('goes on in the next run, in further files, and where several processes write', async () => {
    await written(3, 900);
    await written(3, 900);
    expect((await recordFiles(folder)).length).toBeGreaterThan(2);
    const script = `
      import { recordIn } from ${JSON.stringify(fileURLToPath(new URL('log.ts', import.meta.url)))};
      const log = recordIn({ folder: ${JSON.stringify(folder)}});
      await Promise.all(Array.from({ length: 50 }, (_, index) => {
        const id = process.pid + '-' + index;
        return log.append({ kind: 'intent', id, act: 'vault.create', actor: ${JSON.stringify(actor)}, platform: 'x', target: { kind: 'vault', label: '' } })
          .then(() => log.append({ kind: 'outcome', id, outcome: 'success', attempts: 1 }));
      }));
        `;
    const writers = Array.from({ length: 3 }, async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (text) => (said += String(text)));
      const code = await new Promise((resolve) => child.once('close', resolve));
      expect([code, said]).toEqual([0, '']);
    });
    await Promise.all(writers);
    const { findings, lines } = await verifyRecord(folder);
    expect(findings.filter(({ what }) => what !== 'the clock went back')).toEqual([]);
    expect(lines).toBeGreaterThanOrEqual(300);
  });

  /** Each manipulation, and what it is found by. */
  test.each<[string, (lines: string[]) => string[], string]>([
    [
      'a word changed',
      (lines) => lines.map((line, at) => (at === 3 ? line.replace('Ada', 'Eve') : line)),
      'the line before this one is not the one that was written',
    ],
    [
      'a word of the last line changed',
      (lines) => lines.map((line, at) => (at === 5 ? line.replace('"2"', '"9"') : line)),
      'the line before this one is not the one that was written',
    ],
    ['a line taken out', (lines) => lines.filter((_, at) => at !== 3), 'lines are missing, doubled or moved'],
    ['the first lines taken out', (lines) => lines.slice(2), 'lines are missing before this one'],
    [
      'two lines changed about',
      (lines) => [...lines.slice(0, 2), lines[3] ?? '', lines[2] ?? '', ...lines.slice(4)],
      'lines are missing, doubled or moved',
    ],
    [
      'a line twice',
      (lines) => [...lines.slice(0, 3), lines[2] ?? '', ...lines.slice(3)],
      'lines are missing, doubled or moved',
    ],
    [
      'the same line in another form',
      (lines) => lines.map((line, at) => (at === 3 ? line.replace('":', '": ') : line)),
      'this is no line of a record',
    ],
    [
      'a member twice',
      (lines) => lines.map((line, at) => (at === 3 ? line.replace('{', '{"act":"vault.archive",') : line)),
      'this is no line of a record',
    ],
    [
      'a member that no line has',
      (lines) => lines.map((line, at) => (at === 3 ? line.replace('"at":', '"as":"x","at":') : line)),
      'this is no line of a record',
    ],
    ['an empty line', (lines) => [...lines.slice(0, 3), '', ...lines.slice(3)], 'this is no line of a record'],
    [
      'a line of another machine',
      (lines) => {
        const third = readLine(lines[2] ?? '');
        const spliced = writeLine(
          { log: 'another', count: 3, hash: sha256(lines[2] ?? '') },
          third?.entry ?? { kind: 'began' },
          now().toISOString(),
        );
        return [...lines.slice(0, 3), spliced.text, ...lines.slice(4)];
      },
      'this line is of another record',
    ],
    [
      'an outcome that nobody announced',
      (lines) => {
        const last = lines.at(-1) ?? '';
        const { log = '', count = 0 } = readLine(last) ?? {};
        return [...lines, writeLine({ log, count, hash: sha256(last) }, outcome('never'), now().toISOString()).text];
      },
      'an outcome of an act that was never announced',
    ],
  ])('%s does not pass', async (_what, change, found) => {
    await written();
    const lines = (await readFile(file(), 'utf8')).trimEnd().split('\n');
    await writeFile(file(), `${change(lines).join('\n')}\n`);
    expect((await faults()).map(({ what }) => what).join('; ')).toContain(found);
  });

  test('a fault behind more notices than are shown does not pass', async () => {
    // The clock goes back with each line.
    let head = { log: 'one', count: 0, hash: noHash };
    const lines = Array.from({ length: 150 }, (_, index) => {
      const entry = index === 0 ? ({ kind: 'began' } as const) : intent(String(index));
      const line = writeLine(head, entry, new Date(2e12 - index * 1000).toISOString());
      ({ head } = line);
      return line.text;
    });
    await writeFile(file(), `${lines.join('\n')}\n`, { mode: 0o600 });
    expect(await faults()).toEqual([]);
    const edited = lines.map((line, index) => (index === 140 ? line.replace('Ada', 'Eve') : line));
    await writeFile(file(), `${edited.join('\n')}\n`);
    expect(await faults()).toMatchObject([{ line: 142 }]);
  });

  test('a clock that went back is told, and is no fault', async () => {
    for (const time of ['2026-11-29T12:00:00.001Z', '2026-11-29T12:00:00.000Z', '2026-11-29T12:00:00.000Z']) {
      const then = { ...machineClock, now: () => new Date(time) };
      await inTimeOf(then, () => recordIn({ folder }).append(outcome(time)));
    }
    const { findings } = await verifyRecord(folder);
    expect(findings.filter(({ what }) => what.includes('clock'))).toMatchObject([
      { severity: 'notice', line: 3, what: 'the clock went back' },
    ]);
  });

  test('a file that is missing between two others does not pass', async () => {
    await written(6, 900);
    await rm(file('record-000002.jsonl'));
    expect((await faults()).map(({ what }) => what).join('; ')).toContain('files are missing or out of order');
  });
});

describe('a line in another form than its own', () => {
  const plain = writeLine({ log: 'l', count: 99, hash: noHash }, outcome('1'), 'now').text;
  const escaped = writeLine({ log: 'l', count: 99, hash: noHash }, intent('1', 'a"\\\n'), 'now').text;
  test.each<[string, string]>([
    ['a number with an exponent', plain.replace('"count":100', '"count":1e2')],
    ['a number with a fraction', plain.replace('"attempts":1', '"attempts":1.0')],
    ['minus nothing', plain.replace('"attempts":1', '"attempts":-0')],
    ['a space', plain.replace('":1', '": 1')],
    ['a space at its end', `${plain} `],
    ['a text escaped that need not be', plain.replace('"now"', '"\\u006eow"')],
    ['an escape in capitals', escaped.replace('\\n', '\\u000A')],
    ['a member twice', plain.replace('"attempts":1', '"attempts":1,"attempts":1')],
    ['members in another order', plain.replace('"at":"now","attempts":1', '"attempts":1,"at":"now"')],
    ['a kind that is no text', plain.replace('"kind":"outcome"', '"kind":{"toString":1,"valueOf":1}')],
    ['a number as a text', plain.replace('"attempts":1', '"attempts":"1"')],
  ])('with %s is none', (_what, changed) => {
    expect([changed === plain || changed === escaped, readLine(changed)]).toEqual([false, undefined]);
  });

  test('is none, and that in its own form is one', () => {
    for (const text of [plain, escaped]) expect(readLine(text)).toBeDefined();
  });
});

describe('a record that is read on', () => {
  test('reads nothing again, through pieces that crashes left and further files, and tells what is not as it was', async () => {
    await written(2, 700);
    const reading = await recordIn({ folder }).reading();
    const more = async () => {
      const counts: number[] = [];
      for await (const entries of reading.more()) counts.push(...entries.map(({ line }) => line.count));
      return counts;
    };
    const read = await more();
    expect(read).toEqual(Array.from({ length: read.length }, (_, index) => index + 1));
    expect((await recordFiles(folder)).length).toBeGreaterThan(1);
    const last = (await recordFiles(folder)).at(-1) ?? '';
    const before = await readFile(file(last), 'utf8');
    // What was read may become what it wants: nobody looks at it again.
    await writeFile(file(last), `${'x'.repeat(before.length - 1)}\n`);
    expect([await more(), reading.isAltered]).toEqual([[], false]);
    await writeFile(file(last), `${before}{"act":`);
    expect(await more()).toEqual([]);
    await written(2, 700);
    const added = await more();
    expect(added[0]).toBe(read.length + 1);
    expect([added.length > 4, reading.isAltered]).toEqual([true, false]);
    const end = (await recordFiles(folder)).at(-1) ?? '';
    await appendFile(file(end), 'hello\nhello\n');
    await more();
    expect(reading.isAltered).toBe(true);
    await truncate(file(end), 10);
    await expect(more()).rejects.toMatchObject({ code: 'file_system' });
  });
});

describe('a run that was cut off', () => {
  test('at every byte of a line: the next run says what is left, and nothing is taken away', async () => {
    await written(1);
    const whole = await readFile(file());
    const last = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let length = last; length < whole.length; length += 1) {
      await writeFile(file(), whole);
      await truncate(file(), length);
      const log = recordIn({ folder });
      await log.append(intent('next'));
      const { findings } = await verifyRecord(folder);
      expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
      expect((await readFile(file())).subarray(0, length)).toEqual(whole.subarray(0, length));
      expect(findings.some(({ what }) => what.startsWith('a crash left'))).toBe(
        length > last && length < whole.length - 1,
      );
    }
  });

  test('anywhere in the first line of a record, and of a further file: the next run goes on', async () => {
    await written(1, 400);
    const [first = '', second = ''] = await recordFiles(folder);
    const cut = async (name: string, others: readonly string[]) => {
      const whole = await readFile(file(name));
      for (let length = 0; length < whole.indexOf(0x0a); length += 1) {
        for (const each of await recordFiles(folder)) if (!others.includes(each)) await rm(file(each));
        await writeFile(file(name), whole.subarray(0, length), { mode: 0o600 });
        await recordIn({ folder }).append(intent('next'));
        const { findings, lines } = await verifyRecord(folder);
        expect([length, findings.filter(({ severity }) => severity === 'fault')]).toEqual([length, []]);
        expect(lines).toBeGreaterThan(1);
      }
    };
    await cut(second, [first]);
    await cut(first, []);
  });

  test('within the line that fills a file: it is told in that file, before the next one begins', async () => {
    await written(1);
    const whole = await readFile(file());
    const last = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    // All of the line but its end, and half of it: both are as large as a file may become.
    for (const length of [whole.length - 1, last + 100]) {
      await rm(file('record-000002.jsonl'), { force: true });
      await writeFile(file(), whole.subarray(0, length));
      const log = recordIn({ folder, largestFile: length });
      await log.append(intent('next'));
      await log.append(outcome('next'));
      expect(await recordFiles(folder)).toHaveLength(2);
      expect(await faults()).toEqual([]);
    }
  });

  test('garbage in place of a repaired piece does not pass', async () => {
    await written(1);
    await appendFile(file(), '{"act":"vault');
    await written(1);
    const text = await readFile(file(), 'utf8');
    expect(await faults()).toEqual([]);
    await writeFile(file(), text.replace('{"act":"vault\n', '{"act":"agent\n'));
    expect((await faults()).map(({ what }) => what)).toEqual(['this is no line of a record']);
  });
});

describe('a record that cannot be written', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['a folder that others write in', () => chmod(folder, 0o777)],
    [
      'a file that others read',
      async () => {
        await writeFile(file(), '');
        await chmod(file(), 0o644);
      },
    ],
    [
      'a link in place of the file',
      async () => {
        await writeFile(join(folder, 'x'), '', { mode: 0o600 });
        await symlink(join(folder, 'x'), file());
      },
    ],
    ['a last line that is none of ours', () => writeFile(file(), 'hello\n', { mode: 0o600 })],
    ['a folder in place of the file', () => mkdir(file())],
  ])('%s: record_unwritable, and again for whatever comes next', async (_what, spoil) => {
    await spoil();
    const log = recordIn({ folder });
    await expect(log.append(intent('1'))).rejects.toMatchObject({ code: 'record_unwritable' });
    await expect(log.append(intent('2'))).rejects.toMatchObject({ code: 'record_unwritable' });
  });

  test('a disk that once does not keep what it was given: that and all that follows in this run is refused', async () => {
    await written(1);
    const { fdatasync } = fs;
    let asked = 0;
    const once = (_file: number, done: (error: Error) => void) => {
      asked += 1;
      done(new Error('EIO: i/o error, fdatasync'));
      instead(fdatasync);
    };
    const instead = (other: unknown) => {
      fs.fdatasync = other as typeof fdatasync;
      syncBuiltinESMExports();
    };
    const log = recordIn({ folder });
    instead(once);
    try {
      const said = await Promise.allSettled([log.append(intent('1')), log.append(intent('2'))]);
      said.push(...(await Promise.allSettled([log.append(intent('3'))])));
      expect(said.map((each) => each.status === 'rejected' && (each.reason as { code: string }).code)).toEqual(
        Array.from({ length: 3 }, () => 'record_unwritable'),
      );
      expect(asked).toBe(1);
    } finally {
      instead(fdatasync);
    }
    // What the disk has of it all the same is a line; the next run goes on behind it.
    await recordIn({ folder }).append(intent('4'));
    expect(await faults()).toEqual([]);
  });

  test('what a disk did not keep is written again by the next run before anything else, else that one is refused too', async () => {
    await written(1);
    const { fdatasync, fdatasyncSync, writeSync } = fs;
    const instead = (others: Partial<typeof fs>) => {
      Object.assign(fs, { fdatasync, fdatasyncSync, writeSync }, others);
      syncBuiltinESMExports();
    };
    const failed = new Error('EIO: i/o error, fdatasync');
    const told = async () => (await verifyRecord(folder)).findings.filter(({ what }) => what.includes('did not keep'));
    try {
      instead({ fdatasync: ((_file: number, done: (error: Error) => void) => done(failed)) as never });
      await expect(recordIn({ folder }).append(intent('lost'))).rejects.toMatchObject({ code: 'record_unwritable' });
      expect(await told()).toMatchObject([{ severity: 'notice', file: 'record-000001.jsonl' }]);
      const whole = await readFile(file());
      // The disk fails once more: nothing is added.
      instead({
        fdatasyncSync() {
          throw failed;
        },
      });
      await expect(recordIn({ folder }).append(intent('lost'))).rejects.toMatchObject({ code: 'record_unwritable' });
      expect([await readFile(file()), (await told()).length]).toEqual([whole, 1]);
      // It is there again: every byte goes to it, and then what is new.
      const did: [string, number, number | null][] = [];
      instead({
        fdatasyncSync(descriptor) {
          did.push(['sync', 0, null]);
          fdatasyncSync(descriptor);
        },
        writeSync: ((descriptor: number, bytes: Buffer, offset?: number, length?: number, at: number | null = null) => {
          if (bytes.includes('"kind":')) did.push(['write', length ?? bytes.length, at]);
          return writeSync(descriptor, bytes, offset, length, at);
        }) as never,
      });
      await recordIn({ folder }).append(intent('next'));
      expect(did).toEqual([
        ['write', whole.length, 0],
        ['sync', 0, null],
        ['write', expect.any(Number), null],
      ]);
      expect((await readFile(file())).subarray(0, whole.length)).toEqual(whole);
      expect([await told(), await faults()]).toEqual([[], []]);
      did.length = 0;
      await recordIn({ folder }).append(intent('after'));
      expect(did).toHaveLength(1);
      // Also of a file that nobody writes to any more; a mark without a file makes none.
      await recordIn({ folder, largestFile: 1 }).append(intent('further'));
      for (const name of ['record-000001.jsonl', 'record-000009.jsonl']) await writeFile(file(`${name}.unkept`), '');
      expect(await told()).toHaveLength(1);
      await recordIn({ folder }).append(intent('last'));
      expect([await told(), await recordFiles(folder)]).toEqual([[], ['record-000001.jsonl', 'record-000002.jsonl']]);
    } finally {
      instead({});
    }
  });

  test('a file that was taken away or exchanged while the disk was waited for: lines go to the one of its name', async () => {
    const { fdatasync } = fs;
    const instead = (other: unknown) => {
      fs.fdatasync = other as typeof fdatasync;
      syncBuiltinESMExports();
    };
    const copied = async () => {
      await writeFile(file('copy'), await readFile(file()), { mode: 0o600 });
      await rename(file('copy'), file());
    };
    try {
      for (const change of [copied, () => rm(file())]) {
        const log = recordIn({ folder });
        let second: Promise<unknown> | undefined;
        instead((descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) => {
          instead(fdatasync);
          // It comes while the first one is on its way.
          second = log.append(intent('second'));
          void change().then(() => fdatasync(descriptor, done));
        });
        await log.append(intent('first'));
        await second;
        expect(await readFile(file(), 'utf8')).toContain('"second"');
        expect(await faults()).toEqual([]);
        await rm(file());
      }
    } finally {
      instead(fdatasync);
    }
  });

  test('a file that cannot be closed: others can write all the same', async () => {
    const { closeSync } = fs;
    const instead = (other: typeof closeSync) => {
      fs.closeSync = other;
      syncBuiltinESMExports();
    };
    const log = recordIn({ folder });
    await log.append(intent('1'));
    instead((descriptor) => {
      closeSync(descriptor);
      throw new Error('EIO: i/o error, close');
    });
    try {
      // The turn that it comes in is the second one, which has the file open already.
      await Promise.allSettled([log.append(intent('2'))]);
      await expect.poll(() => readdir(folder)).not.toContain('record.lock');
    } finally {
      instead(closeSync);
    }
    await recordIn({ folder }).append(intent('3'));
    expect(await faults()).toEqual([]);
  });

  test('a disk that is full in the middle of a line: nothing is announced, and the piece is told of later', async () => {
    await written(1);
    const { size } = await stat(file());
    // The limit of a file's size stands in for the disk: a write that reaches it writes a part (setrlimit(2)).
    const blocks = Math.ceil(size / 1024) + 1;
    const script = `
      process.on('SIGXFSZ', () => {});
      const { recordIn } = await import(${JSON.stringify(fileURLToPath(new URL('log.ts', import.meta.url)))});
      const log = recordIn({ folder: ${JSON.stringify(folder)}});
      const said = [];
      for (let id = 0; id < 20; id += 1) {
        await log.append({ kind: 'intent', id: 'full-' + id, act: 'vault.create', actor: ${JSON.stringify(actor)}, platform: 'x', target: { kind: 'vault', label: '' } }).then(() => said.push('ok'), (error) => said.push(error.code));
      }
      console.log(JSON.stringify(said));
    `;
    const command = `ulimit -f ${blocks}; exec "$0" --import tsx --input-type=module -e "$1"`;
    const child = spawn('bash', ['-c', command, process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (text) => (printed += String(text)));
    await new Promise((resolve) => child.once('close', resolve));
    const said = JSON.parse(printed) as string[];
    const refused = said.indexOf('record_unwritable');
    expect(refused).toBeGreaterThan(0);
    expect(said.slice(refused).every((code) => code === 'record_unwritable')).toBe(true);
    await written(1);
    const { findings } = await verifyRecord(folder, undefined);
    expect(findings.filter(({ severity }) => severity === 'fault')).toEqual([]);
    const kept = (await readFile(file(), 'utf8'))
      .split('\n')
      .filter((line) => line.includes('full-') && readLine(line) !== undefined);
    expect(kept).toHaveLength(refused);
  });
});
