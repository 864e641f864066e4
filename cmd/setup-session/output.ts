import type { CommandResult } from '../../internal/cli/program.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import type { PreparedSession } from '../../internal/session/prepare.ts';
import type { StartedSession } from '../../internal/session/start.ts';
import { limitWords, type TurnLimit } from '../../internal/session/stop-after.ts';
import { quote, visible } from '../../internal/text/quote.ts';
import { moneyWords } from './usage-output.ts';

/** The session id, alone on stdout, so that it can be handed on. */
export function showSession(session: StartedSession, prepared: PreparedSession, principal: Principal): CommandResult {
  return { text: visible(session.id), json: sessionValue(session, prepared, principal) };
}

/** What was asked for, as far as it is no matter of what was prepared. */
interface PlannedOptions {
  title: string | undefined;
  message: string | undefined;
  /** In cents. */
  budget: string | undefined;
  end: boolean;
  stopAfter: TurnLimit | undefined;
}

/** What would be asked of the platform, and the verdict per tool with who said what. */
export function showPlan(
  prepared: PreparedSession,
  principal: Principal,
  { title, message, budget, end, stopAfter }: PlannedOptions,
): CommandResult {
  const { definition, vault, inForce } = prepared;
  const called = title === undefined ? '' : `, called ${quote(title)}`;
  const capped = budget === undefined ? '' : `, of ${moneyWords({ amount: budget, currency: 'USD' })} at most`;
  const until = stopAfter === undefined ? '' : `, for ${limitWords(stopAfter)} at most`;
  const steps = [
    `create a session of ${definition.name} with the vault ${quote(vault.id)}${called}${capped}`,
    ...(message === undefined ? [] : [`send it ${quote(message)} and print the answer${until}`]),
    ...(end ? ['end it with its answer'] : []),
  ];
  const rows = prepared.verdicts.map(({ service, tool, class: kind, agent, person, verdict }) => [
    service,
    tool,
    kind,
    agent,
    person,
    verdict,
  ]);
  return {
    text: [
      { heading: ['service', 'tool', 'class', 'agent', 'person', 'verdict'], rows },
      '',
      ...steps.map((step) => `would ${step}`),
    ],
    json: {
      owner: ownerValue(principal),
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
    },
  };
}

/** What was started, for programs. */
export function sessionValue(session: StartedSession, prepared: PreparedSession, principal: Principal) {
  return {
    session_id: session.id,
    vault_id: session.vaultId,
    agent: { name: prepared.definition.name, id: session.agent.id, version: session.agent.version },
    environment_id: session.environmentId,
    owner: ownerValue(principal),
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

function ownerValue({ kind, issuer, subject }: Principal) {
  return { kind, issuer, subject };
}
