/** The narrowest of what several say about one tool, and which of them decided (P5). Pure and total. */
import type { Verdict } from '../config/definitions.ts';

/** Who has a say about a tool. */
export type Party = 'agent' | 'person' | 'scopes' | 'pin' | 'parent';

/** What one of them says about a tool, and because of what: a place in the configuration, or a fact. */
export interface Statement {
  party: Party;
  verdict: Verdict;
  /** Whole words for people. It may hold names from outside. */
  because: string;
}

const order: readonly Verdict[] = ['off', 'ask', 'auto', 'on'];
const rank: Readonly<Record<Verdict, number>> = { off: 0, ask: 1, auto: 2, on: 3 };

const nothingSaid: Statement = { party: 'agent', verdict: 'off', because: 'nothing allows it' };

/** The narrowest of some verdicts; `off` of none. */
export function narrowest(...verdicts: readonly Verdict[]): Verdict {
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'off';
}

/** The widest of some verdicts; `off` of none. */
export function widest(verdicts: readonly Verdict[]): Verdict {
  return order.findLast((verdict) => verdicts.includes(verdict)) ?? 'off';
}

/** The first of the narrowest statements: its verdict is the one that counts. Of none it is `off` (P4). */
export function effective(statements: readonly Statement[]): Statement {
  let decided = statements[0] ?? nothingSaid;
  for (const statement of statements) if (isNarrower(statement.verdict, decided.verdict)) decided = statement;
  return decided;
}

/** Whether one verdict allows less than another. */
export function isNarrower(one: Verdict, other: Verdict): boolean {
  return rank[one] < rank[other];
}

/** What has to change for the next wider verdict: all of these, and nothing else. None where it is as wide as can be. */
export function towardsWider(statements: readonly Statement[]): { changes: Statement[]; wider: Verdict } {
  const { verdict } = effective(statements);
  if (statements.length === 0 || verdict === 'on') return { changes: [], wider: verdict };
  const others = statements.map((each) => each.verdict).filter((each) => each !== verdict);
  return {
    changes: statements.filter((each) => each.verdict === verdict),
    wider: others.length === 0 ? 'on' : narrowest(...others),
  };
}
