import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { filesOfArchive, hashOfFiles } from './download.ts';
import { hashOf, sha256 } from './hash.ts';

const hashOfArchive = (archive: Uint8Array) => hashOfFiles(filesOfArchive(archive));
const bytes = (text: string) => new TextEncoder().encode(text);
const expected = hashOf([
  { path: 'SKILL.md', sha256: sha256('skill') },
  { path: 'a/b.txt', sha256: sha256('b') },
]);

test('hashes an archive like the folder it came from, with a top folder or without, folders listed or not', () => {
  expect(hashOfArchive(zipSync({ 'SKILL.md': bytes('skill'), 'a/b.txt': bytes('b') }))).toBe(expected);
  expect(hashOfArchive(zipSync({ 'triage/a/b.txt': bytes('b'), 'triage/SKILL.md': bytes('skill') }))).toBe(expected);
  expect(
    hashOfArchive(
      zipSync({
        'triage/': new Uint8Array(),
        'triage/SKILL.md': bytes('skill'),
        'triage/a/': new Uint8Array(),
        'triage/a/b.txt': bytes('b'),
      }),
    ),
  ).toBe(expected);
});

test('tells an archive with a file outside the skill apart', () => {
  const archive = zipSync({ 'triage/SKILL.md': bytes('skill'), 'triage/a/b.txt': bytes('b'), 'other/c': bytes('c') });
  expect(hashOfArchive(archive)).not.toBe(expected);
  expect(hashOfArchive(zipSync({ 'triage/SKILL.md': bytes('skill'), 'a/b.txt': bytes('b') }))).not.toBe(expected);
});

test('refuses what is no zip file, and one that unpacks to more than a skill can have', () => {
  expect(() => hashOfArchive(bytes('<html>not found</html>'))).toThrow();
  expect(() => hashOfArchive(zipSync({ 'SKILL.md': new Uint8Array(30_000_001) }))).toThrow('more than a skill');
});
