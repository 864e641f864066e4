/** git, asked what changed: with a list of words and no shell, for so long and no longer. */
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import { askProgram } from './child-process.ts';

/** Set in a hook, where they would make the folder the top of its repository (git rev-parse --local-env-vars). */
const unset = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX', 'GIT_COMMON_DIR', 'GIT_OBJECT_DIRECTORY'];
const timeoutMs = 30_000;
const longestAnswer = 64 * 2 ** 20;

/**
 * The files in a folder that are not as in a commit: changed, deleted, or new and not ignored. Paths are below the folder,
 * separated by `/`. Throws `usage` where git knows no such commit there, `timed_out`, `interrupted`.
 */
export async function changedFiles(folder: string, since: string, signal: AbortSignal): Promise<string[]> {
  const ask = (...words: string[]) =>
    askProgram({ program: 'git', words: ['-C', folder, ...words], input: '', signal, timeoutMs, longestAnswer, unset });
  // The name of a commit is outside text: it is turned into a hash first, so it can be no option and no path.
  const named = await ask('rev-parse', '--verify', '--quiet', '--end-of-options', `${since}^{commit}`);
  const commit = answerOf(named, folder, since).trim();
  const [changed, added] = await Promise.all([
    ask('diff', '--name-only', '-z', '--no-renames', '--no-ext-diff', '--relative', commit, '--', '.'),
    ask('ls-files', '--others', '--exclude-standard', '-z', '--', '.'),
  ]);
  return [changed, added].flatMap((answer) => answerOf(answer, folder, since).split('\0').filter(Boolean));
}

function answerOf(answer: Awaited<ReturnType<typeof askProgram>>, folder: string, since: string): string {
  switch (answer.kind) {
    case 'answered':
      return answer.text;
    case 'interrupted':
      throw new AppError('interrupted', 'interrupted');
    case 'late':
      throw new AppError('timed_out', `git did not say within ${timeoutMs / 1000} s what changed in ${quote(folder)}`);
    case 'failed':
      throw new AppError(
        'usage',
        `git cannot say what changed in ${quote(folder)} since ${quote(since)}: ${answer.why}`,
        {
          hint: 'name a commit that this checkout has; in CI, fetch enough history (fetch-depth: 0)',
        },
      );
  }
}
