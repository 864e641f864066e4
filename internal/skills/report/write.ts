/** Writes the reports of a run, whether it did what it was to do or not. */
import { join } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { appendText, fileSize, writeText } from '../../outside/files.ts';
import { quote } from '../../text/quote.ts';
import { revealedJson } from '../../text/revealed.ts';
import { annotationsOf, outputsOf, summaryOf } from './github.ts';
import { codeQualityOf } from './gitlab.ts';
import type { SkillsReport } from './report.ts';
import { sarifOf } from './sarif.ts';

/** In whose ways a run reports beside its result. */
export type Reporter = 'github' | 'gitlab' | 'plain';

/** The variables of a CI job that matter here; those of internal/run/environment.ts. */
export interface JobEnvironment {
  GITHUB_ACTIONS?: string;
  GITHUB_STEP_SUMMARY?: string;
  GITHUB_OUTPUT?: string;
  GITHUB_WORKSPACE?: string;
  GITLAB_CI?: string;
  CI_PROJECT_DIR?: string;
}

export interface ReportSettings {
  reporter: Reporter;
  environment: JobEnvironment;
  /** Where else a SARIF log and a code quality report are wanted. */
  sarif: string | undefined;
  codeQuality: string | undefined;
  /** The folder of the repository; places are named below it. */
  root: string;
  /** Of this tool. */
  version: string;
  /** For people: a line on stderr, and one that they have to see. */
  say(text: string): void;
  warn(text: string): void;
  /** A command to the runner of the job: a line of its own on stderr. */
  command(line: string): void;
}

/** Who is to be reported to: as it is asked for, else whose job this is. */
export function reporterOf(asked: Reporter | undefined, environment: JobEnvironment): Reporter {
  if (asked !== undefined) return asked;
  if (environment.GITHUB_ACTIONS === 'true') return 'github';
  return environment.GITLAB_CI === 'true' ? 'gitlab' : 'plain';
}

/** The folder of the repository: the one that a CI job checked out, or else where the command runs. */
export function repositoryRoot(environment: JobEnvironment, workingFolder: string): string {
  return environment.GITHUB_WORKSPACE ?? environment.CI_PROJECT_DIR ?? workingFolder;
}

/** What GitLab shows in a merge request when the job hands it over as `codequality`. */
export const codeQualityFile = 'gl-code-quality-report.json';

/** A summary of a step may have so many bytes (docs.github.com, "Workflow commands"). */
const mostSummaryBytes = 2 ** 20;

/**
 * Writes all reports that are asked for. One that cannot be written keeps none of the others; it is a `file_system` error
 * where the run had none, and else a warning beside the run's own error.
 */
export async function writeReports(report: SkillsReport, settings: ReportSettings): Promise<void> {
  const { reporter, root, say, warn } = settings;
  const failures: unknown[] = [];
  const attempt = async (write: () => Promise<void>) => await write().catch((error: unknown) => failures.push(error));

  if (reporter === 'github') await reportToGitHub(report, settings, attempt);
  const codeQuality = settings.codeQuality ?? (reporter === 'gitlab' ? join(root, codeQualityFile) : undefined);
  if (codeQuality !== undefined) {
    await attempt(async () => {
      await writeText(codeQuality, `${revealedJson(codeQualityOf(report, root))}\n`, 'shared');
      say(`code quality report: ${quote(codeQuality)}`);
    });
  }
  const { sarif } = settings;
  if (sarif !== undefined) {
    await attempt(async () => {
      await writeText(sarif, `${revealedJson(sarifOf(report, settings))}\n`, 'shared');
      say(`SARIF: ${quote(sarif)}`);
    });
  }

  const [first, ...others] = failures;
  const toWarn = report.error === undefined ? others : failures;
  for (const failure of toWarn) warn(failure instanceof AppError ? failure.message : 'a report could not be written');
  if (report.error === undefined && first !== undefined) throw first;
}

async function reportToGitHub(
  report: SkillsReport,
  { environment, root, say, command }: ReportSettings,
  attempt: (write: () => Promise<void>) => Promise<unknown>,
): Promise<void> {
  const { GITHUB_OUTPUT: outputs, GITHUB_STEP_SUMMARY: summary } = environment;
  const { commands, leftOut } = annotationsOf(report, root);
  for (const line of commands) command(line);
  if (leftOut !== undefined) say(leftOut);
  if (outputs !== undefined) await attempt(() => appendText(outputs, outputsOf(report)));
  if (summary !== undefined) {
    await attempt(async () => {
      const room = mostSummaryBytes - ((await fileSize(summary)) ?? 0);
      await appendText(summary, summaryOf(report, root, room));
    });
  }
}
