/** A scan for itself: folders of skills read, checked and searched, with nothing asked of the platform. */
import type { Configuration } from '../../config/definitions.ts';
import type { AppError } from '../../errors/app-error.ts';
import type { ChosenFolder } from '../choose-folders.ts';
import { leftOutLine } from '../folder/ignored.ts';
import { SkillsInvalidError } from '../folder/problem.ts';
import { readFolders } from '../folder/read.ts';
import { refuseNone } from '../none-found.ts';
import { wantedIn } from '../planning.ts';
import { beside, refuse } from '../refused.ts';
import type { SkillsReport } from '../report/report.ts';
import { skippedLine } from '../whereabouts.ts';
import { findingsError, scanFolder } from './scan.ts';
import { readScanSettings } from './settings.ts';

export interface FoldersToScan {
  folders: readonly ChosenFolder[];
  /** Whose agents use the skills; undefined where there is no configuration. */
  configuration: Configuration | undefined;
  signal: AbortSignal;
  /** For people who watch. */
  say(text: string): void;
  /** How many of the skills are looked through. */
  progress(done: number, all: number): void;
}

/** How much was looked at. */
export interface ScanCounts {
  skills: number;
  /** Findings that scan.yaml accepts. */
  suppressed: number;
}

/**
 * Scans every valid skill of the folders; what is found goes into the report, also where the scan ends in an error. Throws
 * `skill_invalid` where others are not, `config_invalid` for a scan.yaml, `scan_refused` where a finding is an error.
 */
export async function scanFolders(
  { folders, configuration, signal, say, progress }: FoldersToScan,
  report: { -readonly [Key in 'problems' | 'findings']: SkillsReport[Key] },
): Promise<ScanCounts> {
  const counts = { skills: 0, suppressed: 0 };
  // Every byte is needed again, so as many as memory allows are kept.
  const { skills, problems, invalid, skipped, leftOut } = await readFolders(
    folders.map(({ folder }) => folder),
    { expected: () => undefined, wanted: wantedIn(folders) },
  );
  for (const folder of skipped) say(await skippedLine(folder));
  const said = leftOutLine(leftOut);
  if (said !== undefined) say(said);
  await refuseNone(
    folders.map((place, index) => ({ ...place, skills: (skills[index]?.length ?? 0) + (invalid[index]?.size ?? 0) })),
    { prune: false },
  );
  report.problems = problems;
  const all = skills.reduce((sum, { length }) => sum + length, 0);
  let looked = 0;
  const onLooked = () => {
    looked += 1;
    progress(looked, all);
  };
  const refusals: AppError[] = problems.length === 0 ? [] : [new SkillsInvalidError(problems)];
  try {
    for (const [index, { folder, only }] of folders.entries()) {
      const ofFolder = skills[index] ?? [];
      const settings = await readScanSettings(folder, { configuration });
      const { findings, suppressed } = await scanFolder(ofFolder, settings, { signal, only, onLooked });
      report.findings = [...report.findings, ...findings];
      counts.skills += ofFolder.length;
      counts.suppressed += suppressed;
    }
  } catch (error) {
    // Of a file that changed meanwhile.
    if (error instanceof SkillsInvalidError && problems.length === 0) report.problems = error.problems;
    throw beside(refusals, error, signal);
  }
  const refused = findingsError(report.findings);
  refuse(refused === undefined ? refusals : [...refusals, refused]);
  return counts;
}
