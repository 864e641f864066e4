/** What the rules say of a call that waits, and whose yes it takes: everything that judging needs is found out here. */
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import type { Platform } from '../platform/client.ts';
import type { Session } from '../platform/sessions.ts';
import { type Approval, approvalFor } from '../policy/approvers.ts';
import {
  asksForSignIn,
  type CallFacts,
  detectorsFor,
  judgeCall,
  type RuleVerdict,
  type SignInAtStart,
} from '../policy/rules/judge.ts';
import type { ToolCall } from '../session/event.ts';
import { agentKey } from '../session/facts.ts';
import type { LinearPattern } from '../text/linear-pattern.ts';

/** The session of a call, as far as it is judged by. */
export type JudgedSession = Pick<Session, 'id' | 'metadata' | 'created_at'>;

/** How whoever started a session had signed in. Never throws. */
export type SignInOf = (session: JudgedSession) => Promise<SignInAtStart>;

/** What the rules say of a call. `now` is the time of the platform. */
export async function judgeByRules(
  { rules }: Pick<Configuration, 'rules'>,
  session: JudgedSession,
  { service = '', tool = '', input, thread }: ToolCall,
  now: Date,
  signInOf: SignInOf,
): Promise<RuleVerdict> {
  const { metadata, created_at: createdAt } = session;
  const agent = metadata[agentKey] ?? '';
  const files = [...rules.values()];
  const startedAt = new Date(createdAt);
  const matches = await matcher(files.length > 0);
  const wanted = detectorsFor(files, { service, tool, agent });
  const detected: Record<string, CallFacts['detected']['secrets']> = {};
  if (wanted.length > 0) {
    const { detect } = await import('./detect.ts');
    for (const detector of wanted) {
      // A library that fails has found nothing out, and its words may repeat what it looked at.
      detected[detector] = await detect(detector, input).catch(() => ({ failed: `looking for ${detector} failed` }));
    }
  }
  const signIn = asksForSignIn(files, { service, tool, agent }) ? await signInOf(session) : undefined;
  const age = Number.isNaN(startedAt.getTime()) ? undefined : startedAt;
  const bySubAgent = thread !== undefined;
  return judgeCall(files, { service, tool, input, agent, bySubAgent, now, startedAt: age, signIn, matches, detected });
}

/** Whose yes a call takes, and what the rules say of it. */
export interface Need {
  verdict: RuleVerdict;
  /** Undefined where it is the owner's. */
  approval: Approval | undefined;
}

/** What a call is judged with. */
export interface JudgedIn {
  platform: Pick<Platform, 'aheadMs'>;
  configuration: Configuration;
  signInOf: SignInOf;
}

/** The time of the platform, as far as its answers said. */
export function platformTime(platform: Pick<Platform, 'aheadMs'>): Date {
  return new Date(clock.now().getTime() + platform.aheadMs());
}

/** What the rules say now; the approvers of the rule that decided, else those of `approvals`. */
export async function needOf(
  { platform, configuration, signInOf }: JudgedIn,
  session: JudgedSession,
  call: ToolCall,
): Promise<Need> {
  const verdict = await judgeByRules(configuration, session, call, platformTime(platform), signInOf);
  if ((verdict.outcome === 'person' || verdict.outcome === 'two_persons') && verdict.approvers !== undefined) {
    const persons = verdict.outcome === 'two_persons' ? 2 : verdict.approvers.persons;
    return { verdict, approval: { approvers: { ...verdict.approvers, persons }, place: verdict.rule ?? '' } };
  }
  return { verdict, approval: approvalFor(configuration, call) };
}

const compiled = new Map<string, LinearPattern>();

/** Patterns were checked when the configuration was read. */
async function matcher(needed: boolean): Promise<CallFacts['matches']> {
  if (!needed) return () => false;
  const { linearPattern } = await import('../text/linear-pattern.ts');
  return (source, text) => {
    const pattern = compiled.get(source) ?? linearPattern(source);
    if ('problem' in pattern) throw new Error(`a pattern that was not checked: ${pattern.problem}`);
    compiled.set(source, pattern);
    return pattern.isIn(text);
  };
}
