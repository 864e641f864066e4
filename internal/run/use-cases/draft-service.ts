/** `service-connection add <url>`: the draft of a service's file, for people to review. */

import { clock } from '../../clock/clock.ts';
import { toolsForAnybody, toolsForPerson, writeDraft } from '../../connection/unlisted/add.ts';
import { discoverUnlisted, toStrangers } from '../../connection/unlisted/discover-unlisted.ts';
import { draftName } from '../../connection/unlisted/draft.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../text/quote.ts';
import { browserVisit } from '../browser-visit.ts';
import { clientSource } from '../client-source.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import { chooseOne, confirmAddress, unlistedAddress } from '../unlisted-address.ts';
import type { DraftedService, DraftRequest } from '../values/connections.ts';

const command = 'service-connection add <url>';

/** Drafts the file of a service. */
export async function draftService(request: DraftRequest, ports: Ports): Promise<DraftedService> {
  const { url: text, signIn } = request;
  const configuration = await loadProject(ports);
  const address = unlistedAddress(ports, configuration, text);
  const name = draftName(address.url, request.name, ports.besideServices);
  if (configuration.services.has(name)) {
    throw new AppError('config_exists', `there is a service ${quote(name)} already`, {
      hint: 'give the draft another name: --name <name>',
    });
  }
  // A descriptor is read before anything is asked: what comes later could inherit it.
  const clients = await clientSource(ports);
  const strangers = toStrangers(browserVisit(ports, command, new Set()));
  const warnings = [...address.warnings];
  const visit = {
    ...strangers,
    warn: (warning: string) => {
      warnings.push(warning);
      strangers.warn(warning);
    },
  };
  const choose = async (issuers: readonly string[]) =>
    (await chooseOne(ports, 'several authorization servers are named:', issuers, visit.timeoutMs)) ?? '';
  const lookup = {
    url: address.url,
    mcpServerUrl: address.url.href,
    catalogue: [...configuration.services.values()],
    visit,
    choose: ports.ask ? choose : undefined,
    drafting: true,
  };
  const unlisted = await discoverUnlisted(lookup);
  const found = { ...unlisted, warnings: [...warnings], now: clock.now() };
  let tools = (await toolsForAnybody(lookup))?.offer;
  const reviewable = unlisted.exceptions.length > 0;
  if (tools === undefined && signIn && !reviewable) {
    await confirmAddress(ports, address, {
      purpose: 'sign in there and see its tools',
      command: `${command}; or without its tools: ${command} --no-sign-in`,
      timeoutMs: visit.timeoutMs,
    });
    const { detail } = ports.tell;
    ({ offer: tools } = await toolsForPerson({ ...lookup, visit: strangers }, unlisted, { clients, detail }));
  }
  const path = await writeDraft(configuration.folder, name, { ...found, tools });
  return {
    service: name,
    path,
    mcp_server_url: unlisted.found.address,
    issuer: unlisted.issuer,
    tools: tools?.count ?? null,
    warnings: found.warnings,
    beside: { host: address.host, exceptions: unlisted.exceptions.length },
  };
}
