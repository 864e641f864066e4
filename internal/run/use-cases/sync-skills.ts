import type { Configuration } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Platform } from '../../platform/client.ts';
import { formatStalePin } from '../../skills/pins.ts';
import { isPending } from '../../skills/report/report.ts';
import { type ReportSoFar, type SyncSettings, syncSkills as syncFolders } from '../../skills/sync.ts';
import { isByKey } from '../actor.ts';
import { configurationIfAny, foldersOf } from '../meant-skills.ts';
import { openForChange } from '../open-for-change.ts';
import { platformForReading } from '../platform.ts';
import type { Ports, Waiting } from '../ports.ts';
import { loadProject } from '../project.ts';
import { findingValue, reported } from '../reported.ts';
import type { ApplyPlanRequest, SyncedSkills, SyncRequest } from '../values/skills.ts';

/** How long somebody may think. Other runs over the same lock wait for more than that. */
const questionTimeoutMs = 45_000;

/** Brings the skills on the platform in line with folders, or plans it. */
export async function syncSkills(request: SyncRequest, ports: Ports): Promise<SyncedSkills> {
  const { dryRun, check, out, overwrite, prune, keepGoing } = request;
  if (request.yesPrune !== undefined && !prune) {
    throw new AppError('usage', '--yes-prune says yes to what --prune deletes, and there is no --prune');
  }
  return await run(ports, request, async (configuration) => ({
    folders: await foldersOf(ports, configuration, request),
    choices: { overwrite, prune },
    apply: !dryRun && !check && out === undefined,
    check,
    keepGoing,
    ...(out !== undefined && { planFile: out }),
  }));
}

/** Carries out a plan that somebody reviewed, and nothing else. */
export async function applySkillsPlan(request: ApplyPlanRequest, ports: Ports): Promise<SyncedSkills> {
  const { plan: reviewed } = request;
  const { overwrite, prune, parts } = reviewed;
  if (request.yesPrune !== undefined && !prune) {
    throw new AppError('usage', '--yes-prune says yes to what --prune deletes, and the plan was made without --prune');
  }
  const folders = parts.map(({ folder, lockFile, only }) => ({
    folder,
    lockFile,
    ...(only !== undefined && { only: new Set(only) }),
  }));
  return await run(ports, request, async () => ({
    folders,
    choices: { overwrite, prune },
    apply: !request.dryRun,
    check: false,
    reviewed,
  }));
}

type Chosen = Pick<SyncSettings, 'folders' | 'choices' | 'apply' | 'keepGoing' | 'planFile' | 'reviewed'> & {
  check: boolean;
};

async function run(
  ports: Ports,
  request: SyncRequest | ApplyPlanRequest,
  choose: (configuration: Configuration | undefined) => Promise<Chosen>,
): Promise<SyncedSkills> {
  const { tell, signal, ask } = ports;
  const { diff, yesPrune } = request;
  return await reported(ports, request, async (report, { showsDiffs, asked }) => {
    const configuration = await configurationIfAny(ports);
    const { check, ...chosen } = await choose(configuration);
    let waiting: Waiting | undefined;
    try {
      await syncFolders(
        {
          ...chosen,
          diffs: diff || showsDiffs,
          scanAll: !chosen.apply || asked,
          pins: !chosen.apply,
          configuration,
          async openPlatform() {
            const platform = chosen.apply
              ? await openToPush(ports, configuration)
              : await platformForReading(ports, configuration?.interface.platform);
            waiting = tell.wait('comparing the skills with the platform');
            return platform;
          },
          signal,
          say: (text) => tell.note(text),
          ...(yesPrune !== undefined && { yesPrune }),
          ...(ask && {
            async confirmPrune(question: string) {
              waiting?.done();
              waiting = undefined;
              return await ask.yes(question, questionTimeoutMs);
            },
          }),
          progress: (text, ended, all) => waiting?.at(ended, all, text),
        },
        report,
      );
    } finally {
      waiting?.done();
    }
    for (const stale of report.stalePins) if (stale.file === undefined) tell.warn(formatStalePin(stale));
    const result = syncedValue(report, { check, diff });
    return { result, exit: result.beside.failsCheck ? 7 : 0 };
  });
}

/** Whom a configuration has us believe counts only where somebody has confirmed it. */
async function openToPush(ports: Ports, configuration: Configuration | undefined): Promise<Platform> {
  const believed = isByKey(configuration) ? configuration : await loadProject(ports);
  return await openForChange(ports, believed, { what: 'change skills', command: 'skill-sync' });
}

/** What became of each skill, and which agents have to follow. */
function syncedValue(
  { skills, findings, stalePins }: ReportSoFar,
  { check, diff }: { check: boolean; diff: boolean },
): SyncedSkills {
  const pending = skills.filter(isPending).length;
  const behind = stalePins.filter(({ file }) => file !== undefined);
  return {
    skills: skills.map((skill) => ({
      name: skill.name,
      folder: skill.folder,
      change: skill.change,
      applied: skill.applied,
      skill_id: skill.skillId ?? null,
      version_id: skill.versionId ?? null,
      sha256: skill.sha256,
      agents: [...skill.agents],
      ...(skill.renamedFrom !== undefined && { renamed_from: skill.renamedFrom }),
      ...(skill.where !== undefined && { where: skill.where }),
      ...(diff && skill.diff !== undefined && { diff: skill.diff }),
    })),
    pending,
    findings: findings.map(findingValue),
    stale_pins: stalePins.map(({ pin, skill, locked, file }) => ({
      agent: file ?? null,
      agent_id: pin.agentId,
      agent_name: pin.agentName,
      agent_version: pin.agentVersion,
      skill,
      skill_id: pin.skillId,
      pinned: pin.version,
      locked,
    })),
    beside: { behind: behind.map(formatStalePin), failsCheck: check && pending + behind.length > 0 },
  };
}
