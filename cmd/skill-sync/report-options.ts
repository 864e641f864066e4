import { type Command, Option } from 'commander';
import { naming } from '../../internal/cli/command.ts';
import type { Reporter } from '../../internal/skills/report/write.ts';

/** The options of every command that reports. */
export interface ReportOptions {
  report?: Reporter;
  sarif?: string;
  codeQuality?: string;
}

/** The options of `skill-sync scan`. */
export interface ScanOptions extends ReportOptions {
  only?: string[];
  changedSince?: string;
}

/** The options of `skill-sync apply`. */
export interface ApplyOptions extends ReportOptions {
  dryRun?: boolean;
  diff?: boolean;
  yesPrune?: number;
}

/** The options of `skill-sync`. */
export interface SkillSyncOptions extends ApplyOptions {
  only?: string[];
  changedSince?: string;
  check?: boolean;
  lock?: string;
  overwrite?: boolean;
  prune?: boolean;
  out?: string;
  keepGoing?: boolean;
}

/** Adds the options of every command that reports: to people, to a CI system, into files. */
export function addReports(command: Command): Command {
  return command
    .addOption(
      new Option('--report <where>', 'report in the ways of a CI system (default: of the one it runs in)').choices([
        'github',
        'gitlab',
        'plain',
      ]),
    )
    .option('--sarif <file>', 'write what is wrong in the skills as SARIF 2.1.0')
    .option('--code-quality <file>', 'write it as a code quality report of GitLab');
}

/** Adds the option of every command that plans changes of skills. */
export function addDiff(command: Command): Command {
  return command.option('--diff', 'show what changes inside the skills');
}

/** Adds the options of every command that may be about some of the skills. */
export function addSelection(command: Command): Command {
  return command
    .addOption(naming('skills', new Option('--only <name...>', 'only the skills of these names')))
    .option('--changed-since <commit>', 'only skills with a file that is not as in this commit, as git says');
}
