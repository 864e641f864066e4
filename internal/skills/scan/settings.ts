/**
 * What a team accepts of the findings: scan.yaml beside the skills lock. It lies outside every skill and is reviewed
 * like code: nothing that is inside a skill can silence what is found in it.
 */

import { join } from 'node:path';
import type * as z from 'zod/mini';
import { clock } from '../../clock/clock.ts';
import type { Configuration } from '../../config/definitions.ts';
import { readDocument } from '../../config/document.ts';
import { type Finding as ConfigFinding, type Mistake, mistakeLine, type Position } from '../../config/mistake.ts';
import { readableText } from '../../config/readable-text.ts';
import { checkShape } from '../../config/shape.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Level } from './finding.ts';
import { type ForbiddenTools, forbiddenToolsOf } from './forbidden-tools.ts';
import type { RuleId } from './rules.ts';
import { isDay, scanDefinition } from './settings-file.ts';

/** An accepted finding, or several in one place. */
export interface Suppression {
  rule: RuleId;
  /** Below the folder of skills; with `/**` at the end everything below that. */
  file: string;
  line?: number | undefined;
  sha256?: string | undefined;
  reason: string;
  /** The last day on which it holds, as `2027-01-31`, UTC. */
  expires: string;
  /** Where it stands in scan.yaml. */
  position: Position;
}

/** What a scan goes by. */
export interface ScanSettings {
  /** The folder of skills. */
  folder: string;
  levels: Readonly<Partial<Record<RuleId, Level | 'off'>>>;
  allowedDomains: readonly string[];
  suppressions: readonly Suppression[];
  /** The day of the scan, UTC, as `2027-01-31`. */
  today: string;
  /** By skill; empty where there is no configuration. */
  forbiddenTools: ReadonlyMap<string, readonly ForbiddenTools[]>;
}

/** What is known beside scan.yaml. */
export interface ScanKnowledge {
  now?: Date;
  /** Says which tools are off for the agents of a skill. */
  configuration?: Configuration | undefined;
}

/** Nobody decides for longer than this. */
const longestDays = 366;

/** Where the settings of a folder of skills lie. */
export function scanFileOf(folder: string): string {
  return join(folder, 'scan.yaml');
}

/** The settings of a folder of skills; without a scan.yaml every rule as it is. Throws `config_invalid`. */
export async function readScanSettings(
  folder: string,
  { now = clock.now(), configuration }: ScanKnowledge = {},
): Promise<ScanSettings> {
  const today = now.toISOString().slice(0, 10);
  const forbiddenTools = configuration === undefined ? new Map() : forbiddenToolsOf(configuration);
  const accepted = await readAccepted(scanFileOf(folder), today);
  return { folder, today, forbiddenTools, ...accepted };
}

type Accepted = Pick<ScanSettings, 'levels' | 'allowedDomains' | 'suppressions'>;
type Parts = Partial<z.output<typeof scanDefinition>>;

async function readAccepted(file: string, today: string): Promise<Accepted> {
  const read = await readableText(file);
  if ('problem' in read) throw invalid([{ file, path: [], problem: read.problem }]);
  if (read.text === undefined) return { levels: {}, allowedDomains: [], suppressions: [] };
  const document = readDocument(read.text);
  if (Array.isArray(document)) {
    throw invalid(document.map(({ problem, ...position }) => ({ file, path: [], problem, position })));
  }
  // A file that holds comments only says nothing, like one that is not there.
  const { whole, parts, findings } = checkShape(scanDefinition, document.data ?? {});
  const problems = [...findings, ...unfounded(parts, today)];
  if (whole === undefined || problems.length > 0) {
    throw invalid(problems.map((finding) => ({ ...finding, file, position: document.positionOf(finding) })));
  }
  return {
    levels: (whole.levels ?? {}) as Accepted['levels'],
    allowedDomains: whole.allowed_domains ?? [],
    suppressions: (whole.suppressions ?? []).map((suppression, index) => ({
      ...suppression,
      position: document.positionOf({ path: ['suppressions', index] }),
    })),
  };
}

/** What the shape alone does not say. */
function unfounded({ suppressions = [] }: Parts, today: string): ConfigFinding[] {
  const last = dayAfter(today, longestDays);
  return suppressions.flatMap(({ rule, file, line, sha256, expires }, index) => {
    const path = ['suppressions', index];
    const problems: ConfigFinding[] = [];
    if (rule === 'secret' && sha256 === undefined) {
      problems.push({
        path: [...path, 'sha256'],
        problem: 'missing, a secret is accepted in exactly one file: its sha256',
      });
    }
    if (file.endsWith('/**') && (sha256 !== undefined || line !== undefined)) {
      problems.push({ path: [...path, 'file'], problem: 'a line or a sha256 is of one file: name that file' });
    }
    if (isDay(expires) && expires > last) {
      problems.push({
        path: [...path, 'expires'],
        problem: `got "${expires}", expected a day within ${longestDays} days, at the latest "${last}"`,
      });
    }
    return problems;
  });
}

function invalid(mistakes: readonly Mistake[]): AppError {
  const lines = mistakes
    .toSorted((a, b) => (a.position?.line ?? 0) - (b.position?.line ?? 0))
    .map((mistake) => mistakeLine(mistake));
  const message =
    lines.length === 1 ? lines.join() : [`${lines.length} mistakes in the settings of the scan`, ...lines].join('\n');
  return new AppError('config_invalid', message);
}

function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
