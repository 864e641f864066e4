import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { requireAssurance } from '../../identity/assurance.ts';
import { requirePerson, withMissingGroups } from '../../identity/principal.ts';
import { localReach } from '../../policy/local-agents.ts';
import { mayUseService } from '../../policy/verdict.ts';
import { quote } from '../../text/quote.ts';
import { createVault, findVault } from '../../vault/resolve.ts';
import { commandFor, localService, requireAddress } from '../local-service.ts';
import type { Ports } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import type { JudgeRequest, LocalAgentJudgement } from '../values/headers.ts';

/**
 * Judges whether agents of a person, on their own machine, may have access to a service at this address now: where the key of
 * the platform is. Throws `not_allowed`, `offboarded`, and what proving the person throws.
 */
export async function judgeLocalAgent(
  { service: name, url }: JudgeRequest,
  ports: Ports,
): Promise<LocalAgentJudgement> {
  const configuration = await loadProject(ports);
  const service = localService(configuration, name);
  requireAddress(service, url);
  const { require: requirement } = service;
  const run = await openOperatorRun(ports, configuration, commandFor(name), { requirement });
  const { principal } = run;
  requirePerson(
    principal,
    `have access to ${quote(name)} for agents of their own`,
    `a job reaches it in sessions, where each tool is judged: setup-session --agent <agent>; its vault takes a token that was made for it: service-connection ${name} --token-stdin`,
  );
  if (!mayUseService(principal, configuration, service)) {
    throw new AppError('not_allowed', `${quote(principal.label)} may not use ${quote(name)}`, {
      hint: withMissingGroups(principal, 'ask whoever reviews the people section of config/interface.yaml'),
    });
  }
  requireAssurance(principal, requirement, commandFor(name));
  const reach = localReach(principal, configuration, service, clock.now());
  if (reach === undefined) {
    throw new AppError(
      'not_allowed',
      `tools of ${quote(name)} are off for ${quote(principal.label)}, and no access is narrow enough: nothing switches a tool off for an agent on their own machine`,
      { hint: withMissingGroups(principal, 'use it in sessions, where each tool is judged: setup-session') },
    );
  }
  // Whoever was let go is known by the mark in their vault: who has none could not be let go.
  if ((await findVault(run, principal)) === undefined) await createOnce(run, ports);
  const { kind, issuer, subject } = principal;
  return { service: name, owner: { kind, issuer, subject }, reach };
}

/** How long a run is waited for that makes the vault of the same person. */
const vaultMs = 8_000;

async function createOnce(run: Awaited<ReturnType<typeof openOperatorRun>>, ports: Ports): Promise<void> {
  const { workspace, principal, visit } = run;
  const turn = (await ports.stores()).localAccess.at({ workspace, person: principal, name: 'the vault' });
  const hold = await turn.hold({ signal: visit.signal, waitMs: vaultMs });
  if (!('release' in hold)) {
    throw new AppError('already_running', `the vault of ${quote(principal.label)} is being made by ${hold.called}`);
  }
  try {
    if ((await findVault(run, principal)) === undefined) await createVault(run, principal);
  } finally {
    await hold.release();
  }
}
