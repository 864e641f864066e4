/** Calls that wait, answered by the rules of the configuration; and what other rules would have said. */
import type { Guarded } from '../../approval/guard.ts';
import { judgeByRules } from '../../approval/judge-call.ts';
import { clock } from '../../clock/clock.ts';
import type { Agent, Configuration } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { assuranceOf } from '../../identity/assurance.ts';
import { PlatformError } from '../../platform/client.ts';
import type { RuleVerdict, SignInAtStart } from '../../policy/rules/judge.ts';
import { agentKey } from '../../session/facts.ts';
import { isInScope } from '../../session/live.ts';
import { lookupsOf } from '../../session/verify.ts';
import { quote, visible } from '../../text/quote.ts';
import { isRecord, recordIn } from '../../text/record.ts';
import { actorOf } from '../actor.ts';
import { nameOf } from '../call-words.ts';
import { openScopedRun, readReachable, scopeOf } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import type { OperatorRun } from '../project.ts';
import { loadProject } from '../project.ts';
import { readLocks } from '../read-locks.ts';
import { recordAnswer } from '../recording.ts';
import { keepRenewed } from '../renew-through-idp.ts';
import { shownBy } from '../sign-in-at-start.ts';
import { stillAsBegun } from '../still-as-begun.ts';
import type { GuardCallsRequest, GuardedCalls, TestedRules, TestRulesRequest } from '../values/rules.ts';

/**
 * Answers calls by the rules until somebody ends it: of one session, of one's own, or with `all` of everybody's, for operators.
 * Throws `config_missing` where there are no rules, `drift` once the configuration is another one, `offboarded`, `not_allowed`
 * and `record_unwritable`.
 */
export async function guardCalls({ session: id, all }: GuardCallsRequest, ports: Ports): Promise<GuardedCalls> {
  if (id !== undefined && all) throw new AppError('usage', '--all goes without a session');
  const run = await openScopedRun(ports, { all }, 'setup-session guard');
  const { configuration, principal, workspace, platform } = run;
  const { signal, tell } = ports;
  const issues = configuration.interface.session_tokens !== undefined;
  if (configuration.rules.size === 0 && !issues) {
    throw new AppError('config_missing', 'there are no rules in config/rules, so every call is left to people', {
      hint: 'write some: docs/approvals.md',
    });
  }
  const lookups = lookupsOf(platform);
  const only = id === undefined ? undefined : (await readReachable(ports, run, lookups, id)).id;
  const scope = await scopeOf(run, lookups, { all });
  const counts = { allowed: 0, denied: 0, left: 0, elsewhere: 0 };
  const { guardSessions } = await import('../../approval/guard.ts');
  if (configuration.rules.size > 0)
    tell.note(`calls are answered by ${configuration.rules.size} files of rules, until this ends`);
  if (issues) tell.note('tokens of sessions are renewed, and taken back where their session is over');
  const ended = new AbortController();
  const renewing = keepRenewed(run, ports, AbortSignal.any([signal, ended.signal]));
  // A fault of it is told when the guard has ended.
  renewing.catch(() => {});
  const requireStill = stillAsBegun(ports, run, {
    what: 'nothing more is answered by it',
    again: 'start the guard again: setup-session guard',
  });
  const answering = () =>
    guardSessions({
      ...run,
      signal,
      isInScope: async (session) => (only === undefined ? await isInScope(session, scope) : session.id === only),
      readLocks: (agent: Agent) => readLocks(configuration, agent, signal),
      record: (entry) => recordAnswer(ports, workspace, actorOf(principal), entry),
      requireStill,
      told(guarded) {
        counts[guarded.outcome] += 1;
        tellGuarded(ports, guarded);
      },
    });
  const guarding = configuration.rules.size === 0 ? () => waitWhile(requireStill, signal) : answering;
  await tending(ports, run, { all, only }, guarding).finally(() => ended.abort());
  await renewing;
  return counts;
}

/** Between two looks whether it may go on. */
const everyMs = 2000;

/** Answers nothing: only the tokens are looked after, for as long as that may be. */
async function waitWhile(requireStill: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await requireStill();
    } catch (error) {
      if (!(error instanceof PlatformError) && !signal.aborted) throw error;
    }
    await clock.pause(everyMs, signal);
  }
}

/** Guards, and looks after the tokens of the same sessions. */
async function tending(
  ports: Ports,
  run: OperatorRun,
  { all, only }: { all: boolean; only: string | undefined },
  guarding: () => Promise<void>,
): Promise<void> {
  if (run.configuration.interface.session_tokens === undefined) return await guarding();
  const { ofPerson, ofSessions, whileTended } = await import('../session-tokens.ts');
  const everybodys = all ? () => true : ofPerson(run.principal);
  await whileTended(ports, run, only === undefined ? everybodys : ofSessions([only]), guarding);
}

function tellGuarded({ stream, tell }: Ports, { session, call, outcome, rule, because }: Guarded): void {
  const why = rule === undefined ? because : `${rule}: ${because}`;
  stream(`${outcome}: ${nameOf(call)} (${visible(call.eventId)} of ${visible(session)}): ${visible(why)}\n`);
  const { eventId, service = null, tool = null } = call;
  tell.event({ event: 'guarded', session, call: eventId, service, tool, outcome, rule: rule ?? null, because });
}

interface PastCall {
  call: string | null;
  session: string | null;
  at: string | null;
  service: string;
  tool: string;
  agent: string;
  /** Of a sub-agent. */
  thread: string | null;
  /** When its session began, in RFC 3339. */
  began: string | null;
  /** How whoever started it had signed in. */
  signIn: SignInAtStart;
  input: unknown;
}

/** Judges calls by the rules that are there and by those with another file. Throws `config_invalid` and `usage`. */
export async function testRules({ file, calls: path }: TestRulesRequest, ports: Ports): Promise<TestedRules> {
  const configuration = await loadProject(ports, { workspace: 'any' });
  const { loadRuleFile } = await import('../../config/load.ts');
  const other = await loadRuleFile(file, configuration);
  const changed = { rules: new Map([...configuration.rules, [other.name, other]]) };
  const { calls, without } = path === undefined ? await recordedCalls(ports) : await callsIn(path);
  const changes: TestedRules['changes'] = [];
  for (const call of calls) {
    const [before, after] = [await judgePast(configuration, call), await judgePast(changed, call)];
    if (before.outcome === after.outcome) continue;
    const { call: id, session, at, service, tool } = call;
    changes.push({ call: id, session, at, service, tool, before: said(before), after: said(after) });
  }
  return { judged: calls.length, without_arguments: without, changes };
}

async function judgePast(rules: Pick<Configuration, 'rules'>, past: PastCall): Promise<RuleVerdict> {
  const { call, service, tool, agent, input, at, thread, began, signIn } = past;
  const session = { id: past.session ?? '', metadata: { [agentKey]: agent }, created_at: began ?? '' };
  const asked = { eventId: call ?? '', service, tool, input, ...(thread !== null && { thread }) };
  return await judgeByRules(rules, session, asked, new Date(at ?? clock.now()), async () => signIn);
}

function said({ outcome, rule, because }: RuleVerdict) {
  return { outcome, rule: rule ?? null, because };
}

/** The calls in the record of this machine whose arguments were kept. */
async function recordedCalls(ports: Ports): Promise<{ calls: PastCall[]; without: number }> {
  const record = await ports.record();
  const calls: PastCall[] = [];
  let without = 0;
  /** When what a run made came into being, sessions among it. */
  const made = new Map<string, string>();
  await record.verify(({ entry, at }) => {
    if (entry.kind === 'outcome' && entry.made !== undefined) made.set(entry.made, at);
    if (entry.kind !== 'call') return;
    const { call, session, happened, service, tool, agent, thread = null, arguments: text } = entry;
    const { responsible } = entry;
    if (text === undefined) without += 1;
    else {
      const input: unknown = JSON.parse(text);
      const began = made.get(session) ?? null;
      const signIn = shownBy('subject' in responsible ? responsible : {});
      const when = { at: happened || null, began };
      calls.push({ call, session, ...when, service, tool, agent: agent.name ?? '', thread, signIn, input });
    }
  });
  return { calls, without };
}

async function callsIn(path: string): Promise<{ calls: PastCall[]; without: number }> {
  const { readText } = await import('../../outside/files.ts');
  const text = await readText(path);
  if (text === undefined) throw new AppError('usage', `there is no file ${quote(path)}`);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return { calls: lines.map((line, index) => pastCall(path, line, index + 1)), without: 0 };
}

function pastCall(path: string, line: string, number: number): PastCall {
  const said = recordIn(line) ?? {};
  const { service, tool, agent, arguments: input, at = null, call = null, session = null, thread = null } = said;
  const { session_began: began = null, sign_in: signedIn = null } = said;
  const signIn = isRecord(signedIn)
    ? { shown: assuranceOf(signedIn) }
    : { unknown: 'nothing says how its owner had signed in' };
  const texts = [service, tool, agent].every((each) => typeof each === 'string');
  const others = [at, call, session, thread, began].every((each) => each === null || typeof each === 'string');
  const times = [at, began].every((each) => each === null || !Number.isNaN(Date.parse(String(each))));
  if (!texts || !others || !isRecord(input) || !times || (signedIn !== null && !isRecord(signedIn))) {
    throw new AppError('usage', `${visible(path)}:${number} is not a call`, {
      hint: 'one JSON object a line: service, tool, agent (its file), arguments; and at, session_began (RFC 3339), sign_in (acr, amr, auth_time), call, session, thread where known',
    });
  }
  return { service, tool, agent, input, at, call, session, thread, began, signIn } as PastCall;
}
