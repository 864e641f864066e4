/** `service-connection <service> --token-stdin`: a token that a person made at the service by hand. */
import { confirm } from '../../internal/cli/confirm.ts';
import { enteredLine } from '../../internal/cli/entered-line.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { serviceNamed } from '../../internal/config/lookup.ts';
import { checkAccountFlags } from '../../internal/connection/account/confirm-account.ts';
import { connectWithToken, judgeEnteredToken, requireStatic } from '../../internal/connection/static-bearer.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { showConnected, storedEvent } from './output.ts';
import { accountFlagsOf, type ConnectOptions } from './run.ts';

/** Stores a token that is entered. */
export async function runToken(
  context: CommandContext,
  name: string | undefined,
  options: ConnectOptions,
): Promise<CommandResult> {
  if (name === undefined) throw new AppError('usage', 'whose token is it? No service was named');
  const accountFlags = accountFlagsOf(options);
  const configuration = await loadProject(context);
  const service = serviceNamed(configuration, name);
  requireStatic(service);
  checkAccountFlags(service, accountFlags);
  const command = `service-connection ${name} --token-stdin`;
  const entered = await enteredLine(context, {
    what: `the token of ${service.title ?? service.name}`,
    command,
    timeout: options.timeout,
  });
  const token = judgeEnteredToken(entered, service);
  const run = await openOperatorRun(context, configuration, command, {
    requirement: service.require,
  });
  const connected = await connectWithToken({
    ...run,
    service,
    token,
    accountFlags,
    confirm: context.interactive ? (question) => confirm(context, question, run.visit.timeoutMs) : undefined,
    detail: context.progress.detail,
    warn: context.progress.warn,
  });
  context.progress.event(storedEvent(service, connected));
  return showConnected(service, run.principal, connected);
}
