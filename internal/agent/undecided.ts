/**
 * An agent with a member that this version does not know where its tools are set up. Nobody can say what it does to a tool, so
 * no session begins with it until a version knows it, or a reviewed configuration takes it by name. Pure.
 */
import { AppError } from '../errors/app-error.ts';
import type { AgentAnswer } from '../platform/agents.ts';
import { unknownMemberWords } from '../platform/known-members.ts';
import { visible } from '../text/quote.ts';

/** How such a member is told. */
export function undecidedWords(member: string): string {
  return `${unknownMemberWords(visible(member))}, and it decides what a tool may do`;
}

/** Throws `unknown_member` where an agent has one. Before anything is created: its own answer shows it. */
export function requireDecided(agent: AgentAnswer | undefined): void {
  if (agent === undefined || agent.undecided.length === 0) return;
  throw new AppError('unknown_member', agent.undecided.map(undecidedWords).join('\n'), {
    hint: 'nothing was created; bring this tool up to date, or have it looked at and taken by name: platform.accepted_members in config/interface.yaml',
  });
}
