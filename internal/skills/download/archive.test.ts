import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { type Zippable, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { type HandmadeEntry, handmadeZip } from '../../../test/support/handmade-zip.ts';
import { processorMs } from '../../../test/support/processor-time.ts';
import { filesOfArchive } from './archive.ts';
import { ArchiveError } from './zip.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const skillFile: HandmadeEntry = { name: 'notes/SKILL.md', content: 'skill' };
const files = (archive: Uint8Array) =>
  Object.fromEntries([...filesOfArchive(archive)].map(([path, content]) => [path, Buffer.from(content).toString()]));
const expected = { 'SKILL.md': 'skill', 'a/ü.txt': 'b', 'a/empty': '' };

describe('an archive gives the files of the skill', () => {
  test.each<[string, Zippable]>([
    [
      'below one top folder',
      { 'notes/SKILL.md': bytes('skill'), 'notes/a/ü.txt': bytes('b'), 'notes/a/empty': bytes('') },
    ],
    ['at its root', { 'SKILL.md': bytes('skill'), 'a/ü.txt': bytes('b'), 'a/empty': bytes('') }],
    [
      'with folders listed',
      {
        'notes/': bytes(''),
        'notes/SKILL.md': bytes('skill'),
        'notes/a/': bytes(''),
        'notes/a/ü.txt': bytes('b'),
        'notes/a/empty': bytes(''),
      },
    ],
  ])('%s', (_case, content) => {
    expect(files(zipSync(content))).toEqual(expected);
    expect(files(zipSync(content, { level: 0 }))).toEqual(expected);
  });

  const withDescriptor = (after: Uint8Array, locally: object) =>
    handmadeZip([
      { ...skillFile, says: { flags: 0x808 }, locally: { crc: 0, packedSize: 0, size: 0, ...locally }, after },
      { name: 'notes/b', content: 'b' },
    ]);

  test('also from programs that write sizes behind the data, and from others that keep room for larger ones', () => {
    const both = { 'SKILL.md': 'skill', b: 'b' };
    for (const length of [12, 16, 20, 24]) expect(files(withDescriptor(new Uint8Array(length), {}))).toEqual(both);
    expect(files(withDescriptor(new Uint8Array(24), { packedSize: 0xffffffff, size: 0xffffffff }))).toEqual(both);
  });

  test('with modes of files and folders, a comment, and extra fields such as times', () => {
    const extra = Buffer.from([0x55, 0x54, 5, 0, 3, 1, 2, 3, 4]);
    const archive = handmadeZip(
      [
        { name: 'notes/', method: 0, attributes: (0o040755 << 16) | 0x10 },
        { ...skillFile, attributes: 0o100644 << 16, says: { extra } },
        { name: 'notes/run.sh', method: 0, content: 'echo', attributes: (0o100755 << 16) | 0x20 },
      ],
      { comment: bytes('made by hand') },
    );
    expect(files(archive)).toEqual({ 'SKILL.md': 'skill', 'run.sh': 'echo' });
  });

  test('with 10,000 entries, in a moment', () => {
    const many = Object.fromEntries(Array.from({ length: 9_999 }, (_, index) => [`notes/${index}`, bytes('x')]));
    expect(filesOfArchive(zipSync({ 'notes/SKILL.md': bytes('skill'), ...many })).size).toBe(10_000);
  });
});

const valid = handmadeZip([skillFile, { name: 'notes/a.txt', content: 'aaaa' }]);
/** A bomb: a few bytes that unpack to 50 MB. */
const zeros = new Uint8Array(50_000_000);
const bomb = deflateRawSync(zeros);
const linked = (attributes: number): HandmadeEntry[] => [
  skillFile,
  { name: 'notes/link', content: '../../../etc/passwd', attributes },
];
const named = (name: string | Uint8Array): HandmadeEntry[] => [skillFile, { name, content: 'x' }];
const otherName = Buffer.concat([Buffer.from([0x75, 0x70, 6, 0, 1, 0, 0, 0, 0]), Buffer.from('b')]);

describe('an archive is refused', () => {
  test.each<[string, Uint8Array, string]>([
    ['that is empty', new Uint8Array(), 'it is not a zip file, or it was cut off'],
    ['that is JSON', bytes('{"type":"error"}'), 'it is not a zip file'],
    ['that is a page', bytes(`<html>${' '.repeat(100)}</html>`), 'it is not a zip file'],
    ['whose end is missing', valid.subarray(0, -1), 'it is not a zip file, or it was cut off'],
    ['that holds nothing', handmadeZip([]), 'it holds no SKILL.md'],
    ['that lost its beginning', valid.subarray(10), 'its directory is not where its end says'],
    ['with something before it', Buffer.concat([bytes('#!/bin/sh\n'), valid]), 'not where its end says'],
    ['with something behind it', Buffer.concat([valid, bytes('x')]), 'it is not a zip file'],
    [
      'with an end in the comment of its end',
      handmadeZip([skillFile], { comment: valid.subarray(-22) }),
      'more than one end',
    ],
    ['on several disks', handmadeZip([skillFile], { disk: 1 }), 'not where its end says'],
    ['with fewer entries than it says', handmadeZip([skillFile], { count: 2 }), 'its directory is damaged'],
    ['with more entries than it says', handmadeZip(named('notes/x'), { count: 1 }), 'its directory is damaged'],
    ['with 10,001 entries', handmadeZip([], { count: 10_001 }), '10001 entries, more than a skill can have'],
    ['without SKILL.md', handmadeZip([{ name: 'notes/a' }]), 'it holds no SKILL.md'],
    ['with skill.md only', handmadeZip([{ name: 'notes/skill.md' }]), 'it holds no SKILL.md'],
    ['with SKILL.md further down', handmadeZip([{ name: 'notes/notes/SKILL.md' }]), 'it holds no SKILL.md'],
    ['whose SKILL.md is a folder', handmadeZip([{ name: 'notes/SKILL.md/' }]), 'it holds no SKILL.md'],
    ['with two top folders', handmadeZip(named('other/x')), '"other/x" lies outside of "notes/"'],
    ['with a folder beside the top one', handmadeZip(named('__MACOSX/')), 'folder with content'],
    ['with a file beside the top folder', handmadeZip(named('x')), '"x" lies outside of "notes/"'],
    ['with a folder that is beside', handmadeZip([skillFile, { name: 'x/' }]), '"x" lies outside of "notes/"'],
  ])('%s', expectRefused);

  test.each(
    [
      'notes/../../x',
      '../x',
      'notes/..',
      'notes/./x',
      'notes//x',
      '/etc/passwd',
      '/notes/x',
      'C:\\x',
      'c:/x',
      'notes/c:x',
      'notes\\x',
      'notes/..\\x',
      'notes/\0',
      'notes/SKILL.md\0.txt',
      'notes/a\nb',
      'notes/\u001b[2J',
      'notes/\u202etxt',
      'notes/\u200b',
      'notes/"',
      '',
      '.',
    ].map((name) => [JSON.stringify(name), name]),
  )('with the path %s [P9]', (_shown, name) => {
    expectRefused('', handmadeZip(named(name)), 'is not a path of a skill');
  });

  test.each<[string, HandmadeEntry[], string]>([
    ['the same path twice', named('notes/SKILL.md'), 'is there twice'],
    ['two folders of one name', [skillFile, { name: 'notes/a/' }, { name: 'notes/a/' }], 'is there twice'],
    [
      'paths that differ in case',
      [...named('notes/a'), { name: 'notes/A' }],
      'or differs from another name in its case',
    ],
    ['folders that differ in case', [...named('notes/a/x'), { name: 'notes/A/y' }], 'in its case only'],
    ['a top folder in two cases', named('Notes/x'), 'in its case only'],
    ['paths composed differently', [...named('notes/\u00fc'), { name: 'notes/u\u0308' }], 'is there twice'],
    ['a file that is a folder too', [...named('notes/a'), { name: 'notes/a/b' }], 'is there twice'],
    ['a folder that is a file too', [...named('notes/a/b'), { name: 'notes/a' }], 'is there twice'],
    ['a name that is not UTF-8', named(new Uint8Array([0x61, 0xff])), 'is not UTF-8'],
    [
      'another name in its local header',
      [{ ...skillFile, locally: { name: 'notes/SKILL.sh' } }],
      'described in two ways',
    ],
    ['a name of another length there', [{ ...skillFile, locally: { name: 'notes/SKILL.m' } }], 'SKILL.md" is'],
    ['another name in an extra field', [{ ...skillFile, says: { extra: otherName } }], 'two names'],
    ['another name in a local extra field', [{ ...skillFile, locally: { extra: otherName } }], 'two names'],
    ['an extra field that ends too late', [{ ...skillFile, says: { extra: otherName.subarray(0, 6) } }], 'damaged'],
    ['a symbolic link', linked(0o120777 << 16), '(a symbolic link?)'],
    ['a symbolic link that calls itself a folder of DOS too', linked((0o120777 << 16) | 0x10), '(a symbolic link?)'],
    ['a link of Windows', linked(0x400), '(a symbolic link?)'],
    ['a device', linked(0o060600 << 16), 'neither a file nor a folder'],
    ['a pipe', linked(0o010600 << 16), 'neither a file nor a folder'],
    ['a socket', linked(0o140600 << 16), 'neither a file nor a folder'],
    ['a folder that is named like a file', linked(0o040755 << 16), 'neither a file nor a folder'],
    ['a folder of DOS that is named like a file', linked(0x10), 'neither a file nor a folder'],
    [
      'a file that is named like a folder',
      [skillFile, { name: 'notes/a/', attributes: 0o100644 << 16 }],
      'neither a file',
    ],
    ['a label of a disk', linked(0x08), 'neither a file nor a folder'],
    ['an encrypted file', [{ ...skillFile, says: { flags: 1 } }], 'is encrypted'],
    ['a file that is encrypted in its local header', [{ ...skillFile, locally: { flags: 1 } }], 'is encrypted'],
    ['strong encryption', [{ ...skillFile, says: { flags: 0x41 } }], 'is encrypted'],
    ['a hidden directory', [{ ...skillFile, says: { flags: 0x2000 } }], 'is encrypted'],
    ['an unknown packing', [{ ...skillFile, method: 93 }], 'packed in an unknown way'],
    ['another packing in its local header', [{ ...skillFile, locally: { method: 0 } }], 'described in two ways'],
    ['another size in its local header', [{ ...skillFile, locally: { size: 4 } }], 'described in two ways'],
    ['no size in its local header', [{ ...skillFile, locally: { size: 0 } }], 'described in two ways'],
    ['sizes of zip64', [{ ...skillFile, says: { size: 0xffffffff } }], 'larger than any skill'],
    ['a wrong checksum', [{ ...skillFile, says: { crc: 1 } }], 'is damaged'],
    ['less than it says', [{ ...skillFile, says: { size: 6 } }], 'is damaged'],
    ['data that ends early', [{ ...skillFile, packed: deflateRawSync(bytes('skill')).subarray(0, -2) }], 'is damaged'],
    [
      'data behind its data',
      [{ ...skillFile, packed: Buffer.concat([deflateRawSync(bytes('skill')), bytes('#!/bin/sh')]) }],
      'ends before its data does',
    ],
    [
      'bytes between entries',
      [{ ...skillFile, after: bytes('x') }, { name: 'notes/x' }],
      'leave something between them',
    ],
    [
      'an entry that its directory does not list',
      [{ ...skillFile, after: handmadeZip([{ name: 'notes/hidden.sh', content: 'x' }]).subarray(0, 46) }],
      'leave something between them',
    ],
    ['a folder with content', [skillFile, { name: 'notes/a/', content: 'x' }], 'a folder with content'],
    [
      'entries that share their bytes',
      [skillFile, { name: 'notes/SKILL.md', content: 'skill', offset: 0 }],
      'overlap or leave something between them',
    ],
    ['an entry that begins nowhere', [{ ...skillFile, offset: 0x7fffffff }], 'is not where the directory says'],
    ['an entry that ends nowhere', [{ ...skillFile, says: { packedSize: 1_000_000 } }], 'is cut off'],
    ['more than a skill can have', [skillFile, { name: 'notes/zeros', content: zeros }], 'unpacks to 50000005 bytes'],
    [
      'a bomb that says it is small',
      [skillFile, { name: 'notes/zeros', packed: bomb, says: { size: 10, crc: crc32(zeros.subarray(0, 10)) } }],
      'unpacks to more than it says',
    ],
  ])('with %s [P9]', (name, entries, why) => expectRefused(name, handmadeZip(entries), why));

  test('whose small entries are together more than a skill can have', () => {
    const megabyte = new Uint8Array(2 ** 20);
    const pieces = Array.from({ length: 33 }, (_, index) => ({ name: `notes/${index}`, content: megabyte }));
    expectRefused('', handmadeZip([skillFile, ...pieces]), 'more than a skill can have');
  });

  test('at once when it is a bomb, whatever it says [P9]', () => {
    const many = Array.from({ length: 200 }, (_, index) => ({
      name: `notes/${index}`,
      packed: bomb,
      says: { size: 1, crc: crc32(new Uint8Array(1)) },
    }));
    const archive = handmadeZip([skillFile, ...many]);
    const [started, before] = [processorMs(), process.memoryUsage()];
    expectRefused('', archive, 'unpacks to more than it says');
    expect(processorMs() - started).toBeLessThan(500);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(10_000_000);
  });

  test('with a path of thousands of folders, as quickly', () => {
    const deep = `notes/${'a/'.repeat(30_000)}`;
    const archive = handmadeZip([
      skillFile,
      ...Array.from({ length: 100 }, (_, index) => ({ name: `${deep}${index}` })),
    ]);
    const started = processorMs();
    expect(filesOfArchive(archive).size).toBe(101);
    expect(processorMs() - started).toBeLessThan(5_000);
  });
});

/** Changes a copy of an archive, or makes another one. */
type Mutation = (archive: Uint8Array) => Uint8Array;

describe('any change to an archive', () => {
  const original = zipSync({
    'notes/SKILL.md': [bytes('# Notes\n'.repeat(20)), { os: 3, attrs: 0o100644 << 16 }],
    'notes/a/ü.txt': bytes('b'),
    'notes/a/empty': bytes(''),
    'notes/link': [bytes('../../etc/passwd'), { level: 0 }],
  });
  const mutation: fc.Arbitrary<Mutation> = fc.oneof(
    fc.record({ at: fc.nat(original.length - 1), to: fc.nat(255) }).map(({ at, to }) => (archive: Uint8Array) => {
      archive[at % archive.length] = to;
      return archive;
    }),
    fc
      .record({ at: fc.nat(original.length - 2), to: fc.constantFrom(0, 1, 0xff, 0xffff, 0x7fff, 0x8000) })
      .map(({ at, to }) => (archive: Uint8Array) => {
        if (archive.length > 1) new DataView(archive.buffer).setUint16(at % (archive.length - 1), to, true);
        return archive;
      }),
    fc
      .record({ from: fc.nat(original.length), length: fc.nat(60) })
      .map(({ from, length }) => (archive: Uint8Array) => {
        return new Uint8Array(Buffer.concat([archive.subarray(0, from), archive.subarray(from + length)]));
      }),
    fc
      .record({ at: fc.nat(original.length), more: fc.uint8Array({ maxLength: 60 }) })
      .map(({ at, more }) => (archive: Uint8Array) => {
        return new Uint8Array(Buffer.concat([archive.subarray(0, at), more, archive.subarray(at)]));
      }),
    fc
      .record({ from: fc.nat(original.length), to: fc.nat(original.length), length: fc.nat(80) })
      .map(({ from, to, length }) => (archive: Uint8Array) => {
        archive.copyWithin(to, from, from + length);
        return archive;
      }),
  );

  test('is one error or files inside of the folder, within a bound [P9]', () => {
    let [refused, taken] = [0, 0];
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const archive = mutations.reduce<Uint8Array>((current, mutate) => mutate(current), new Uint8Array(original));
        try {
          let total = 0;
          for (const [path, content] of filesOfArchive(archive)) {
            expect(path).toMatch(/^[^/\\:]+(\/[^/\\:]+)*$/);
            expect(path.split('/')).not.toContain('..');
            total += content.length;
          }
          expect(total).toBeLessThanOrEqual(32 * 2 ** 20);
          taken += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiveError);
          refused += 1;
        }
      }),
      { numRuns: 5_000 },
    );
    // Times and modes may change without harm, so some pass: this looks at both sides.
    expect(Math.min(refused, taken)).toBeGreaterThan(50);
  });

  test('of its bytes as a whole is refused or read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        expect(() => filesOfArchive(noise)).toThrow(ArchiveError);
      }),
    );
  });
});

function expectRefused(_case: string, archive: Uint8Array, why: string): void {
  let error: unknown;
  try {
    filesOfArchive(archive);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(ArchiveError);
  expect(error).toHaveProperty('message', expect.stringContaining(why));
}
