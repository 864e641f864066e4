import type { CommandResult } from '../../internal/cli/program.ts';
import { nameOf } from '../../internal/run/call-words.ts';
import { moneyWords, usageWords } from '../../internal/run/usage.ts';
import type { ShownSession } from '../../internal/run/values/sessions.ts';
import { visible } from '../../internal/text/quote.ts';

type Turn = ShownSession['turns'][number];
type Call = Turn['calls'][number];

/** What happened in one session, turn by turn, and what waits. */
export function showShown(shown: ShownSession): CommandResult {
  const { budget, beside } = shown;
  const owner = shown.owner?.subject ?? '(nobody)';
  return {
    text: [
      `session ${visible(shown.session_id)} of ${visible(owner)}, agent ${visible(shown.agent)}, started ${visible(shown.started_at)}`,
      `state: ${visible(beside.state)}`,
      `used: ${visible(usageWords(shown.usage))}${budget === null ? '' : `, of a budget of ${visible(moneyWords(budget))}`}`,
      ...shown.turns.flatMap(turnLines),
      ...beside.waiting,
    ].join('\n'),
    json: shown,
  };
}

function turnLines({ at, message, answer, calls, errors, stop_reason: end, interrupted }: Turn): string[] {
  return [
    '',
    `${visible(at ?? 'in the queue')}: ${firstOf(message)}`,
    ...calls.map((call) => `  ${callName(call)}: ${outcomeWords(call)}`),
    ...errors.map(
      ({ type, service }) => `  error: ${visible(type)}${service === null ? '' : ` (${visible(service)})`}`,
    ),
    ...(answer === '' ? [] : [`  answer: ${firstOf(answer)}`]),
    `  ${visible(end ?? 'goes on')}${interrupted ? ', interrupted' : ''}`,
  ];
}

/** The name of a call, from its value. */
export function callName({ event_id: eventId, service, tool }: Pick<Call, 'event_id' | 'service' | 'tool'>): string {
  return nameOf({ eventId, service: service ?? undefined, tool: tool ?? undefined });
}

const shownLength = 200;

/** The beginning of a text, on one line; the whole is in the value for programs. */
function firstOf(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return visible(line.length > shownLength ? `${line.slice(0, shownLength)}…` : line);
}

const outcomes = {
  ran: 'made',
  refused: 'refused by the platform',
  yes: 'made, after a yes',
  no: 'refused, by a no',
  result: 'given a result',
  open: 'asked for',
} as const;

function outcomeWords({ outcome, failed }: Pick<Call, 'outcome' | 'failed'>): string {
  return `${outcomes[outcome]}${failed === true && outcome !== 'refused' && outcome !== 'no' ? ', failed' : ''}`;
}
