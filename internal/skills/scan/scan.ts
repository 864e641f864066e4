/**
 * What a skill would bring to an agent unseen. The platform takes an upload as it comes and looks at nothing in it, so
 * this is looked at here, before anything is sent.
 */

import { join } from 'node:path';
import { inParallel } from '../../async/in-parallel.ts';
import { clock, giveWay } from '../../clock/clock.ts';
import { sha256 } from '../../text/canonical.ts';
import { visible } from '../../text/quote.ts';
import { contentOf, type Skill } from '../folder/read.ts';
import { comparePaths } from '../hash.ts';
import { externalUrls, outsidePaths } from './addresses.ts';
import { credentialAccess, networkCalls, shellPipes } from './commands.ts';
import { credentialFiles } from './credential-files.ts';
import { isKnownBinary, kindHits } from './file-kind.ts';
import { type Finding, ScanRefusedError } from './finding.ts';
import { namedTools } from './forbidden-tools.ts';
import { hiddenCharacters } from './hidden-characters.ts';
import { injectedPhrases, mcpTools } from './phrases.ts';
import { type RuleId, rules } from './rules.ts';
import {
  type FileToScan,
  type Hit,
  isMeantAsText,
  placesIn,
  type SearchedFile,
  searchedFile,
} from './searched-file.ts';
import type { ScanSettings } from './settings.ts';
import { type JudgedFinding, type Unsuppressed, withoutSuppressed } from './suppress.ts';
import { wideRights } from './wide-rights.ts';

/** A skill with the bytes of its files. */
export interface SkillToScan {
  name: string;
  /** Where it lies on disk. */
  folder: string;
  files: readonly FileToScan[];
}

/** Text above this is searched in windows of so many characters; what is no text, and larger, is not searched. */
const searchLimit = 4 * 1024 * 1024;
/** How much of a window the next one holds again, for what begins in one and ends in the other. */
const overlap = 64 * 1024;

/** How many files are in memory at the same time, one of each skill. */
const skillsAtOnce = 4;

/** Searching only computes: without a pause nobody could interrupt it, and no line would say that it goes on. */
const longestWithoutBreathMs = 100;

/**
 * The findings in skills of one folder, without those that scan.yaml accepts, ordered by file, line, column and rule.
 * Throws `skill_invalid` where a file is not what it was when the skills were read.
 */
export async function scanSkills(
  skills: readonly Skill[],
  settings: ScanSettings,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const names = new Set(skills.map(({ name }) => name));
  return (await scan(skills, { settings, isScanned: (skill) => names.has(skill), signal })).findings;
}

/**
 * The same for all skills of a folder, or all that are meant, so that suppressions of skills that are gone are found too,
 * and with how many findings scan.yaml accepts.
 */
export async function scanFolder(
  skills: readonly Skill[],
  settings: ScanSettings,
  {
    signal,
    only,
    onLooked,
  }: { signal?: AbortSignal; only?: ReadonlySet<string> | undefined; onLooked?: () => void } = {},
): Promise<Unsuppressed> {
  return await scan(skills, { settings, isScanned: (skill) => only?.has(skill) !== false, signal, onLooked });
}

/** Everything that is found in one skill, nothing suppressed, ordered by file, line, column and rule. */
export async function scanSkill(skill: SkillToScan, settings: ScanSettings): Promise<Finding[]> {
  const found = await findingsIn(skill, settings);
  return ordered(
    levelled(
      found.map(({ finding }) => finding),
      settings,
    ),
  );
}

/** `scan_refused` with all findings, where one of them is an error. */
export function findingsError(findings: readonly Finding[]): ScanRefusedError | undefined {
  return findings.some(({ level }) => level === 'error') ? new ScanRefusedError(findings) : undefined;
}

interface Scan {
  settings: ScanSettings;
  /** Of which skills all findings are there. */
  isScanned: (skill: string) => boolean;
  signal: AbortSignal | undefined;
  /** Called for each skill that was looked through. */
  onLooked?: (() => void) | undefined;
}

async function scan(skills: readonly Skill[], { settings, isScanned, signal, onLooked }: Scan): Promise<Unsuppressed> {
  let breath = clock.monotonic();
  const breathe = async () => {
    if (clock.monotonic() - breath > longestWithoutBreathMs) {
      await giveWay();
      breath = clock.monotonic();
    }
    signal?.throwIfAborted();
  };
  const found = await inParallel(skills, skillsAtOnce, async (skill) => {
    const judged = unusualFormat(skill);
    for (const file of skill.files) {
      await breathe();
      const bytes = await contentOf(skill, file);
      const files = [{ path: file.path, bytes }];
      judged.push(...(await findingsIn({ name: skill.name, folder: skill.folder, files }, settings, breathe)));
    }
    onLooked?.();
    return judged;
  });
  const { findings, suppressed } = withoutSuppressed(found.flat(), settings, isScanned);
  return { findings: ordered(levelled(findings, settings)), suppressed };
}

/** What was noticed while the skill was read. */
function unusualFormat({ name, folder, files, warnings }: Skill): JudgedFinding[] {
  const { level } = rules['unusual-format'];
  return warnings.map((warning) => ({
    finding: { rule: 'unusual-format', level, skill: name, ...warning },
    sha256: files.find(({ path }) => join(folder, path) === warning.file)?.sha256 ?? '',
  }));
}

/** Lets others do something where that is due. Throws where the scan was interrupted. */
type Breath = () => Promise<void>;

async function findingsIn(
  { name, folder, files }: SkillToScan,
  settings: ScanSettings,
  breathe: Breath = async () => {},
): Promise<JudgedFinding[]> {
  const judged: JudgedFinding[] = [];
  for (const file of files) {
    const hits = await hitsIn(file, settings, name, breathe);
    if (hits.length === 0) continue;
    const hash = sha256(file.bytes);
    for (const { rule, level, what, line, column } of hits) {
      const place = line === undefined || column === undefined ? {} : { line, column };
      judged.push({
        finding: {
          rule,
          level: level ?? rules[rule].level,
          skill: name,
          file: join(folder, file.path),
          ...place,
          what: visible(what),
          fix: rules[rule].fix,
        },
        sha256: hash,
      });
    }
  }
  return judged;
}

/** A hit with the rule that it belongs to and its place. */
type RuleHit = Omit<Hit, 'offset'> & { rule: RuleId; line?: number; column?: number };

async function hitsIn(file: FileToScan, settings: ScanSettings, skill: string, breathe: Breath): Promise<RuleHit[]> {
  const { bytes } = file;
  const named: RuleHit[] = credentialFiles(file).map((hit) => ({ rule: 'credential-file', ...hit }));
  if (bytes.length > searchLimit && !isMeantAsText(file) && bytes.includes(0)) {
    const what = `it has ${bytes.length.toLocaleString('en')} bytes and was not searched`;
    return [...named, ...kindHits(file, true), { rule: 'large-file', what }];
  }
  const searched = searchedFile(file);
  const isText = searched.encoding !== 'none';
  const hits: RuleHit[] = [...named, ...kindHits(file, isText)];
  // A picture has bytes that spell anything. What is meant as text is searched whatever it begins with.
  if (!isText && (isKnownBinary(bytes) || hits.some(({ rule }) => rule !== 'unknown-binary'))) return hits;

  const placeOf = placesIn(searched.text);
  // Once for a line is enough: whoever looks there sees the rest. Of a host, once for a file.
  const seen = new Set<string>();
  for (const window of windowsOf(searched)) {
    await breathe();
    for (const [rule, found] of Object.entries(await hitsByRule(window.file, settings, skill)) as [RuleId, Hit[]][]) {
      for (const { offset = 0, ...hit } of found) {
        const place = placeOf(window.start + offset);
        const key = JSON.stringify([rule, rule === 'external-url' ? '' : place.line, hit.what]);
        if (!seen.has(key)) hits.push({ rule, ...hit, ...place });
        seen.add(key);
      }
    }
  }
  return hits;
}

async function hitsByRule(
  file: SearchedFile,
  { forbiddenTools, allowedDomains }: ScanSettings,
  skill: string,
): Promise<Partial<Record<RuleId, Hit[]>>> {
  return {
    secret: await secretsIn(file),
    'hidden-character': hiddenCharacters(file),
    'prompt-injection': injectedPhrases(file),
    'wide-rights': wideRights(file),
    'mcp-tool': mcpTools(file),
    'forbidden-tool': namedTools(file, forbiddenTools.get(skill) ?? []),
    'shell-pipe': shellPipes(file),
    'network-call': networkCalls(file),
    'credential-access': credentialAccess(file),
    'external-url': externalUrls(file, allowedDomains),
    'path-outside': outsidePaths(file),
  };
}

/** A text in windows that overlap, each from the beginning of a line where there is one; nearly always it is one. */
function* windowsOf(file: SearchedFile): Generator<{ file: SearchedFile; start: number }> {
  const { text } = file;
  if (text.length <= searchLimit) {
    yield { file, start: 0 };
    return;
  }
  for (let start = 0; start < text.length; ) {
    const most = start + searchLimit;
    const lineEnd = most < text.length ? text.lastIndexOf('\n', most) + 1 : text.length;
    const end = lineEnd > most - overlap ? lineEnd : Math.min(most, text.length);
    yield { file: { ...file, text: text.slice(start, end) }, start };
    if (end === text.length) return;
    const next = text.lastIndexOf('\n', end - overlap) + 1;
    start = next > start + overlap ? next : end - overlap;
  }
}

/** The library with the rules is loaded where a file is searched, not before. */
async function secretsIn(file: SearchedFile): Promise<Hit[]> {
  const { secrets } = await import('./secrets.ts');
  return await secrets(file);
}

/** The levels that scan.yaml gives; what is off is left out. */
function levelled(findings: readonly Finding[], { levels }: ScanSettings): Finding[] {
  return findings.flatMap((finding) => {
    const level = levels[finding.rule as RuleId] ?? finding.level;
    return level === 'off' ? [] : [{ ...finding, level }];
  });
}

function ordered(findings: readonly Finding[]): Finding[] {
  return findings.toSorted(
    (a, b) =>
      comparePaths(a.file, b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      comparePaths(a.rule, b.rule) ||
      comparePaths(a.what, b.what),
  );
}
