/** `setup-session agents retire`: ends an agent for good, after a question. */
import { readAgentsLock } from '../../internal/agent/lock.ts';
import { confirm } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { openForChange } from '../../internal/run/open-for-change.ts';
import { platformForReading } from '../../internal/run/platform.ts';
import { loadProject } from '../../internal/run/project.ts';
import { findRetiring, type Retiring, retireAgent } from '../../internal/session/retire.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** The options of `agents retire`. */
export interface RetireOptions {
  dryRun?: boolean;
  stop?: boolean;
  yesRetire?: string;
}

/** How long the question waits. */
const questionTimeoutMs = 300_000;

/** Archives an agent; with `--stop` its sessions end too, without it an agent in use is left alone. */
export async function runRetire(context: CommandContext, name: string, options: RetireOptions): Promise<CommandResult> {
  const { stop = false, dryRun = false, yesRetire } = options;
  if (yesRetire !== undefined && yesRetire !== name) {
    throw new AppError('usage', `--yes-retire names ${quote(yesRetire)}, and the agent is ${quote(name)}`, {
      hint: 'write the name of the agent twice: it is archived for good',
    });
  }
  const configuration = await loadProject(context);
  const lock = await readAgentsLock(configuration);
  const change = { what: 'retire agents', command: `setup-session agents retire ${quote(name)}` };
  const platform = dryRun
    ? await platformForReading(context, configuration.interface.platform)
    : await openForChange(context, configuration, change);
  const request = { platform, configuration, lock, name };
  const waiting = context.progress.wait('the agent and its sessions are looked at');
  const retiring = await findRetiring(request).finally(() => waiting.done());
  refuseInUse(name, retiring, stop);
  if (dryRun && !retiring.whole) return planned(name, retiring);
  const asked = !retiring.whole && (await settle(context, name, retiring, options));
  const settled = { ...retiring, justRead: retiring.justRead && !asked };
  const ended = retiring.whole ? [] : await retireAgent(request, settled, { stop, onStep: context.progress.note });
  const file = configuration.agents.has(name)
    ? [`its file config/agents/${name}.yaml has no effect any more: remove it, and its entry in agents.lock.json`]
    : [];
  return {
    text: [`the agent ${visible(name)} is retired`, ...file].join('\n'),
    json: { agent: name, id: retiring.agent.id, already: retiring.whole, ended_sessions: ended },
  };
}

function planned(name: string, { agent, sessions }: Retiring): CommandResult {
  return {
    text: [
      `would archive the agent ${visible(name)} (${visible(agent.id)}) for good`,
      ...sessions.map(({ id, status }) => `would end the session ${visible(id)}, which is ${status}`),
    ].join('\n'),
    json: { agent: name, id: agent.id, would_end_sessions: sessions.map(({ id }) => id) },
  };
}

function refuseInUse(name: string, { sessions }: Retiring, stop: boolean): void {
  if (sessions.length === 0 || stop) return;
  const lines = sessions.map(({ id, status }) => `${quote(id)} ${status}`);
  throw new AppError('agent_in_use', [`sessions of the agent ${quote(name)} can still act:`, ...lines].join('\n'), {
    hint: `end them as well: setup-session agents retire ${name} --stop`,
  });
}

/** Whether somebody was asked, and said yes. */
async function settle(
  context: CommandContext,
  name: string,
  { agent, sessions }: Retiring,
  options: RetireOptions,
): Promise<boolean> {
  if (options.yesRetire === name) return false;
  const what = `archive the agent ${quote(name)} (${quote(agent.id)}) for good`;
  const also = sessions.length === 0 ? '' : ` and end ${sessions.length} of its sessions`;
  if (!context.interactive) {
    throw new AppError('sign_in_needed', `nobody is here to confirm: ${what}${also}`, {
      hint: `run this in a terminal, or add: --yes-retire ${name}`,
    });
  }
  if (await confirm(context, `${what}${also}?`, questionTimeoutMs)) return true;
  throw new AppError('usage', `the agent ${quote(name)} was not retired: not confirmed`, {
    hint: 'nothing was changed',
  });
}
