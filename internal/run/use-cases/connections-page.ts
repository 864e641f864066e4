/** `service-connection` alone: the page of buttons, from the sign-in to what was done there. */

import { clock } from '../../clock/clock.ts';
import { type Principal, requirePerson } from '../../identity/principal.ts';
import { type ButtonPage, openPage } from '../../page/page.ts';
import type { ActListener } from '../../page/services-controller.ts';
import { clientSource } from '../client-source.ts';
import {
  connectedText,
  connectedValue,
  disconnectedText,
  disconnectedValue,
  ownerOf,
  storedEvent,
} from '../connected.ts';
import type { Ports, Tell } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import type { Nothing } from '../values/common.ts';
import type { ConnectionsPage } from '../values/connections.ts';

const command = 'service-connection, or without a page: service-connection list, service-connection <service>';
/** How long a browser that comes back from single sign-on may take to arrive at the page. */
const arrivalMs = 1_000;

/** Serves the page until the person is finished, gone, or presses Ctrl-C; all three are a good end. */
export async function openConnectionsPage(_request: Nothing, ports: Ports): Promise<ConnectionsPage> {
  const configuration = await loadProject(ports);
  const clients = await clientSource(ports);
  const page = await openPage(ports.signal);
  let close = () => {};
  try {
    const run = await openOperatorRun(ports, configuration, command, {
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
    const done: Done = { acts: [], lines: [] };
    const ended = page.serve({ ...run, clients }, listenerOf(ports.tell, run.principal, done));
    const shown = run.signedInNow && (await arrived(page));
    if (!shown) close = await invite(page, ports);
    ports.tell.note(`the page of your connections is open at ${page.origin}`);
    const waiting = ports.tell.wait('it ends a minute after its tab is closed, or with Ctrl-C');
    await ended().finally(() => waiting.done());
    return { owner: ownerOf(run.principal), acts: done.acts, beside: { lines: done.lines } };
  } finally {
    close();
    await page.close();
  }
}

/** What was done at the page so far. */
interface Done {
  acts: ConnectionsPage['acts'];
  lines: string[];
}

function listenerOf(tell: Tell, principal: Principal, done: Done): ActListener {
  const did = (act: ConnectionsPage['acts'][number], text: string) => {
    const lines = text.split('\n');
    done.acts.push(act);
    done.lines.push(...lines);
    for (const line of lines) tell.note(line);
  };
  return {
    connected(service, made) {
      const { beside, ...value } = connectedValue(service, principal, made);
      did({ act: 'connected', ...value }, connectedText({ ...value, beside }));
      tell.event(storedEvent(service, made));
    },
    disconnected(service, ended) {
      const { beside, ...value } = disconnectedValue(service, principal, ended);
      did({ act: 'disconnected', ...value }, disconnectedText({ ...value, beside }));
    },
    failed(service, { message, code, hint }) {
      const [first = '', ...more] = message.split('\n');
      tell.warn(`${service === undefined ? '' : `${service.name}: `}${first} [${code}]`);
      for (const line of more) tell.warn(`  ${line}`);
      if (hint !== undefined) tell.warn(`hint: ${hint}`);
    },
    detail: tell.detail,
    warn: (text) => tell.warn(text),
  };
}

/** Whether the browser that signed in is at the page by itself. */
async function arrived(page: ButtonPage): Promise<boolean> {
  const tooLate = new Promise<false>((resolve) => {
    clock.after(arrivalMs, () => resolve(false));
  });
  return await Promise.race([page.entered.then(() => true), tooLate]);
}

/** Shows the page to a browser. What it returns cleans up. */
async function invite(page: ButtonPage, ports: Ports): Promise<() => void> {
  const { namesPeers } = page;
  return await ports
    .browser(command)
    .invite({ address: page.invitation(), namesPeers, invitedPublicly: page.invitedPublicly }, 'see your connections');
}
