import { confirm } from '../../internal/cli/confirm.ts';
import { refuseMisspelled } from '../../internal/cli/misspelled.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { platformFromEnvironment } from '../../internal/run/platform.ts';
import type { Waiting } from '../../internal/run/ports.ts';
import { namedWorkspace, type ProjectNeeds, readProject } from '../../internal/run/project.ts';
import { type ChosenFolder, chooseFolders, selectSkills } from '../../internal/skills/choose-folders.ts';
import { lockFileOf, refuseNobodysLock } from '../../internal/skills/lock.ts';
import { formatStalePin } from '../../internal/skills/pins.ts';
import { readPlanFile } from '../../internal/skills/plan-file.ts';
import { projectOf } from '../../internal/skills/skill-pins.ts';
import type { SkillsFolder } from '../../internal/skills/skills-plan.ts';
import { type SyncSettings, syncSkills } from '../../internal/skills/sync.ts';
import { bar } from '../../internal/text/bar.ts';
import { showSkills } from './output.ts';
import { type ReportOptions, reported } from './reported.ts';

/** How long somebody may think. Other runs over the same lock wait for more than that. */
const questionTimeoutMs = 45_000;

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

/** Runs `skill-sync` once. `commands` is what may have been meant where there is no folder of that name. */
export async function runSkillSync(
  context: CommandContext,
  words: readonly string[],
  options: SkillSyncOptions,
  commands: readonly string[],
): Promise<CommandResult> {
  await refuseMisspelled(words, commands);
  const { dryRun, check = false, out, lock, overwrite, prune, yesPrune, only, changedSince, keepGoing } = options;
  if (yesPrune !== undefined && prune !== true) {
    throw new AppError('usage', '--yes-prune says yes to what --prune deletes, and there is no --prune');
  }
  return await run(context, options, async (configuration) => ({
    folders: await foldersOf(context, configuration, words, { lock, only, changedSince }),
    choices: { overwrite: overwrite === true, prune: prune === true },
    apply: dryRun !== true && !check && out === undefined,
    check,
    keepGoing: keepGoing === true,
    ...(out !== undefined && { planFile: out }),
  }));
}

/** Runs `skill-sync apply` once: a plan that somebody reviewed, and nothing else. */
export async function runApplyPlan(
  context: CommandContext,
  path: string,
  options: ApplyOptions,
): Promise<CommandResult> {
  const reviewed = await readPlanFile(path);
  const { overwrite, prune, parts } = reviewed;
  if (options.yesPrune !== undefined && !prune) {
    throw new AppError('usage', '--yes-prune says yes to what --prune deletes, and the plan was made without --prune');
  }
  const folders = parts.map(({ changes: _changes, ...place }) => place);
  const apply = options.dryRun !== true;
  return await run(context, options, async () => ({
    folders,
    choices: { overwrite, prune },
    apply,
    check: false,
    reviewed,
  }));
}

type Chosen = Pick<SyncSettings, 'folders' | 'choices' | 'apply' | 'keepGoing' | 'planFile' | 'reviewed'> & {
  check: boolean;
};

async function run(
  context: CommandContext,
  options: ApplyOptions,
  choose: (configuration: Configuration | undefined) => Promise<Chosen>,
): Promise<CommandResult> {
  const { progress, signal } = context;
  const { diff = false, yesPrune } = options;
  return await reported(context, options, async (report, { showsDiffs, asked }) => {
    const configuration = await configurationIfAny(context);
    const { check, ...chosen } = await choose(configuration);
    let waiting: Waiting | undefined;
    try {
      await syncSkills(
        {
          ...chosen,
          diffs: diff || showsDiffs,
          scanAll: !chosen.apply || asked,
          pins: !chosen.apply,
          configuration,
          async openPlatform() {
            const platform = await platformFromEnvironment(context, configuration?.interface.platform);
            waiting = progress.wait('comparing the skills with the platform');
            return platform;
          },
          signal,
          say: (text) => progress.note(text),
          ...(yesPrune !== undefined && { yesPrune }),
          ...(context.interactive && {
            async confirmPrune(question: string) {
              waiting?.done();
              waiting = undefined;
              return await confirm(context, question, questionTimeoutMs);
            },
          }),
          progress: (text, ended, all) => waiting?.update(`${bar(ended, all)} ${text}`),
        },
        report,
      );
    } finally {
      waiting?.done();
    }
    for (const stale of report.stalePins) if (stale.file === undefined) progress.warn(formatStalePin(stale));
    return showSkills(report, { check, diff });
  });
}

/** What says which skills are meant, beside the words. */
interface Meant {
  lock?: string | undefined;
  only?: string[] | undefined;
  changedSince?: string | undefined;
}

/** The folders of skills that are meant, with their locks. Without words it is those of the configuration, or ./skills. */
export async function foldersOf(
  { signal, progress }: CommandContext,
  configuration: Configuration | undefined,
  words: readonly string[],
  { lock, only, changedSince }: Meant,
): Promise<SkillsFolder[]> {
  const saying = { signal, say: progress.note };
  const folders = await chooseMeant(words, configuration, saying);
  if (lock !== undefined && folders.length > 1) {
    throw new AppError('usage', '--lock names one file, but there are several folders', {
      hint: 'give one folder, or leave --lock out: each folder then has its own skills.lock.json',
    });
  }
  const workspace = configuration?.workspace;
  if (lock === undefined) for (const { folder } of folders) await refuseNobodysLock(folder, workspace);
  const locked = folders.map((one) => ({ ...one, lockFile: lock ?? lockFileOf(one.folder, workspace) }));
  return await selectSkills(
    locked,
    { ...(only !== undefined && { only }), ...(changedSince !== undefined && { changedSince }) },
    saying,
  );
}

/** The folders that words mean; without words those of the configuration, and ./skills where it names none. */
export async function chooseMeant(
  words: readonly string[],
  configuration: Configuration | undefined,
  saying: { signal: AbortSignal; say(text: string): void },
): Promise<ChosenFolder[]> {
  const named = configuration?.interface.skills?.folders;
  if (words.length > 0 || configuration === undefined || named === undefined) return await chooseFolders(words, saying);
  return await chooseFolders(named, { ...saying, from: projectOf(configuration) });
}

/** The configuration says which workspace and which agents; without one it is the key's workspace, and no agents. */
export async function configurationIfAny(
  context: CommandContext,
  needs: ProjectNeeds = {},
): Promise<Configuration | undefined> {
  try {
    // Nothing that it believes is used here: no identity, no key, no program.
    return (await readProject(context, needs)).configuration;
  } catch (error) {
    const named = context.options.config ?? context.environment.MAI_CONFIG ?? namedWorkspace(context);
    if (named === undefined && error instanceof AppError && error.code === 'config_missing') return undefined;
    throw error;
  }
}
