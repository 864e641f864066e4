/** `setup-session doctor`: what is missing before anybody is sent anywhere, and what the platform answers. Nobody signs in. */
import { examineMembers, type MemberFindings } from '../../internal/agent/doctor.ts';
import { modelId } from '../../internal/agent/model.ts';
import { undecidedWords } from '../../internal/agent/undecided.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { Configuration } from '../../internal/config/definitions.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Platform } from '../../internal/platform/client.ts';
import { unknownMemberWords } from '../../internal/platform/known-members.ts';
import { platformForReading } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { type Check, examineReadiness, isExpected, problem } from '../../internal/run/readiness.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/**
 * Looks at the configuration, the identity provider, the keychain and the latest things of the workspace. Throws `not_ready`
 * where something keeps people from working, or the one error that a command would end with; `unknown_member` where a member
 * keeps sessions from being created.
 */
export async function runDoctor(context: CommandContext): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const { workspace_id, accepted_members: accepted = [] } = configuration.interface.platform;
  const waiting = context.progress.wait('configuration, identity provider, keychain and platform are looked at');
  const [readiness, { checks: onPlatform, findings }] = await Promise.all([
    examineReadiness(context, configuration),
    examinePlatform(context, configuration, accepted),
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
    text: [
      {
        heading: ['check', 'state', 'found', 'next'],
        rows: checks.map(({ check, state, found, next }) => [check, state, visible(found), visible(next ?? '-')]),
      },
      '',
      ...lines,
    ],
    json: {
      checks: checks.map(({ check, state, found, next }) => ({ check, state, found, next: next ?? null })),
      workspace_id: workspace_id ?? null,
      known_from: knownFrom,
      sdk_version: sdkVersion,
      looked_at: looked,
      unknown_members: unknown,
      accepted_members: findings.accepted,
      needless_members: needless,
    },
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
  context: CommandContext,
  configuration: Configuration,
  accepted: readonly string[],
): Promise<{ checks: Check[]; findings?: MemberFindings }> {
  const { workspace_id } = configuration.interface.platform;
  let platform: Platform;
  try {
    platform = await platformForReading(context, { workspace_id });
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
