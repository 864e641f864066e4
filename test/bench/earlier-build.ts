/** The executables as they were at an earlier commit, built beside ours from the history, so that both run in turn. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A build of an earlier commit, or why there is none here. */
export type EarlierBuild = { dist: string; remove(): Promise<void> } | { missing: string };

/** Builds a commit with the packages of today, so that what differs is our own code. A shallow clone does not have it. */
export async function buildOf(commit: string): Promise<EarlierBuild> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-earlier-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const [tree, archive] = [join(folder, 'tree'), join(folder, 'tree.tar')];
  const steps: [what: string, program: string, words: string[]][] = [
    ['the history here does not have it', 'git', ['-C', root, 'archive', '-o', archive, commit]],
    ['its files cannot be unpacked', 'tar', ['-xf', archive, '-C', tree]],
    ['it cannot be built with the packages of today', process.execPath, [join(tree, 'cmd', 'build.mjs')]],
  ];
  await mkdir(tree);
  for (const [what, program, words] of steps) {
    try {
      execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 });
    } catch (error) {
      await remove();
      const said = String((error as { stderr?: unknown }).stderr ?? error).split('\n');
      return { missing: `${what}: ${said.find((line) => /error|fatal/i.test(line)) ?? said[0]}` };
    }
    if (program === 'tar') await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
  }
  return { dist: join(tree, 'dist'), remove };
}
