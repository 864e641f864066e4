/** `service-connection` alone: the page of buttons, from the sign-in to what was done there. */

import { openStart } from '../../internal/cli/open-start.ts';
import { tunnelHint } from '../../internal/cli/paste-prompt.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { linesOf } from '../../internal/cli/result-text.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import { clock } from '../../internal/clock/clock.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { type Principal, requirePerson } from '../../internal/identity/principal.ts';
import { type ButtonPage, openPage } from '../../internal/page/page.ts';
import type { ActListener } from '../../internal/page/services-controller.ts';
import { clientSource } from '../../internal/run/client-source.ts';
import { loadProject, openOperatorRun } from '../../internal/run/project.ts';
import { showConnected, storedEvent } from './output.ts';
import { type PageAct, showPageActs } from './page-output.ts';
import type { ConnectOptions } from './run.ts';
import { showDisconnected } from './upkeep-output.ts';

const command = 'service-connection, or without a page: service-connection list, service-connection <service>';
/** How long a browser that comes back from single sign-on may take to arrive at the page. */
const arrivalMs = 1_000;

/** Serves the page until the person is finished, gone, or presses Ctrl-C; all three are a good end. */
export async function runPage(context: CommandContext, options: ConnectOptions): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const clients = await clientSource(context);
  const page = await openPage(context.signal);
  let done = () => {};
  try {
    const run = await openOperatorRun(context, configuration, command, {
      returnTo: page.invitation(),
      opensService: true,
    })
      .then((opened) => {
        requirePerson(opened.principal, 'use the page of connections');
        return opened;
      })
      .catch((error) => {
        page.refuse();
        throw error;
      });
    const acts: PageAct[] = [];
    const ended = page.serve({ ...run, clients }, listenerOf(context, run.principal, acts));
    const shown = run.signedInNow && (await arrived(page));
    if (!shown) done = await show(context, options, page, run.visit.timeoutMs);
    context.progress.note(`the page of your connections is open at ${page.origin}`);
    const waiting = context.progress.wait('it ends a minute after its tab is closed, or with Ctrl-C');
    await ended().finally(() => waiting.done());
    return showPageActs(run.principal, acts);
  } finally {
    done();
    await page.close();
  }
}

function listenerOf({ progress }: CommandContext, principal: Principal, acts: PageAct[]): ActListener {
  const did = (act: PageAct['act'], result: CommandResult) => {
    acts.push({ act, result });
    for (const line of linesOf(result.text)) progress.note(line);
  };
  return {
    connected(service, connected) {
      did('connected', showConnected(service, principal, connected));
      progress.event(storedEvent(service, connected));
    },
    disconnected: (service, done) => did('disconnected', showDisconnected(service, principal, done)),
    failed(service, { message, code, hint }) {
      const [first = '', ...more] = message.split('\n');
      progress.warn(`${service === undefined ? '' : `${service.name}: `}${first} [${code}]`);
      for (const line of more) progress.warn(`  ${line}`);
      if (hint !== undefined) progress.warn(`hint: ${hint}`);
    },
    detail: progress.detail,
    warn: (text) => progress.warn(text),
  };
}

/** Whether the browser that signed in is at the page by itself. */
async function arrived(page: ButtonPage): Promise<boolean> {
  const tooLate = new Promise<false>((resolve) => {
    clock.after(arrivalMs, () => resolve(false));
  });
  return await Promise.race([page.entered.then(() => true), tooLate]);
}

/** Prints the address, which lets one browser in, and opens it where that would be seen. What it returns cleans up. */
async function show(
  context: CommandContext,
  options: BrowserOptions,
  page: ButtonPage,
  timeoutMs: number,
): Promise<() => void> {
  const { environment, progress } = context;
  const address = page.invitation();
  const purpose = 'see your connections';
  progress.warn(`to ${purpose}, open: ${address.href}`, {
    event: 'waiting',
    for: 'browser',
    purpose,
    url: address.href,
    redirect_port: null,
    code: null,
    until: new Date(clock.now().getTime() + timeoutMs).toISOString(),
  });
  if (options.browser === false) return () => {};
  const { opened, isPublic, done } = await openStart(context, { address, namesPeers: page.namesPeers });
  if (isPublic) page.invitedPublicly();
  if (opened) return done;
  done();
  if (!context.interactive) {
    throw new AppError('sign_in_needed', 'nobody is here to press buttons', {
      hint: `run this in a terminal: ${command}`,
    });
  }
  const tunnel = tunnelHint(environment, address.port);
  if (tunnel !== undefined) progress.warn(tunnel);
  if (tunnel !== undefined && options.callbackPort === undefined) {
    progress.warn('to connect services from there, name a second port with --callback-port, and forward it too');
  }
  return () => {};
}
