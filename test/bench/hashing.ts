/** How fast skills are read, checked and hashed, beside `sha256sum` over the same files. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { build } from 'esbuild';
import { compare } from './measure.ts';
import { documentedHash } from './skill-hash.ts';

const entry = fileURLToPath(new URL('hash-skills.ts', import.meta.url));

/** Both whole processes, their start included. */
export interface HashingCost {
  ownMs: number;
  sha256sumMs: number;
  bytes: number;
  files: number;
}

/** Rejects unless both find the same hashes. */
export async function measureHashing(size: { skills: number; runs: number }): Promise<HashingCost> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-hashing-'));
  try {
    const program = join(folder, 'hash-skills.mjs');
    // As it is shipped: one bundled and minified file.
    await build({
      entryPoints: [entry],
      outfile: program,
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      banner: { js: 'const require=process.getBuiltinModule;' },
      logLevel: 'warning',
    });
    const skills = join(folder, 'skills');
    const { files, bytes } = await writeSkills(skills, size.skills);
    const hashes: { own: unknown; documented: unknown } = { own: undefined, documented: undefined };
    const costs = await compare(
      {
        words: [program, skills],
        check(stdout) {
          hashes.own = JSON.parse(stdout);
        },
      },
      {
        program: 'sha256sum',
        words: files,
        check(stdout) {
          hashes.documented = skillHashes(skills, stdout);
        },
      },
      size.runs,
      () => {
        if (!isDeepStrictEqual(hashes.own, hashes.documented)) throw new Error('the hashes are not those of sha256sum');
      },
    );
    if (Object.keys(hashes.own ?? {}).length !== size.skills) throw new Error('not every skill was hashed');
    if (!isDeepStrictEqual(hashes.own, hashes.documented)) throw new Error('the hashes are not those of sha256sum');
    return { ownMs: costs.subject.wallMs, sha256sumMs: costs.baseline.wallMs, bytes, files: files.length };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Skills of about 20 MB each: one large file, some of middle size and many small ones. */
async function writeSkills(folder: string, count: number): Promise<{ files: string[]; bytes: number }> {
  const files: string[] = [];
  let bytes = 0;
  const write = async (path: string, content: Uint8Array) => {
    await writeFile(path, content);
    files.push(path);
    bytes += content.length;
  };
  for (let index = 0; index < count; index += 1) {
    const name = `skill-${index}`;
    await mkdir(join(folder, name, 'references'), { recursive: true });
    const text = `---\nname: ${name}\ndescription: Answers questions about ${name}.\n---\n\n# ${name}\n`;
    await write(join(folder, name, 'SKILL.md'), Buffer.from(text));
    await write(join(folder, name, 'large.bin'), randomBytes(14_000_000));
    for (let middle = 0; middle < 4; middle += 1) {
      await write(join(folder, name, `middle-${middle}.bin`), randomBytes(1_000_000));
    }
    for (let small = 0; small < 100; small += 1) {
      await write(join(folder, name, 'references', `${small}.bin`), randomBytes(16_000));
    }
  }
  return { files, bytes };
}

/** What `sha256sum` printed as the hash of each skill. */
function skillHashes(folder: string, printed: string): Record<string, string> {
  const bySkill = new Map<string, [string, string][]>();
  for (const line of printed.trimEnd().split('\n')) {
    const path = relative(folder, line.slice(66));
    const [name = '', ...below] = path.split('/');
    bySkill.set(name, [...(bySkill.get(name) ?? []), [below.join('/'), line.slice(0, 64)]]);
  }
  return Object.fromEntries([...bySkill].map(([name, hashed]) => [name, documentedHash(hashed)]));
}
