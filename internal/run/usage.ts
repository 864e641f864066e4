import type { Session } from '../platform/sessions.ts';
import { readUsage, type Usage } from '../session/event.ts';
import type { UsageValue } from './values/sessions.ts';

/** What a session has used so far, as the platform tells it. */
export function usageOf(session: Session): Usage {
  return readUsage(session.usage);
}

/** A usage for programs. */
export function usageValue({ inputTokens, outputTokens, activeSeconds, listCost }: Usage): UsageValue {
  return {
    input_tokens: inputTokens ?? null,
    output_tokens: outputTokens ?? null,
    active_seconds: activeSeconds ?? null,
    list_cost: listCost ?? null,
  };
}

/** A usage in words; what the platform does not tell is left out. */
export function usageWords({
  input_tokens: inputs,
  output_tokens: outputs,
  active_seconds: seconds,
  list_cost: cost,
}: UsageValue): string {
  const parts = [
    ...(inputs === null ? [] : [`${inputs} tokens in`]),
    ...(outputs === null ? [] : [`${outputs} out`]),
    ...(seconds === null ? [] : [`${Math.round(seconds)} s`]),
    ...(cost === null ? [] : [moneyWords(cost)]),
  ];
  return parts.join(', ') || 'not told';
}

/** An amount in the smallest unit of its currency, which is cents for the only one there is. */
export function moneyWords({ amount, currency }: { amount: string; currency: string }): string {
  if (currency !== 'USD' || !/^\d+(\.\d+)?$/.test(amount)) return `${amount} ${currency}`;
  return `$${(Number(amount) / 100).toFixed(2)} at list price`;
}

/** The most that a session may cost at list price; undefined where it has no budget. */
export function budgetOf(session: Session): Usage['listCost'] {
  return readUsage({ list_cost: (session.budget as { max_list_cost?: unknown } | null | undefined)?.max_list_cost })
    .listCost;
}
