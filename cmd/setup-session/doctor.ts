/** `setup-session doctor`: what the platform answers today that this version does not know. Nobody signs in. */
import { examineMembers, type MemberFindings } from '../../internal/agent/doctor.ts';
import { undecidedWords } from '../../internal/agent/undecided.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { unknownMemberWords } from '../../internal/platform/known-members.ts';
import { platformForReading } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { visible } from '../../internal/text/quote.ts';

/** Looks at the latest things of the workspace. Throws `unknown_member` where a member keeps sessions from being created. */
export async function runDoctor(context: CommandContext): Promise<CommandResult> {
  const { workspace_id, accepted_members: accepted = [] } = (await loadProject(context)).interface.platform;
  const platform = await platformForReading(context, { workspace_id });
  const waiting = context.progress.wait('the answers of the platform are compared with what this version knows');
  const findings = await examineMembers(platform, accepted).finally(() => waiting.done());
  const lines = linesOf(findings);
  if (findings.undecided.length > 0) {
    throw new AppError('unknown_member', lines.join('\n'), {
      hint: 'bring this tool up to date, or have the member looked at and taken by name: platform.accepted_members in config/interface.yaml',
    });
  }
  const { knownFrom, sdkVersion, looked, unknown, needless } = findings;
  return {
    text: lines.join('\n'),
    json: {
      known_from: knownFrom,
      sdk_version: sdkVersion,
      looked_at: looked,
      unknown_members: unknown,
      accepted_members: findings.accepted,
      needless_members: needless,
    },
  };
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
