/**
 * What the rules say of one call that waits: of those that hold, the narrowest. A rule that cannot be judged is said of a
 * person, and so is a call of which no rule holds. Pure: everything that is known of the call is given.
 */
import type { Approvers, CallRule, Requirement, RuleFile } from '../../config/definitions.ts';
import { secondsOf, unmet } from '../../identity/assurance.ts';
import type { Assurance } from '../../identity/principal.ts';
import { canonicalJson } from '../../text/canonical.ts';
import { valueAt } from '../../text/pointer.ts';
import { quote } from '../../text/quote.ts';
import { isWithin } from '../condition.ts';
import { endsInText, isCovered } from './pointer.ts';

/** What is looked for in the arguments by libraries. */
export type Detector = 'secrets' | 'personal_data';

/** What is known of a call. */
export interface CallFacts {
  service: string;
  tool: string;
  input: unknown;
  /** The name of the agent's file. */
  agent: string;
  /** Whether a sub-agent asks: nobody knows by which definition. */
  bySubAgent?: boolean;
  now: Date;
  /** When the session began; undefined where the platform does not say. */
  startedAt: Date | undefined;
  /** How whoever started the session had signed in; undefined where no rule about this call asks for it. */
  signIn: SignInAtStart | undefined;
  /** Whether a pattern is found in a text. */
  matches(pattern: string, text: string): boolean;
  /** What each detector found, in words; a failure of it in words of its own. */
  detected: Readonly<Partial<Record<Detector, readonly string[] | { failed: string }>>>;
}

/** A sign-in as the record has it with the start of a session; in words why it is not known, or could not be looked for. */
export type SignInAtStart = { shown: Assurance } | { unknown: string } | { failed: string };

/** How often a rule may say yes, and counted for what. */
export type Quota = NonNullable<CallRule['quota']>;

/** What the rules say, and which of them. */
export type RuleVerdict = {
  /** The place of the rule; undefined where none holds. */
  rule: string | undefined;
  /** Words for people. */
  because: string;
} & (
  | { outcome: 'allow'; quotas: readonly { rule: string; quota: Quota }[] }
  | { outcome: 'deny'; message: string }
  | { outcome: 'person' | 'two_persons'; approvers: Approvers | undefined }
);

const order = ['deny', 'two_persons', 'person', 'allow'] as const;
/** Longer texts are left to a person: nothing waits for a pattern that goes through megabytes. */
const longestText = 1024 * 1024;

/** The detectors that some rules ask for about a call of this tool. */
export function detectorsFor(
  files: Iterable<RuleFile>,
  call: Pick<CallFacts, 'service' | 'tool' | 'agent'>,
): Detector[] {
  const wanted = [...files].flatMap(({ rules }) =>
    Object.values(rules).flatMap((rule) =>
      isAbout(rule, call) ? [...(rule.free_of ?? []), ...(rule.holds ?? [])] : [],
    ),
  );
  return [...new Set(wanted)];
}

/** Whether some rule about this call asks how whoever started its session had signed in. */
export function asksForSignIn(files: Iterable<RuleFile>, call: Pick<CallFacts, 'service' | 'tool' | 'agent'>): boolean {
  return [...files].some(({ rules }) =>
    Object.values(rules).some((rule) => rule.assurance !== undefined && isAbout(rule, call)),
  );
}

/** Judges one call. Never throws for what is in its arguments. */
export function judgeCall(files: Iterable<RuleFile>, facts: CallFacts): RuleVerdict {
  const said: RuleVerdict[] = [];
  for (const { name, rules } of files) {
    for (const [key, rule] of Object.entries(rules)) {
      const place = `rules/${name}.yaml: rules.${key}`;
      if (!isAbout(rule, facts)) continue;
      try {
        if (holds(rule, facts)) said.push(verdictOf(rule, place));
      } catch (error) {
        if (!(error instanceof Unjudgeable)) throw error;
        // Where it would have taken two people, arguments that nobody can judge do not make it one.
        said.push({
          outcome: rule.outcome === 'two_persons' ? 'two_persons' : 'person',
          rule: place,
          because: `it cannot be judged: ${error.message}`,
          approvers: rule.approvers,
        });
      }
    }
  }
  if (facts.bySubAgent === true) {
    said.push({ outcome: 'person', rule: undefined, because: 'a sub-agent asks', approvers: undefined });
  }
  const outcome = order.find((each) => said.some((verdict) => verdict.outcome === each));
  const alike = said.filter((verdict) => verdict.outcome === outcome);
  const [first, ...others] = alike.sort((one, other) => narrownessOf(other) - narrownessOf(one));
  if (first === undefined)
    return { outcome: 'person', rule: undefined, because: 'no rule holds', approvers: undefined };
  if (first.outcome !== 'allow') return first;
  // Each that says yes counts it, and any of them may have said it often enough.
  return { ...first, quotas: [first, ...others].flatMap((each) => (each.outcome === 'allow' ? each.quotas : [])) };
}

/** Of verdicts alike, the one that names people comes first: without, it could be the owner's own yes. */
function narrownessOf(verdict: RuleVerdict): number {
  if (!('approvers' in verdict) || verdict.approvers === undefined) return 0;
  const { persons, require } = verdict.approvers;
  return 1 + (persons === 2 ? 2 : 0) + (require === undefined ? 0 : 1);
}

class Unjudgeable extends Error {}

function isAbout({ service, tools, agents }: CallRule, call: Pick<CallFacts, 'service' | 'tool' | 'agent'>): boolean {
  return (
    (service === undefined || service === call.service) &&
    (tools === undefined || tools.includes(call.tool)) &&
    (agents === undefined || agents.includes(call.agent))
  );
}

function verdictOf(rule: CallRule, place: string): RuleVerdict {
  const said = { rule: place, because: 'it holds' };
  switch (rule.outcome) {
    case 'allow':
      return {
        ...said,
        outcome: 'allow',
        quotas: rule.quota === undefined ? [] : [{ rule: place, quota: rule.quota }],
      };
    case 'deny':
      return {
        ...said,
        outcome: 'deny',
        message: rule.message ?? 'a rule of the organization does not allow this call',
      };
    default:
      return { ...said, outcome: rule.outcome, approvers: rule.approvers };
  }
}

function holds(rule: CallRule, facts: CallFacts): boolean {
  const { hours, session_age: age, assurance, largest, only } = rule;
  const { arguments: named = {}, free_of: free = [], holds: held = [] } = rule;
  if (hours !== undefined && !hours.some((each) => isWithin(each, facts.now))) return false;
  if (age !== undefined && ageOf(facts) > secondsOf(age) * 1000) return false;
  if (assurance !== undefined && !isShown(assurance, facts, rule)) return false;
  if (largest !== undefined && sizeOf(facts.input) > largest) return false;
  for (const [pointer, wanted] of Object.entries(named)) if (!isAs(wanted, pointer, facts, rule)) return false;
  if (only === true && !isCovered(facts.input, Object.keys(named))) return false;
  if (free.some((detector) => found(detector, facts).length > 0)) return false;
  return held.length === 0 || held.some((detector) => found(detector, facts).length > 0);
}

function ageOf({ now, startedAt }: CallFacts): number {
  const age = startedAt === undefined ? Number.NaN : now.getTime() - startedAt.getTime();
  if (Number.isNaN(age)) throw new Unjudgeable('the platform does not say when the session began');
  return age;
}

function isShown(wanted: Requirement, { signIn, now }: CallFacts, { outcome }: CallRule): boolean {
  if (signIn === undefined) throw new Unjudgeable('nothing looked for how its owner had signed in');
  if ('failed' in signIn) throw new Unjudgeable(signIn.failed);
  if ('shown' in signIn) return unmet(signIn.shown, wanted, now) === undefined;
  // What is not known lets nothing through, and no rule that refuses is passed by it.
  if (outcome === 'allow') return false;
  throw new Unjudgeable(signIn.unknown);
}

function sizeOf(input: unknown): number {
  try {
    return canonicalJson(input ?? null).length;
  } catch (error) {
    if (error instanceof RangeError) throw new Unjudgeable('its arguments are nested too deep');
    throw error;
  }
}

function found(detector: Detector, { detected }: CallFacts): readonly string[] {
  const result = detected[detector];
  if (result === undefined) throw new Unjudgeable(`nothing looked for ${detector}`);
  if ('failed' in result) throw new Unjudgeable(result.failed);
  return result;
}

type Wanted = NonNullable<CallRule['arguments']>[string];

function isAs(wanted: Wanted, pointer: string, facts: CallFacts, { outcome }: CallRule): boolean {
  const { equals, one_of: list, matches, longest, absent } = wanted;
  const there = valueAt(facts.input, pointer);
  if (absent === true) return there === undefined;
  if (there === undefined) {
    if (outcome !== 'allow' && endsInText(facts.input, pointer)) {
      throw new Unjudgeable(`${quote(pointer)} would lie in a text`);
    }
    return false;
  }
  const { value } = there;
  for (const scalars of [equals === undefined ? undefined : [equals], list]) {
    if (scalars === undefined || scalars.some((each) => each === value)) continue;
    // A service may read "3" as 3, and a list of one as what is in it: neither slips past a rule that refuses some values.
    if (outcome !== 'allow' && scalars.some((each) => couldBe(value, each))) {
      throw new Unjudgeable(`${quote(pointer)} is of another kind than what it is compared with`);
    }
    return false;
  }
  if (longest !== undefined && lengthOf(value, pointer) > longest) return false;
  if (matches === undefined) return true;
  // A list in the place of a text must not slip past a rule that refuses some texts.
  if (typeof value !== 'string') throw new Unjudgeable(`${quote(pointer)} is no text`);
  if (value.length > longestText) throw new Unjudgeable(`${quote(pointer)} is longer than 1 MiB`);
  return isFound(matches, value, pointer, facts);
}

function couldBe(value: unknown, wanted: string | number | boolean | null): boolean {
  return (typeof value === 'object' && value !== null) || String(value) === String(wanted);
}

/** An engine that fails has judged nothing. */
function isFound(pattern: string, text: string, pointer: string, { matches }: CallFacts): boolean {
  try {
    return matches(pattern, text);
  } catch (error) {
    throw new Unjudgeable(`the pattern of ${quote(pointer)} failed: ${String(error)}`);
  }
}

function lengthOf(value: unknown, pointer: string): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  throw new Unjudgeable(`${quote(pointer)} has no length`);
}
