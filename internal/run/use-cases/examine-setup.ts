/** What is missing before anybody is sent anywhere, and what the platform answers. Nobody signs in. */
import { examineMembers, type MemberFindings } from '../../agent/doctor.ts';
import { modelId } from '../../agent/model.ts';
import { undecidedWords } from '../../agent/undecided.ts';
import type { Configuration } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Platform } from '../../platform/client.ts';
import { unknownMemberWords } from '../../platform/known-members.ts';
import { quote, visible } from '../../text/quote.ts';
import { platformForReading } from '../platform.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import { type Check, examineReadiness, isExpected, problem } from '../readiness.ts';
import type { Nothing } from '../values/common.ts';
import type { ExaminedSetup } from '../values/setup.ts';

/**
 * Looks at the configuration, the identity provider, the keychain and the latest things of the workspace. Throws `not_ready`
 * where something keeps people from working, or the one error that a command would end with; `unknown_member` where a member
 * keeps sessions from being created.
 */
export async function examineSetup(_: Nothing, ports: Ports): Promise<ExaminedSetup> {
  const configuration = await loadProject(ports);
  const { workspace_id, accepted_members: accepted = [] } = configuration.interface.platform;
  const waiting = ports.tell.wait('configuration, identity provider, keychain and platform are looked at');
  const [readiness, { checks: onPlatform, findings }] = await Promise.all([
    examineReadiness(ports, configuration),
    examinePlatform(ports, configuration, accepted),
  ]).finally(() => waiting.done());
  const checks = [...readiness, ...onPlatform];
  refuse(checks);
  if (findings === undefined) throw new Error('the platform was not looked at, and nothing was found');
  const lines = linesOf(findings);
  if (findings.undecided.length > 0) {
    throw new AppError('unknown_member', lines.join('\n'), {
      hint: 'bring this tool up to date, or have the member looked at and taken by name: platform.accepted_members in config/interface.yaml',
    });
  }
  const { knownFrom, sdkVersion, looked, unknown, needless } = findings;
  return {
    checks: checks.map(({ check, state, found, next }) => ({ check, state, found, next: next ?? null })),
    workspace_id: workspace_id ?? null,
    known_from: knownFrom,
    sdk_version: sdkVersion,
    looked_at: { ...looked },
    unknown_members: [...unknown],
    accepted_members: [...findings.accepted],
    needless_members: [...needless],
    beside: { lines },
  };
}

/** Throws where something keeps people from working: all of it at once, each with what to do. */
function refuse(checks: readonly Check[]): void {
  const problems = checks.filter(({ state }) => state === 'problem');
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (first.error !== undefined && others.length === 0) throw first.error;
  const lines = problems.flatMap(({ check, found, next }) => [
    `${check}: ${found.replaceAll('\n', '; ')}`,
    ...(next === undefined ? [] : [`  ${next}`]),
  ]);
  throw new AppError(
    'not_ready',
    [`${problems.length} of ${checks.length} checks found a problem`, ...lines].join('\n'),
    {
      hint: 'nobody was sent anywhere, and nothing was changed; mend them and run setup-session doctor again',
    },
  );
}

/** The key, the workspace that it reaches, the models of the agents there, and what the platform answers. */
async function examinePlatform(
  ports: Ports,
  configuration: Configuration,
  accepted: readonly string[],
): Promise<{ checks: Check[]; findings?: MemberFindings }> {
  const { workspace_id } = configuration.interface.platform;
  let platform: Platform;
  try {
    platform = await platformForReading(ports, { workspace_id });
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { checks: [problem('key', error)] };
  }
  try {
    const findings = await examineMembers(platform, accepted);
    return {
      checks: [
        { check: 'key', state: 'ok', found: 'the platform takes it' },
        {
          check: 'workspace',
          state: 'ok',
          found: workspace_id === undefined ? 'the one that the key is of' : `it reaches ${quote(workspace_id)}`,
        },
        ...modelsOf(configuration).map(([model, names]): Check => {
          const named = `${quote(model)} of ${names.map(visible).join(', ')}`;
          return findings.models.has(model)
            ? { check: 'model', state: 'ok', found: `${named} runs in the workspace` }
            : {
                check: 'model',
                state: 'note',
                found: `no agent of the workspace has ${named}`,
                next: 'setup-session agents apply asks the platform for it, and says where it is refused',
              };
        }),
      ],
      findings,
    };
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { checks: [problem(workspace_id === undefined ? 'key' : 'workspace', error)] };
  }
}

function modelsOf({ agents }: Configuration): [string, string[]][] {
  const byModel = new Map<string, string[]>();
  for (const { name, model } of agents.values()) {
    byModel.set(modelId(model), [...(byModel.get(modelId(model)) ?? []), name]);
  }
  return [...byModel];
}

function linesOf({ knownFrom, sdkVersion, looked, undecided, unknown, accepted, needless }: MemberFindings): string[] {
  const count = Object.entries(looked).map(([what, many]) => `${many} ${what}`);
  const clean = undecided.length + unknown.length + accepted.length === 0;
  return [
    ...undecided.map(({ member, agents }) => `${undecidedWords(member)}: ${agents.map(visible).join(', ')}`),
    ...unknown.map(unknownMemberWords),
    ...accepted.map((member) => `accepted by the configuration, and not known to this version: ${visible(member)}`),
    ...needless.map((member) => `accepted by the configuration, and known by now: ${visible(member)}; remove it there`),
    ...(clean ? ['the platform answers with nothing that this version does not know'] : []),
    `looked at ${count.join(', ')}, at most the latest 100 of each`,
    `the table of known members is of @anthropic-ai/sdk ${knownFrom}, and this build has ${sdkVersion}`,
  ];
}
