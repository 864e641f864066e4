/** A call that waits for a yes or no, as a person needs it to decide: whole, harmless in a terminal, with what a yes would do. */
import { type JudgedIn, type JudgedSession, type Need, needOf } from '../approval/judge-call.ts';
import type { Configuration } from '../config/definitions.ts';
import { approverWords } from '../policy/approvers.ts';
import { classify } from '../policy/classify.ts';
import { callDigest } from '../session/call.ts';
import type { ToolCall } from '../session/event.ts';
import type { SessionState } from '../session/session-state.ts';
import { idWord } from '../session/turn-outcome.ts';
import { harmlessJson, quote, visible } from '../text/quote.ts';
import type { WaitingCall } from './values/sessions.ts';

/** A call for programs. */
export function callValue({ eventId, service, tool }: ToolCall) {
  return { event_id: eventId, service: service ?? null, tool: tool ?? null };
}

/** Where a call waits, and whether it is in a session of whoever looks. */
export interface WaitingIn {
  sessionId: string;
  own: boolean;
}

/** A call that waits, for programs. Arguments that nobody could read have neither text nor digest. */
export function waitingValue({ sessionId, own }: WaitingIn, call: ToolCall): WaitingCall {
  const digest = callDigest(sessionId, call);
  return {
    ...callValue(call),
    arguments: digest === undefined ? null : (call.input ?? null),
    digest: digest ?? null,
    answer: own ? answerCommand(sessionId, call, digest) : null,
  };
}

/** A session in which calls wait, for whoever looks. */
export interface Waits extends JudgedIn {
  session: JudgedSession;
  own: boolean;
}

/** A call that waits, in lines, with the answers that would be taken. */
export async function waitingLines(waits: Waits, call: ToolCall): Promise<string[]> {
  const { configuration, session, own } = waits;
  const need = await needOf(waits, session, call);
  const { approval } = need;
  const others =
    approval === undefined
      ? 'only the owner of the session answers it'
      : `a yes takes ${visible(approverWords(approval.approvers))}, not its owner`;
  return [
    `waiting for a yes or no: ${nameOf(call)}`,
    ...detailLines(session.id, call, configuration),
    ...(own ? answerLines({ sessionId: session.id, own }, call, need) : [`  ${others}`]),
  ];
}

/** What one who may answer a call can answer, with the commands: no yes that would be refused. */
export function answerLines(
  { sessionId, own }: WaitingIn,
  call: ToolCall,
  { verdict, approval }: Need,
  sees = true,
): string[] {
  const digest = sees ? callDigest(sessionId, call) : undefined;
  const command = answerCommand(sessionId, call, digest);
  const no = `  no: ${command} --no "<why>"`;
  if (digest === undefined) return [no];
  if (call.service === 'custom') return [`  its result: ${command} --result <text>`, no];
  const why = whyNoYes({ verdict, approval }, own);
  return [`  yes: ${why ?? `${command} --yes`}`, no];
}

/** Why whoever looks cannot say yes to a call, whether it is of their session; undefined where they can. */
export function whyNoYes({ verdict, approval }: Need, own: boolean): string | undefined {
  if (verdict.outcome === 'deny') {
    return `nobody's: ${visible(verdict.rule ?? 'a rule')} denies it: ${quote(verdict.message)}`;
  }
  return own && approval !== undefined
    ? `takes ${visible(approverWords(approval.approvers))}, not its owner`
    : undefined;
}

/** What a call is and what a yes to it does, in lines. */
export function detailLines(sessionId: string, call: ToolCall, configuration: Configuration): string[] {
  const digest = callDigest(sessionId, call);
  const whole = digest === undefined ? '(nobody can read them)' : harmlessJson(call.input ?? {});
  return [
    `  call ${visible(call.eventId)}, digest ${digest ?? 'none'}`,
    `  arguments: ${whole}`,
    `  ${whatYesDoes(call, configuration)}`,
  ];
}

/** Service and tool, or the id where the call itself was not seen. */
export function nameOf({ eventId, service, tool }: Pick<ToolCall, 'eventId' | 'service' | 'tool'>): string {
  return tool === undefined ? quote(eventId) : `${visible(service ?? '')} ${visible(tool)}`;
}

function whatYesDoes({ service, tool }: ToolCall, { services }: Configuration): string {
  if (service === undefined || tool === undefined) return 'the call itself was not seen: look again before you answer';
  if (service === 'custom') return 'it runs outside the platform, which waits for its result';
  if (service === 'builtin') {
    const web = tool === 'web_fetch' || tool === 'web_search';
    return `a yes has it done once, ${web ? 'from the platform' : "in the session's container"}`;
  }
  const known = services.get(service);
  if (known === undefined) return `a yes has it done once at ${quote(service)}, which the configuration does not know`;
  const kind = classify({ name: tool }, known.tools);
  return `a yes has it done once at ${visible(known.title ?? service)} (${visible(known.mcp_server_url)}), with the connection of its owner; it is reviewed as ${kind}`;
}

/** The command that answers a call, without the answer. */
export function answerCommand(sessionId: string, { eventId }: ToolCall, digest: string | undefined): string {
  const words = `setup-session answer ${idWord(sessionId)} ${idWord(eventId, '<call>')}`;
  return digest === undefined ? words : `${words} --digest ${digest}`;
}

/** A state in few words, in which what is from outside is not harmless yet. */
export function stateWords(state: SessionState): string {
  switch (state.kind) {
    case 'waiting':
      return `waiting for a yes: ${state.asks.map(({ service, tool, eventId }) => (tool === undefined ? eventId : `${service} ${tool}`)).join(', ')}`;
    case 'gave_up':
      return `gave up: ${state.error?.type ?? state.reason}${state.error?.service === undefined ? '' : ` (${state.error.service})`}`;
    default:
      return state.kind.replaceAll('_', ' ');
  }
}
