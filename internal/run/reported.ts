/** What a run tells a pull request and a CI system, also where it fails. */
import { resolve } from 'node:path';
import { asAppError } from '../errors/app-error.ts';
import { type ExitCode, exitCodeOf } from '../errors/exit-codes.ts';
import type { SkillsReport } from '../skills/report/report.ts';
import { reporterOf, repositoryRoot, writeReports } from '../skills/report/write.ts';
import { type Finding, formatFinding } from '../skills/scan/finding.ts';
import type { ReportSoFar } from '../skills/sync.ts';
import type { Ports, Tell } from './ports.ts';
import type { FindingValue, ReportRequest } from './values/skills.ts';

/** What a command has to know of the reports that are wanted. */
interface Wanted {
  /** Whether a report shows what changes inside the skills. */
  showsDiffs: boolean;
  /** Whether any report but the lines on stderr is written. */
  asked: boolean;
}

/** Does what a command does and writes the reports, also where it fails. A result may show the findings itself. */
export async function reported<Result>(
  ports: Ports,
  { report: asked, sarif, codeQuality }: ReportRequest,
  act: (report: ReportSoFar, wanted: Wanted) => Promise<{ result: Result; exit: ExitCode }>,
  { resultHasFindings = false }: { resultHasFindings?: boolean } = {},
): Promise<Result> {
  const { environment, tell, version } = ports;
  const reporter = reporterOf(asked, environment);
  const soFar: ReportSoFar = { problems: [], findings: [], skills: [], stalePins: [] };
  const write = async (end: Pick<SkillsReport, 'exit' | 'error'>) => {
    // The runner shows what it is told of as annotations; nobody reads it twice.
    if (reporter !== 'github' && !(resultHasFindings && end.error === undefined)) tellFindings(soFar.findings, tell);
    await writeReports(
      { ...soFar, ...end },
      {
        reporter,
        environment,
        sarif,
        codeQuality,
        root: repositoryRoot(environment, resolve('.')),
        version,
        say: tell.note,
        warn: tell.warn,
        command: tell.command,
      },
    );
  };
  let done: { result: Result; exit: ExitCode };
  try {
    const wanted = {
      showsDiffs: reporter === 'github',
      asked: reporter !== 'plain' || (sarif ?? codeQuality) !== undefined,
    };
    done = await act(soFar, wanted);
  } catch (error) {
    await write(endOf(error, ports.signal));
    throw error;
  }
  await write({ exit: done.exit });
  return done.result;
}

/** As it will be printed. */
function endOf(error: unknown, signal: AbortSignal): Pick<SkillsReport, 'exit' | 'error'> {
  const { code, message } = asAppError(error, signal);
  return { exit: exitCodeOf[code], error: { code, message: message.split('\n')[0] ?? '' } };
}

/** Findings that are no errors: those are in the message that the run ends with. */
function tellFindings(findings: readonly Finding[], tell: Tell): void {
  for (const finding of findings) {
    if (finding.level === 'warning') tell.warn(formatFinding(finding));
    if (finding.level === 'note') tell.detail(formatFinding(finding));
  }
}

export function findingValue({ rule, level, skill, file, line, column, what, fix }: Finding): FindingValue {
  return { rule, level, skill, file, line: line ?? null, column: column ?? null, what, fix };
}
