/** What an operator does when a person leaves, and when that person comes back. */

import { AppError } from '../../errors/app-error.ts';
import { isPerson } from '../../identity/principal.ts';
import {
  isOffboardedWhole,
  isTarget,
  letInAgain,
  type OffboardRequest,
  offboard,
  type PersonsThings,
  planLetIn,
  readPerson,
  stepCount,
} from '../../offboarding/offboard.ts';
import type { Announcement } from '../../platform/recorder.ts';
import { sponsoredBy } from '../../policy/autonomous.ts';
import { quote, visible } from '../../text/quote.ts';
import { tableText } from '../../text/table.ts';
import { requireOperator } from '../actor.ts';
import { offboardedValue, offboardPlan, offboardPlanText, stepLine, wholeValue } from '../offboarded.ts';
import type { Ports } from '../ports.ts';
import { loadProject, type OperatorRun, openOperatorRun } from '../project.ts';
import type { OffboardPersonRequest, OffboardResult } from '../values/vaults.ts';

/** How long a question waits. */
const questionTimeoutMs = 300_000;

/** Off-boards a person, shows what that would do, or lets them in again. */
export async function offboardPerson(request: OffboardPersonRequest, ports: Ports): Promise<OffboardResult> {
  const { subject, issuer, kind, dryRun, includeUnproven, confirmed, undo: isUndo } = request;
  if (confirmed !== undefined && confirmed !== subject) {
    throw new AppError('usage', `${quote(confirmed)} is not the subject ${quote(subject)}`, {
      hint: 'nothing was done',
    });
  }
  const configuration = await loadProject(ports);
  const command = `service-connection offboard ${quote(subject)}`;
  const run = await openOperatorRun(ports, configuration, command);
  requireOperator(run.principal, configuration, 'off-board anybody');
  const waiting = ports.tell.wait('every vault and session of the workspace is looked at');
  const things = await readPerson({ ...run, onLooked: waiting.at }, { subject, issuer, kind })
    .catch((error: unknown) => {
      // Somebody without a vault has nothing that could say that they left, and an agent of theirs would go on as before.
      if (!isUndo && (kind === undefined || kind === 'sso' || kind === 'os')) {
        for (const agent of sponsoredBy(subject, configuration)) {
          ports.tell.warn(
            `they are the sponsor of the agent ${quote(agent)}: it starts sessions until config/agents/${agent}.yaml names a new one (autonomous.sponsor)`,
          );
        }
      }
      throw error;
    })
    .finally(() => waiting.done());
  if (request.undo) return await undo(ports, run, things, request);

  const { services } = configuration;
  const sponsored = sponsoredAgents(things, run);
  const plan = offboardPlan(things, services, includeUnproven, sponsored);
  if (dryRun) return plan;
  for (const agent of sponsored) {
    ports.tell.warn(
      `they are the sponsor of the agent ${quote(agent)}, whose vault stays: it starts no session before config/agents/${agent}.yaml names a new one (autonomous.sponsor)`,
    );
  }
  if (isOffboardedWhole(things, includeUnproven)) return wholeValue(things, sponsored);
  const [heading, table] = offboardPlanText(plan);
  for (const line of [heading, ...tableText(table).split('\n')]) ports.tell.note(visible(line));
  await confirmSubject(ports, request, 'yes-offboard', 'to off-board');
  const carrying: OffboardRequest = {
    platform: run.platform,
    ownership: run.ownership,
    warn: run.warn,
    operator: run.principal,
    includeUnproven: includeUnproven || (await confirmUnproven(ports, things, request)),
    onStep(step) {
      ports.tell.note(stepLine(step));
      ended += 1;
      carryingOut.at(ended, stepCount(things, carrying.includeUnproven));
    },
  };
  let ended = 0;
  const carryingOut = ports.tell.wait(`off-boarding ${quote(subject)}`);
  const done = await run.platform.recorder
    .act(announcementOf(things, 'offboard'), async () => {
      // Servers look at the list every few seconds, whatever the platform still does.
      await endTokensOfPerson(ports, run, things);
      const offboarded = await offboard(carrying, things);
      // What a run of theirs began meanwhile.
      await endTokensOfPerson(ports, run, things);
      return offboarded;
    })
    .finally(() => carryingOut.done());
  for (const { vault } of done.leftAlone) {
    ports.tell.warn(
      `${quote(vault.id)} is not proven to be theirs and is left alone: archive it with --include-unproven`,
    );
  }
  return offboardedValue(done, services, sponsored);
}

/** An act on a person, or a job, is not one on an agent of that name: consoles end the sign-ins of people. */
function announcementOf({ owner: { kind, subject } }: PersonsThings, what: 'offboard' | 'let_in'): Announcement {
  return kind === 'agent'
    ? { act: `agent.${what}`, target: { kind: 'agent', id: subject, label: subject } }
    : { act: `person.${what}`, target: { kind: 'person', id: subject, label: subject } };
}

/** The agents that a person answers for: theirs go on, and none begins a session before somebody else does. */
function sponsoredAgents({ owner }: PersonsThings, { configuration }: OperatorRun): string[] {
  return isPerson(owner) ? sponsoredBy(owner.subject, configuration) : [];
}

/** Takes back the tokens of the person's sessions that were issued on this machine. */
async function endTokensOfPerson(ports: Ports, run: OperatorRun, { owner }: PersonsThings): Promise<void> {
  if (run.configuration.interface.session_tokens === undefined) return;
  const { endTokens, ofPerson } = await import('../session-tokens.ts');
  await endTokens(ports, run, ofPerson(owner), { ended: false });
}

async function undo(
  ports: Ports,
  run: OperatorRun,
  things: PersonsThings,
  request: OffboardPersonRequest,
): Promise<OffboardResult> {
  const plan = planLetIn(things);
  const { owner } = things;
  if (request.dryRun) {
    return { owner, would: plan.length === 0 ? 'create' : 'unmark', vault_ids: plan.map(({ vault }) => vault.id) };
  }
  await confirmSubject(ports, request, 'yes-undo', 'to let in again');
  const { vault, act } = await run.platform.recorder.act(announcementOf(things, 'let_in'), () =>
    letInAgain(run, things),
  );
  return { owner, change: act, vault_id: vault.id };
}

/** The subject is typed once more, or was said in so many words on the command line. */
async function confirmSubject(
  { ask }: Ports,
  { subject, confirmed }: OffboardPersonRequest,
  flag: 'yes-offboard' | 'yes-undo',
  what: string,
): Promise<void> {
  if (confirmed !== undefined) return;
  if (ask === undefined) {
    throw new AppError('sign_in_needed', `nobody is here to confirm whom ${what}`, {
      hint: `run it in a terminal, or say exactly whom: --${flag} <subject>; nothing was done`,
    });
  }
  const typed = await ask.line(`type the subject of the person ${what}:`, questionTimeoutMs);
  if (typed !== subject) {
    throw new AppError('usage', 'that is not the subject', { hint: 'nothing was done' });
  }
}

/** A separate yes for what only claims to be theirs. Without anybody to ask it is left alone. */
async function confirmUnproven(
  { ask }: Ports,
  { active }: PersonsThings,
  { confirmed }: OffboardPersonRequest,
): Promise<boolean> {
  const unproven = active.filter((held) => !isTarget(held, false));
  if (unproven.length === 0 || confirmed !== undefined || ask === undefined) return false;
  const ids = unproven.map(({ vault }) => quote(vault.id)).join(', ');
  return await ask.yes(`not proven to be theirs: ${ids}. Archive as well?`, questionTimeoutMs);
}
