/**
 * What one person may do with one agent, tool by tool. Pure and total: the narrowest of what the agent's file, the
 * person's permissions, the scopes of their connection, the reviewed catalogue and its pin say (P5). What nobody lists
 * is off (P4).
 */
import { clock } from '../clock/clock.ts';
import type { Agent, Configuration, Service, Verdict } from '../config/definitions.ts';
import { isNamed, type Principal } from '../identity/principal.ts';
import { agentSays, builtinTools, classified, type ToolClass } from './agent-says.ts';
import { type Raising, raised } from './classify.ts';
import { effective, type Statement } from './effective.ts';
import { personSays } from './person-says.ts';
import type { DecidedTool } from './toolset.ts';

export type { ToolClass } from './agent-says.ts';

/** The verdict on one tool and who said what. */
export interface ToolVerdict extends DecidedTool {
  class: ToolClass | 'builtin';
  agent: Verdict;
  person: Verdict;
  /** Undefined where no scope is needed, or where nobody knows which were granted. */
  scopes: 'on' | 'off' | undefined;
  /** Undefined where the service has no pin. */
  pin: 'on' | 'off' | undefined;
  /** Of a router, what that makes of its class, or why it does not. */
  router?: string;
  /** The narrowest of them. */
  verdict: Verdict;
  /** What decided: the first of the narrowest. */
  rule: Statement;
  /** Everything that was said, in the order of the parties. */
  says: readonly Statement[];
}

/** What the pins say of a tool: whether it still is what somebody reviewed. */
export interface PinSource {
  pinVerdict(
    service: string,
    tool: string,
  ): {
    verdict: 'on' | 'off';
    /** `not-pinned` where the service has no pin, so that it has no say. */
    reason: string;
    /** Why it is so, where there is more to say than the reason. */
    why?: string;
    /** What may raise its class and never lowers it: what the server claims, and that it is a router. */
    annotations: Raising | undefined;
    /** By what it is known as a router, and why a person said that it is none. */
    router?: { shape: string; reason: string | undefined };
  };
}

/** What is known beyond the configuration. What is left out has no say. */
export interface Evidence {
  /** The scopes that the person's connections were granted, by service; a service that is not in it is not known. */
  grantedScopes?: ReadonlyMap<string, readonly string[]> | undefined;
  /** What was reviewed of the tools. */
  pins?: PinSource | undefined;
  /** When the session begins; now, where nothing is said. */
  now?: Date | undefined;
}

/** The verdict on every reviewed tool of every service of the agent, and on its built-in tools. */
export function judgeTools(
  agent: Agent,
  principal: Principal,
  configuration: Configuration,
  { grantedScopes, pins, now = clock.now() }: Evidence = {},
): ToolVerdict[] {
  const circumstances = { principal, now, environment: agent.environment };
  const ofServices = Object.keys(agent.services).flatMap((name) => {
    const service = configuration.services.get(name);
    if (service === undefined) return [];
    const ofAgent = agentSays(agent, name, circumstances);
    const ofPerson = personSays(principal, configuration, name, circumstances);
    const ofPin = pinsSay();
    const together = judging();
    const ofScopes = scopesSay(service, grantedScopes?.get(name));
    return classified(service).map(([tool, reviewed]): ToolVerdict => {
      const pin = pins?.pinVerdict(name, tool);
      const kind = pin?.annotations === undefined ? reviewed : raised(reviewed, pin.annotations);
      // A class that was raised only ever narrows: what is said of the reviewed one counts too.
      const isRaised = kind !== reviewed;
      const fromAgent = isRaised ? [...ofAgent(tool, reviewed), ...ofAgent(tool, kind)] : ofAgent(tool, kind);
      const fromPerson = isRaised ? [...ofPerson(tool, reviewed), ...ofPerson(tool, kind)] : ofPerson(tool, kind);
      const fromScopes = ofScopes(tool);
      const fromPin = ofPin(pin);
      const {
        agent: ofAgentAlone,
        person: ofPersonAlone,
        rule,
        says,
      } = together(fromAgent, fromPerson, fromScopes, fromPin);
      return {
        service: name,
        tool,
        class: kind,
        agent: ofAgentAlone,
        person: ofPersonAlone,
        scopes: fromScopes?.verdict,
        pin: fromPin?.verdict,
        ...(pin?.router === undefined ? {} : { router: routerWords(pin.router).join() }),
        verdict: rule.verdict,
        rule,
        says,
      };
    });
  });
  return [...ofServices, ...builtinTools(agent).map(judgeBuiltin)];
}

/** The agent's own verdicts, before any person and condition: what its definition on the platform allows at most. */
export function agentTools(agent: Agent, configuration: Configuration): DecidedTool[] {
  const ofServices = Object.keys(agent.services).flatMap((name) => {
    const service = configuration.services.get(name);
    const say = agentSays(agent, name, undefined);
    return service === undefined
      ? []
      : classified(service).map(([tool, kind]) => ({
          service: name,
          tool,
          verdict: effective(say(tool, kind)).verdict,
        }));
  });
  return [...ofServices, ...builtinTools(agent).map(({ says: _, ...tool }) => tool)];
}

/**
 * Whether anything at a service is open to this person; who is not listed may not even connect it (P4). Nothing of a
 * service outside the catalogue can be open, so whether it may be connected at all is one key of `interface.yaml`.
 * Conditions are left to the sessions: what is connected may be used at another hour.
 */
export function mayUseService(principal: Principal, configuration: Configuration, service: Service): boolean {
  if (service.unlisted === true) return configuration.interface.unlisted_services === 'confirm';
  const say = personSays(principal, configuration, service.name);
  return classified(service).some(([tool, kind]) => effective(say(tool, kind)).verdict !== 'off');
}

/** Whether this person may act on the vaults and sessions of others; nobody may unless listed, and an agent never. */
export function isOperator(principal: Principal, { interface: { people } }: Configuration): boolean {
  if (principal.kind === 'agent') return false;
  const { groups = [], principals = [] } = people.operators ?? {};
  return whatNames(principal, { groups, principals }) !== undefined;
}

/** Whether the agent's file lets this person start sessions with it at all. */
export function mayUseAgent(principal: Principal, agent: Agent): boolean {
  return whatLetsStart(principal, agent) !== undefined;
}

/** Which key of the agent's file lets somebody start sessions with it, in words; undefined where none does. */
export function whatLetsStart(principal: Principal, agent: Agent): string | undefined {
  if (principal.kind === 'agent') return whatLetsRun(principal, agent);
  const named = whatNames(principal, agent.allowed);
  return named && `allowed.${named}`;
}

/** An agent that acts for itself does so with its own file alone, and only for whom that names. */
function whatLetsRun(principal: Principal, { name, autonomous }: Agent): string | undefined {
  if (autonomous === undefined || principal.subject !== name) return undefined;
  const runner = principal.autonomous?.runner;
  // Without one nobody starts anything: what began earlier is looked at again.
  if (runner === undefined) return 'autonomous';
  const named = whatNames(runner, autonomous.run_by);
  return named && `autonomous.run_by.${named}`;
}

/** Which entry of a list of groups and people somebody is meant by, in words; undefined where by none. */
export function whatNames(
  principal: Principal,
  { groups, principals }: Readonly<Record<'groups' | 'principals', readonly string[]>>,
): string | undefined {
  if (principals.some((subject) => isNamed(principal, subject))) return 'principals, by subject';
  const group = groups.find((each) => principal.groups.includes(each));
  return group === undefined ? undefined : `groups, ${group}`;
}

/** What comes of four statements together. */
interface Together {
  agent: Verdict;
  person: Verdict;
  rule: Statement;
  says: readonly Statement[];
}

/** More different cases than the tools of one service have without entries of their own. */
const mostCases = 16;

/** Judges what the parties say. Most tools of a service are of a few cases, and each case is judged once. */
function judging() {
  const cases: (Together & { from: readonly unknown[] })[] = [];
  return (
    fromAgent: readonly Statement[],
    fromPerson: readonly Statement[],
    fromScopes: Statement | undefined,
    fromPin: Statement | undefined,
  ): Together => {
    for (const each of cases) {
      const { from } = each;
      if (from[0] === fromAgent && from[1] === fromPerson && from[2] === fromScopes && from[3] === fromPin) return each;
    }
    const says = [...fromAgent, ...fromPerson];
    if (fromScopes !== undefined) says.push(fromScopes);
    if (fromPin !== undefined) says.push(fromPin);
    const judged = {
      agent: effective(fromAgent).verdict,
      person: effective(fromPerson).verdict,
      rule: effective(says),
      says,
      from: [fromAgent, fromPerson, fromScopes, fromPin],
    };
    if (cases.length < mostCases) cases.push(judged);
    return judged;
  };
}

type SwitchStatement = Statement & { verdict: 'on' | 'off' };

/** What the granted scopes say about a tool; nothing where it needs none, or where nobody knows what was granted. */
function scopesSay(
  { authorization }: Service,
  granted: readonly string[] | undefined,
): (tool: string) => SwitchStatement | undefined {
  const needing = authorization.scopes?.tools;
  if (needing === undefined || granted === undefined) return () => undefined;
  const says = new Map<string, SwitchStatement>();
  for (const [scope, tools] of Object.entries(needing)) {
    const has = granted.includes(scope);
    const because = has ? `the scope ${scope} was granted` : `the scope ${scope} was not granted`;
    const statement: SwitchStatement = { party: 'scopes', verdict: has ? 'on' : 'off', because };
    for (const tool of tools) {
      // A tool under several scopes needs them all: one that is missing decides.
      if (!has || !says.has(tool)) says.set(tool, statement);
    }
  }
  return (tool) => says.get(tool);
}

/** One statement for all the pins that say the same. */
function pinsSay(): (pin: ReturnType<PinSource['pinVerdict']> | undefined) => SwitchStatement | undefined {
  const known = new Map<string, SwitchStatement>();
  return (pin) => {
    if (pin === undefined || pin.reason === 'not-pinned') return undefined;
    const { verdict, reason, why, router } = pin;
    const kind = [reason.replaceAll('-', ' '), ...(why === undefined ? [] : [why]), ...routerWords(router)].join(': ');
    const before = known.get(kind);
    if (before?.verdict === verdict) return before;
    const statement = { party: 'pin', verdict, because: `tools.lock.json: ${kind}` } as const;
    known.set(kind, statement);
    return statement;
  };
}

/** What is said of a router: that it counts as destructive, or why a person said otherwise. */
function routerWords(router: ReturnType<PinSource['pinVerdict']>['router']): string[] {
  if (router === undefined) return [];
  const { shape, reason } = router;
  return [
    reason === undefined ? `a router, so destructive (${shape})` : `a router, left as it is listed because: ${reason}`,
  ];
}

function judgeBuiltin(tool: ReturnType<typeof builtinTools>[number]): ToolVerdict {
  const { verdict, says } = tool;
  const rule = effective(says);
  return { ...tool, class: 'builtin', agent: verdict, person: 'on', scopes: undefined, pin: undefined, rule };
}
