/** What warm commands cost beside an earlier build, in turn and in one world. */
import { chmod, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { type Comparison, compare } from './measure.ts';
import { startBenchProject } from './project.ts';

/** The commands: words for people, the executable, and its arguments. */
const commands = [
  ['setup-session', 'setup-session.js', ['--agent', 'support', '--json', '--quiet']],
  ['service-connection list', 'service-connection.js', ['list', '--json', '--quiet']],
] as const;

/** Runs each command with both builds; `subject` is the build of today, whose code cache its first run has written. */
export async function compareWarmCommands(
  { dist, earlier }: { dist: string; earlier: string },
  runs: number,
): Promise<[what: string, compared: Comparison][]> {
  const project = await startBenchProject(dist, 10);
  try {
    const folder = join(project.dist, '..');
    const earlierDist = join(folder, 'earlier');
    await cp(earlier, earlierDist, { recursive: true });
    await chmod(earlierDist, 0o755);
    const { uid } = project;
    const rows: [string, Comparison][] = [];
    for (const [what, file, words] of commands) {
      const subjectIn = (build: string) => ({
        words: [join(build, file), ...words],
        environment: project.environment,
        uid,
        cwd: folder,
        check: (stdout: string) => void JSON.parse(stdout),
      });
      rows.push([what, await compare(subjectIn(project.dist), subjectIn(earlierDist), runs)]);
    }
    return rows;
  } finally {
    await project.close();
  }
}
