/** What a person does with connections that are there: look at them, try them, take them away, have them examined. */

import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { serviceNamed } from '../../internal/config/lookup.ts';
import { examineVault } from '../../internal/connection/check/doctor.ts';
import { refuseAlarms } from '../../internal/connection/check/findings.ts';
import { examineConnections, examineServices } from '../../internal/connection/check/list.ts';
import { requireWorking } from '../../internal/connection/check/status.ts';
import { disconnectService, planDisconnect } from '../../internal/connection/disconnect.ts';
import { unlistedService } from '../../internal/connection/unlisted/discover-unlisted.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { quote } from '../../internal/text/quote.ts';
import { showChecked, showDisconnected, showDisconnectPlan, showExamination, showServices } from './upkeep-output.ts';

/** The options of `disconnect`. */
export type DisconnectOptions = BrowserOptions & { url?: string; dryRun?: boolean };

/** Lists the services and their connections. */
export async function runList(context: CommandContext): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const run = await openOperatorRun(context, configuration, 'service-connection list');
  const waiting = context.progress.wait('the platform tries each connection');
  const { states, unlisted } = await examineConnections({
    ...run,
    services: configuration.services.values(),
  }).finally(() => waiting.done());
  return showServices(states, unlisted, run.principal);
}

/** Tries one connection, or all there are. Fails when one does not work, so that scripts can rely on it. */
export async function runCheck(context: CommandContext, name: string | undefined): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const services = name === undefined ? configuration.services.values() : [serviceNamed(configuration, name)];
  const command = ['service-connection check', name].filter(Boolean).join(' ');
  const run = await openOperatorRun(context, configuration, command);
  const waiting = context.progress.wait('the platform tries each connection');
  const states = await examineServices({ ...run, services }).finally(() => waiting.done());
  const checked = states.filter(
    ({ connection, status }) => connection !== undefined || name !== undefined || status === 'needs-reconnect',
  );
  requireWorking(checked);
  return showChecked(checked, run.principal);
}

/** Disconnects one service, or what was connected by its address. */
export async function runDisconnect(
  context: CommandContext,
  name: string | undefined,
  options: DisconnectOptions,
): Promise<CommandResult> {
  const { url, dryRun = false } = options;
  if ((name === undefined) === (url === undefined)) {
    throw new AppError('usage', 'what is to be disconnected? Name one service, or one address with --url');
  }
  if (url !== undefined && !URL.canParse(url)) throw new AppError('usage', `not a URL: ${quote(url)}`);
  const configuration = await loadProject(context);
  const service = url === undefined ? serviceNamed(configuration, name ?? '') : unlistedService(new URL(url), url, []);
  const command = `service-connection disconnect ${name ?? '--url <url>'}`;
  const run = await openOperatorRun(context, configuration, command);
  if (dryRun) return showDisconnectPlan(service, run.principal, await planDisconnect({ ...run, service }));
  const done = await disconnectService({ ...run, service, warn: context.progress.warn });
  return { ...showDisconnected(service, run.principal, done), shown: done.told };
}

/** Examines the vault. Fails on an alarm. */
export async function runDoctor(context: CommandContext): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const run = await openOperatorRun(context, configuration, 'service-connection doctor');
  const waiting = context.progress.wait('the vault is compared with what the services say today');
  const examination = await examineVault({
    ...run,
    services: configuration.services.values(),
    fetch: run.visit.fetch,
  }).finally(() => waiting.done());
  refuseAlarms(examination.findings);
  return showExamination(examination, run.principal);
}
