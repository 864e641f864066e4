import fc from 'fast-check';
import { expect, test } from 'vitest';
import { processorMs } from '../../test/support/processor-time.ts';
import { type Content, contentDiff } from './diff.ts';

const content = (files: Record<string, string | Uint8Array>): Content =>
  new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data)]));

const diff = (before: Record<string, string | Uint8Array>, after: Record<string, string | Uint8Array>) =>
  contentDiff('notes', content(before), content(after));

const numbered = (count: number, letter = '') => Array.from({ length: count }, (_, n) => `${letter}${n}\n`).join('');

test('nothing changed, nothing is said', () => {
  expect(diff({}, {})).toBe('');
  expect(diff({ 'SKILL.md': 'a', b: new Uint8Array([0]) }, { b: new Uint8Array([0]), 'SKILL.md': 'a' })).toBe('');
});

test('changed, new and removed files in the order of their paths, with three lines around a change', () => {
  const before = { 'SKILL.md': '1\n2\n3\n4\n5\n6\n7\n8\n', 'a/gone.md': 'was\n', same: 'x' };
  const after = { 'b/new.md': 'is\n', 'SKILL.md': '1\n2\n3\n4\nfive\n6\n7\n8\n', same: 'x', empty: '' };
  expect(diff(before, after)).toBe(
    [
      '--- platform/notes/SKILL.md',
      '+++ folder/notes/SKILL.md',
      '@@ -2,7 +2,7 @@',
      ' 2',
      ' 3',
      ' 4',
      '-5',
      '+five',
      ' 6',
      ' 7',
      ' 8',
      '--- platform/notes/a/gone.md',
      '+++ /dev/null',
      '@@ -1,1 +1,0 @@',
      '-was',
      '--- /dev/null',
      '+++ folder/notes/b/new.md',
      '@@ -1,0 +1,1 @@',
      '+is',
      '--- /dev/null',
      '+++ folder/notes/empty',
      '',
    ].join('\n'),
  );
});

test('a missing end of line is told', () => {
  expect(diff({ a: 'x\ny' }, { a: 'x\ny\n' })).toContain(' x\n-y\n\\ No newline at end of file\n+y\n');
});

test('other line endings are seen', () => expect(diff({ a: 'x\r\n' }, { a: 'x\n' })).toContain('-x\\u{d}\n+x\n'));

test('what is no text is told by its size and its hash', () => {
  expect(diff({ 'a.png': new Uint8Array([0, 1]) }, { 'a.png': new Uint8Array([0xff]) })).toBe(
    [
      '--- platform/notes/a.png',
      '+++ folder/notes/a.png',
      '-(2 bytes that are not shown, sha256 b413f47d13ee2fe6…)',
      '+(1 bytes that are not shown, sha256 a8100ae6aa1940d0…)',
      '',
    ].join('\n'),
  );
});

const hostile = [
  '\u001b[2J',
  '\u001b]8;;https://evil.example\u0007x',
  '\u202eevil',
  'zero\u200bwidth',
  '\u2028line',
  'a\rb',
  '\u{e0041}tag',
  '\u3164',
  '::set-output name=x::y',
  '\u00a0 ::stop-commands::x',
  'x ##[error]y',
];

test.each(hostile)('%j in a path, a changed line and an unchanged one does nothing [P9]', (text) => {
  const shown = diff({ [text]: `${text}\nold\n` }, { [text]: `${text}\n${text}new\n` });
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
  expect(shown).not.toContain('##[');
  expect(shown.split('\n').filter((line) => line.trimStart().startsWith('::'))).toEqual([]);
});

test('a long diff ends after 400 lines and says how much is left', () => {
  const lines = diff({ a: '', b: '', c: 'same' }, { a: numbered(500), b: 'x\n', c: 'same' }).split('\n');
  expect(lines.slice(399)).toEqual(['+396', '… left out: 103 lines and one more changed file', '']);
});

test('a wide diff ends after 64 KiB, a long line after 1,000 characters', () => {
  const wide = diff({}, { a: `${'x'.repeat(5_000)}\n`.repeat(150) });
  expect(Buffer.byteLength(wide)).toBeLessThan(66 * 1024);
  expect(wide).toContain(`\n+${'x'.repeat(999)}…\n`);
  expect(wide).toMatch(/\n… left out: \d+ lines\n$/);
});

test('a file that was written anew is shown as that', () => {
  const lines = diff({ a: numbered(2_000, 'a') }, { a: numbered(2_000, 'b') }).split('\n');
  expect([lines[2], lines[3], lines.at(-2)]).toEqual(['@@ -1,2000 +1,2000 @@', '-a0', '… left out: 3603 lines']);
});

test('two hostile versions of 4 MB, in one file or in thousands, do not hold anybody up [P9]', () => {
  const began = processorMs();
  const large = '\n'.repeat(4_000_000);
  expect(diff({ a: large }, { a: large.replaceAll('\n\n', 'a\n') })).toContain('bytes that are not shown');
  const many = (letter: string) =>
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`${n}`, numbered(15_000, letter)]));
  expect(diff(many('a'), many('b'))).toContain('39 more changed files');
  const spread = (last: string) =>
    Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`${n}`, `${'a\n'.repeat(500)}${last}`]));
  expect(diff(spread('x\n'), spread('y\n'))).toContain('more changed files');
  expect(processorMs() - began).toBeLessThan(5_000);
});

test('both contents of a small file can be read out of it', () => {
  const text = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n'), { maxLength: 12 }).map((lines) => lines.join(''));
  fc.assert(
    fc.property(text, text, (was, is) => {
      fc.pre(was !== is);
      const patch = diff({ a: was }, { a: is }).split('\n').slice(0, -1);
      // Little context, so only what changed is compared: every line that went was there, every one that came is.
      const of = (sign: string) => patch.slice(2).filter((line) => line.startsWith(sign));
      expect(of('-').length - of('+').length).toBe(was.split('\n').length - is.split('\n').length);
      for (const line of of('-')) expect(was.split('\n')).toContain(line.slice(1));
      for (const line of of('+')) expect(is.split('\n')).toContain(line.slice(1));
    }),
  );
});
