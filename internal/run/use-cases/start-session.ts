import type { Configuration } from '../../config/definitions.ts';
import { agentNamed } from '../../config/lookup.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import { requireAutonomous } from '../../policy/autonomous.ts';
import { type PreparedSession, prepareSession, requirementOf } from '../../session/prepare.ts';
import { startSession as createSession, endTwins, type StartedSession } from '../../session/start.ts';
import { limitWords } from '../../session/stop-after.ts';
import { tellUnsettled } from '../../session/unsettled.ts';
import { quote } from '../../text/quote.ts';
import { runAsAgent } from '../as-agent.ts';
import { ownerOf } from '../connected.ts';
import { finishTurn, patienceFor } from '../finish-turn.ts';
import type { Ports } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import { readLocks } from '../read-locks.ts';
import { renewThroughIdp, wouldRenewThroughIdp } from '../renew-through-idp.ts';
import { moneyWords } from '../usage.ts';
import type { StartRequest, StartResult } from '../values/sessions.ts';
import { findOffered, offerToEnd } from './idle-sessions.ts';

/** Prepares, starts and, with a message, talks to one session. */
export async function startSession(request: StartRequest, ports: Ports): Promise<StartResult> {
  const {
    agent: name,
    asAgent = false,
    begun = false,
    title,
    dryRun,
    without,
    budget,
    message,
    end,
    stopAfter,
  } = request;
  const timeoutMs = patienceFor(ports.timeoutSeconds, stopAfter);
  if (message === undefined && (end || stopAfter !== undefined)) {
    throw new AppError('usage', `${end ? '--end' : '--stop-after'} goes with a message only`, {
      hint: 'to end a session: setup-session stop <session>',
    });
  }
  const configuration = await loadProject(ports);
  const agent = agentNamed(configuration, name);
  if (asAgent) requireAutonomous(agent);
  const { lock, pins, toolPins } = await readLocks(configuration, agent, ports.signal);
  const command = `setup-session --agent ${agent.name}${asAgent ? ' --as-agent' : ''}`;
  const requirement = requirementOf(agent, configuration);
  const opened = await openOperatorRun(ports, configuration, command, { requirement });
  const run = asAgent ? await runAsAgent(opened, agent) : opened;
  const { platform, principal, memory, ownership, sessionRecords, signInOf } = run;

  const tokens = await tokensFor(configuration);
  if (begun && tokens === undefined) {
    throw new AppError('usage', 'no session begins another one: the configuration has no session_tokens', {
      hint: 'leave --parent-token-fd out, or say who signs: docs/session-identity.md',
    });
  }
  const parent = begun ? await tokens?.parentOf(ports, run) : undefined;
  const wouldRenew = new Set<string>();
  const renew = dryRun ? wouldRenewThroughIdp((service) => wouldRenew.add(service)) : renewThroughIdp(run, ports);
  const prepare = () =>
    prepareSession({
      renew,
      platform,
      configuration,
      agent,
      principal,
      memory,
      warn: ports.tell.warn,
      ownership,
      lock,
      pins,
      toolPins,
      without,
      parentTools: parent?.tools,
    });
  const telling = { platform, records: sessionRecords, warn: ports.tell.warn };
  let [prepared] = await Promise.all([prepare(), tellUnsettled(telling)]);
  if (dryRun) return plannedValue(prepared, principal, request, wouldRenew);
  const offered = findOffered(run, { kind: 'own', principal, vaultId: prepared.vault.id });
  // Looked at when the result is out; a command that fails before does not offer anything.
  offered.catch(() => {});

  const issuer = await tokens?.tokenIssuerOf(ports, run);
  const beginIdentity = issuer && tokens?.identityBeginner(issuer, principal, parent?.parent);
  const start = () =>
    createSession(prepared, {
      beginIdentity,
      platform,
      principal,
      title,
      budgetCents: budget,
      records: sessionRecords,
      ownership,
      warn: ports.tell.warn,
      signal: ports.signal,
    });
  if (message === undefined) {
    const started = await start();
    ports.afterwards(async () => {
      await started.settle();
      await tokens?.tendTokens(ports, run, tokens.ofPerson(principal));
      await offerToEnd(ports, run, await offered);
    });
    return startedValue(started, prepared, principal);
  }

  const { runFirstTurn } = await import('../../session/first-turn.ts');
  let starts = 0;
  const tended = <Result>(work: () => Promise<Result>) =>
    tokens === undefined ? work() : tokens.whileTended(ports, run, tokens.ofPerson(principal), work);
  const { session, turn } = await tended(() =>
    runFirstTurn({
      platform,
      message,
      timeoutMs,
      limit: stopAfter,
      signal: ports.signal,
      told: { text: ports.stream, note: ports.tell.note, warn: ports.tell.warn },
      async start() {
        starts += 1;
        if (starts > 1) prepared = await prepare();
        const started = await start();
        ports.tell.note(`session ${quote(started.id)} is bound to the vault of ${quote(principal.label)}`);
        return started;
      },
      beside: (started) => endTwins(started, { platform, warn: ports.tell.warn }),
    }),
  );
  // What goes on without this command, or may, is told of once more by the next run.
  const known = !turn.unknown && turn.end.kind !== 'timed_out' && turn.end.kind !== 'unseen';
  const finished = await finishTurn(ports, turn, { platform, configuration, signInOf, session, end });
  if (finished.ended === true) await tokens?.endTokens(ports, run, tokens.ofSessions([session.id]), { ended: true });
  ports.afterwards(async () => {
    if (known) await session.settle();
    await offerToEnd(ports, run, await offered);
  });
  return { ...startedValue(session, prepared, principal), ...finished };
}

/** What issues tokens, loaded where the configuration has such. */
async function tokensFor({ interface: { session_tokens: settings } }: Configuration) {
  return settings === undefined ? undefined : await import('../session-tokens.ts');
}

/** What would be asked of the platform, and the verdict per tool with who said what. */
function plannedValue(
  prepared: PreparedSession,
  principal: Principal,
  { title, message, budget, end, stopAfter }: StartRequest,
  wouldRenew: ReadonlySet<string>,
): StartResult {
  const { definition, vault, inForce } = prepared;
  const called = title === undefined ? '' : `, called ${quote(title)}`;
  const capped = budget === undefined ? '' : `, of ${moneyWords({ amount: budget, currency: 'USD' })} at most`;
  const until = stopAfter === undefined ? '' : `, for ${limitWords(stopAfter)} at most`;
  const steps = [
    ...[...wouldRenew].map((service) => `renew ${service} through the identity provider`),
    `create a session of ${definition.name} with the vault ${quote(vault.id)}${called}${capped}`,
    ...(message === undefined ? [] : [`send it ${quote(message)} and print the answer${until}`]),
    ...(end ? ['end it with its answer'] : []),
  ];
  return {
    owner: ownerOf(principal),
    vault_id: vault.id,
    agent: { name: definition.name, ...inForce.agent },
    environment_id: inForce.environmentId,
    would: steps,
    tools: prepared.verdicts.map(({ service, tool, class: kind, agent, person, verdict }) => ({
      service,
      tool,
      class: kind,
      agent,
      person,
      verdict,
    })),
  };
}

function startedValue(session: StartedSession, prepared: PreparedSession, principal: Principal) {
  return {
    session_id: session.id,
    vault_id: session.vaultId,
    agent: { name: prepared.definition.name, id: session.agent.id, version: session.agent.version },
    environment_id: session.environmentId,
    owner: ownerOf(principal),
    connections: prepared.connections.map(({ service, connection }) => ({
      service,
      account: connection.record.account ?? null,
      workspace: connection.record.workspace ?? null,
    })),
    tools: prepared.verdicts.flatMap(({ service, tool, verdict }) =>
      verdict === 'off' ? [] : [{ service, tool, verdict }],
    ),
  };
}
