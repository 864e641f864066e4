/**
 * The report as SARIF 2.1.0, for GitHub code scanning and everything else that reads it. Beyond the schema it keeps what
 * GitHub demands: a description and help for every rule, one location and a `primaryLocationLineHash` for every result,
 * no more than 25,000 results (docs.github.com, "SARIF support for code scanning").
 */
import { pathToFileURL } from 'node:url';
import { revealed } from '../../text/revealed.ts';
import type { Level } from '../scan/finding.ts';
import { rules } from '../scan/rules.ts';
import { invalidRule, type Remark, remarksOf } from './remark.ts';
import type { SkillsReport } from './report.ts';

/** What the log is written with. */
export interface SarifSettings {
  /** Of this tool. */
  version: string;
  /** The folder of the repository; results are relative to it. */
  root: string;
}

/** GitHub refuses a run with more. */
const mostResults = 25_000;

const home = 'https://www.npmjs.com/package/managed-agents-interface';
const sourceRoot = '%SRCROOT%';

/** What a rule is, for people who see it for the first time. */
interface RuleText {
  level: Level;
  description: string;
  help: string;
}

/** Every rule by its id. They are in every log, whether they found something or not. */
const ruleTexts: ReadonlyMap<string, RuleText> = new Map<string, RuleText>([
  [
    invalidRule,
    {
      level: 'error',
      description: 'A folder that is not a valid skill.',
      help: 'The message says what to change. The rules are in docs/skills.md.',
    },
  ],
  ...Object.entries(rules).map(
    ([id, { level, finds, fix }]) => [id, { level, description: `Looks for ${finds}.`, help: fix }] as const,
  ),
]);

/** Errors that a scan reports in full: it did what it was asked to do. */
const reported: readonly string[] = ['skill_invalid', 'scan_refused'];

/** The SARIF log of a run, ready to be written as JSON. */
export function sarifOf(report: SkillsReport, { version, root }: SarifSettings): object {
  const remarks = remarksOf(report, root);
  const ruleIds = [...new Set([...ruleTexts.keys(), ...remarks.map(({ rule }) => rule)])];
  const { error } = report;
  const told = [
    ...(error === undefined || reported.includes(error.code)
      ? []
      : [{ level: 'error', message: { text: revealed(`${error.message} [${error.code}]`) } }]),
    ...(remarks.length > mostResults
      ? [{ level: 'warning', message: { text: `${remarks.length - mostResults} more results are left out` } }]
      : []),
  ];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'skill-sync',
            semanticVersion: version,
            informationUri: home,
            rules: ruleIds.map(describeRule),
          },
        },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { [sourceRoot]: { description: { text: 'the root of the repository' } } },
        invocations: [
          {
            executionSuccessful: error === undefined || reported.includes(error.code),
            exitCode: report.exit,
            toolExecutionNotifications: told,
          },
        ],
        results: remarks.slice(0, mostResults).map((remark) => resultOf(remark, ruleIds.indexOf(remark.rule))),
      },
    ],
  };
}

function describeRule(id: string): object {
  const { level, description, help } = ruleTexts.get(id) ?? {
    level: 'warning',
    description: `What the rule ${revealed(id)} finds.`,
    help: 'The message of each result says what to change.',
  };
  return {
    id: ruleId(id),
    shortDescription: { text: description },
    fullDescription: { text: description },
    help: { text: help },
    helpUri: home,
    defaultConfiguration: { level },
  };
}

function resultOf({ rule, level, path, file, line, column, text, fingerprint }: Remark, ruleIndex: number): object {
  const artifactLocation =
    path === undefined ? { uri: pathToFileURL(file).href } : { uri: uriOf(path), uriBaseId: sourceRoot };
  const region = line === undefined ? {} : { region: { startLine: line, ...(column && { startColumn: column }) } };
  return {
    ruleId: ruleId(rule),
    ruleIndex,
    level,
    message: { text },
    locations: [{ physicalLocation: { artifactLocation, ...region } }],
    partialFingerprints: { primaryLocationLineHash: fingerprint },
  };
}

/** Never empty, as GitHub demands. */
function ruleId(rule: string): string {
  return revealed(rule) || 'rule';
}

/** A path as a relative URI. Half a character of a name, which no URI can say, becomes the replacement character. */
function uriOf(path: string): string {
  return Buffer.from(path).toString().split('/').map(encodeURIComponent).join('/');
}
