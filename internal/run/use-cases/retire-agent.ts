import { AppError } from '../../errors/app-error.ts';
import { retireAgent as endAgent, findRetiring, type Retiring } from '../../session/retire.ts';
import { quote } from '../../text/quote.ts';
import { endTokensOf } from '../end-tokens.ts';
import { openAgents } from '../fleet.ts';
import type { Ports } from '../ports.ts';
import type { RetireRequest, RetireResult } from '../values/agents.ts';

/** How long the question waits. */
const questionTimeoutMs = 300_000;

/** Archives an agent for good, after a yes; with `stop` its sessions end too, without it an agent in use is left alone. */
export async function retireAgent(request: RetireRequest, ports: Ports): Promise<RetireResult> {
  const { name, stop, dryRun, confirmed } = request;
  if (confirmed !== undefined && confirmed !== name) {
    throw new AppError('usage', `--yes-retire names ${quote(confirmed)}, and the agent is ${quote(name)}`, {
      hint: 'write the name of the agent twice: it is archived for good',
    });
  }
  const { tell } = ports;
  const change = { what: 'retire agents', command: `setup-session agents retire ${quote(name)}` };
  const place = { ...(await openAgents(ports, dryRun ? undefined : change)), name };
  const waiting = tell.wait('the agent and its sessions are looked at');
  const retiring = await findRetiring(place).finally(() => waiting.done());
  const { agent, sessions, whole, justRead } = retiring;
  refuseInUse(name, retiring, stop);
  if (dryRun && !whole) {
    const ids = sessions.map(({ id }) => id);
    const statuses = sessions.map(({ status }) => status);
    return { agent: name, id: agent.id, would_end_sessions: ids, beside: { statuses } };
  }
  const asked = !whole && (await confirmRetiring(ports, request, retiring));
  const sure = { ...retiring, justRead: justRead && !asked };
  const ended = whole ? [] : await endAgent(place, sure, { stop, onStep: tell.note });
  await endTokensOf(ports, place, ended);
  const hasFile = place.configuration.agents.has(name);
  return { agent: name, id: agent.id, already: whole, ended_sessions: ended, beside: { hasFile } };
}

function refuseInUse(name: string, { sessions }: Retiring, stop: boolean): void {
  if (sessions.length === 0 || stop) return;
  const lines = sessions.map(({ id, status }) => `${quote(id)} ${status}`);
  throw new AppError('agent_in_use', [`sessions of the agent ${quote(name)} can still act:`, ...lines].join('\n'), {
    hint: `end them as well: setup-session agents retire ${name} --stop`,
  });
}

/** Whether somebody was asked, and said yes. */
async function confirmRetiring(
  { ask }: Ports,
  { name, confirmed }: RetireRequest,
  { agent, sessions }: Retiring,
): Promise<boolean> {
  if (confirmed === name) return false;
  const what = `archive the agent ${quote(name)} (${quote(agent.id)}) for good`;
  const also = sessions.length === 0 ? '' : ` and end ${sessions.length} of its sessions`;
  if (ask === undefined) {
    throw new AppError('sign_in_needed', `nobody is here to confirm: ${what}${also}`, {
      hint: `run this in a terminal, or add: --yes-retire ${name}`,
    });
  }
  if (await ask.yes(`${what}${also}?`, questionTimeoutMs)) return true;
  throw new AppError('usage', `the agent ${quote(name)} was not retired: not confirmed`, {
    hint: 'nothing was changed',
  });
}
