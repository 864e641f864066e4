/** Archives as other programs make them: being strict must not mean that only our own pass. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchPath } from '../../../test/demo/executables.ts';
import { skipped } from '../../../test/support/skip.ts';
import { filesOfArchive } from './archive.ts';

const content: Readonly<Record<string, string>> = {
  'SKILL.md': 'skill\n'.repeat(50),
  'a/größe 漢字.txt': 'b',
  'a/empty': '',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zip-'));
  for (const [path, text] of Object.entries(content)) {
    await mkdir(dirname(join(folder, 'notes', path)), { recursive: true });
    await writeFile(join(folder, 'notes', path), text);
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Python writes to a stream that cannot be sought, as a server does that answers with an archive. */
const python = (body: string) => `
import io, os, sys, zipfile
class Stream(io.RawIOBase):
    def writable(self): return True
    def write(self, data): return sys.stdout.buffer.write(data)
    def seekable(self): return False
paths = [os.path.join(at, name) for at, _, names in os.walk("notes") for name in names]
${body}
`;
const streamed = python(`
with zipfile.ZipFile(Stream(), "w", zipfile.ZIP_DEFLATED) as archive:
    for path in paths: archive.write(path)
`);
const roomForMore = python(`
with zipfile.ZipFile(Stream(), "w", zipfile.ZIP_DEFLATED) as archive:
    for path in paths:
        with archive.open(path, "w", force_zip64=True) as file: file.write(open(path, "rb").read())
`);
const inMemory = python(`
memory = io.BytesIO()
with zipfile.ZipFile(memory, "w") as archive:
    for path in paths: archive.writestr(path, open(path, "rb").read())
sys.stdout.buffer.write(memory.getvalue())
`);

describe.each<[string, string, string[]]>([
  ['zip', 'zip', ['-q', '-r', 'out.zip', 'notes']],
  ['zip, to a pipe', 'zip', ['-q', '-r', '-', 'notes']],
  ['jar', 'jar', ['cMf', 'out.zip', 'notes']],
  ['Python, to a stream', 'python3', ['-c', streamed]],
  ['Python, with room for large files', 'python3', ['-c', roomForMore]],
  ['Python, in memory and unpacked', 'python3', ['-c', inMemory]],
])('an archive of %s', (_name, program, argv) => {
  const missing = spawnSync(program, ['--version']).error !== undefined;
  test.skipIf(skipped(missing && { reason: `there is no ${program}`, installable: false }))('is read', async () => {
    const made = spawnSync(program, argv, { cwd: folder, env: { PATH: searchPath, LC_ALL: 'C.UTF-8' } });
    expect(made.status, made.stderr.toString()).toBe(0);
    const archive = argv.includes('out.zip') ? await readFile(join(folder, 'out.zip')) : made.stdout;
    await rm(join(folder, 'out.zip'), { force: true });
    const files = filesOfArchive(new Uint8Array(archive));
    expect(Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]))).toEqual(
      content,
    );
  });
});
