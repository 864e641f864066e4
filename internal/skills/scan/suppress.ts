/** Which findings a team has accepted, and which of its acceptances are over or match nothing. Pure. */
import { relative, sep } from 'node:path';
import type { Finding } from './finding.ts';
import { rules } from './rules.ts';
import { type ScanSettings, type Suppression, scanFileOf } from './settings.ts';

/** A finding and the hash of the file that it is in. */
export interface JudgedFinding {
  finding: Finding;
  sha256: string;
}

/** What is left of the findings, what is found wrong with the suppressions, and how many findings they took. */
export interface Unsuppressed {
  findings: Finding[];
  suppressed: number;
}

/**
 * Takes out what scan.yaml accepts today. `isScanned` says of which skills all findings are there: of the suppressions of
 * others nobody knows whether they match.
 */
export function withoutSuppressed(
  found: readonly JudgedFinding[],
  settings: ScanSettings,
  isScanned: (skill: string) => boolean,
): Unsuppressed {
  const { folder, suppressions, today } = settings;
  const used = new Set<Suppression>();
  const kept = found.filter(({ finding, sha256 }) => {
    const path = relative(folder, finding.file).replaceAll(sep, '/');
    const matching = suppressions.filter((suppression) => covers(suppression, finding, path, sha256));
    for (const suppression of matching) used.add(suppression);
    return !matching.some(({ expires }) => expires >= today);
  });
  const complaints = suppressions.flatMap((suppression) => {
    if (!isScanned(skillOf(suppression))) return [];
    if (suppression.expires < today) return [complaintAbout(suppression, 'suppression-expired', settings)];
    return used.has(suppression) ? [] : [complaintAbout(suppression, 'suppression-unused', settings)];
  });
  return {
    findings: [...kept.map(({ finding }) => finding), ...complaints],
    suppressed: found.length - kept.length,
  };
}

function covers(suppression: Suppression, finding: Finding, path: string, sha256: string): boolean {
  if (suppression.rule !== finding.rule) return false;
  const { file } = suppression;
  const isThere = file.endsWith('/**') ? path.startsWith(file.slice(0, -2)) : path === file;
  if (!isThere || (suppression.line !== undefined && suppression.line !== finding.line)) return false;
  return suppression.sha256 === undefined || suppression.sha256 === sha256;
}

function complaintAbout(
  suppression: Suppression,
  rule: 'suppression-expired' | 'suppression-unused',
  { folder }: ScanSettings,
): Finding {
  const { rule: about, file, expires, position } = suppression;
  const skill = skillOf(suppression);
  const what =
    rule === 'suppression-expired'
      ? `the suppression of ${about} in ${file} is over since ${expires}`
      : `the suppression of ${about} in ${file} matches no finding`;
  return { rule, level: rules[rule].level, skill, file: scanFileOf(folder), ...position, what, fix: rules[rule].fix };
}

function skillOf({ file }: Suppression): string {
  return file.split('/')[0] ?? '';
}
