/** `service-connection add <url>`: the draft of a service's file, for people to review. */

import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions, ClientOptions } from '../../internal/cli/terminal-browser.ts';
import { clock } from '../../internal/clock/clock.ts';
import { toolsForAnybody, toolsForPerson, writeDraft } from '../../internal/connection/unlisted/add.ts';
import { discoverUnlisted, toStrangers } from '../../internal/connection/unlisted/discover-unlisted.ts';
import { draftName } from '../../internal/connection/unlisted/draft.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { browserVisit } from '../../internal/run/browser-visit.ts';
import { clientSource } from '../../internal/run/client-source.ts';
import { loadProject } from '../../internal/run/project.ts';
import { chooseOne, confirmAddress, unlistedAddress } from '../../internal/run/unlisted-address.ts';
import { quote, visible } from '../../internal/text/quote.ts';

/** The options of `service-connection add`. */
export type AddOptions = BrowserOptions &
  ClientOptions & {
    name?: string;
    /** False with `--no-sign-in`. */
    signIn?: boolean;
  };

const command = 'service-connection add <url>';

/** Drafts the file of a service. */
export async function runAdd(context: CommandContext, text: string, options: AddOptions): Promise<CommandResult> {
  const { signIn = true } = options;
  const configuration = await loadProject(context);
  const address = unlistedAddress(context, configuration, text);
  const name = draftName(address.url, options.name, context.besideServices);
  if (configuration.services.has(name)) {
    throw new AppError('config_exists', `there is a service ${quote(name)} already`, {
      hint: 'give the draft another name: --name <name>',
    });
  }
  // A descriptor is read before anything is asked: what comes later could inherit it.
  const clients = await clientSource(context);
  const strangers = toStrangers(browserVisit(context, command, new Set()));
  const warnings = [...address.warnings];
  const visit = {
    ...strangers,
    warn: (warning: string) => {
      warnings.push(warning);
      strangers.warn(warning);
    },
  };
  const choose = async (issuers: readonly string[]) =>
    (await chooseOne(context, 'several authorization servers are named:', issuers, visit.timeoutMs)) ?? '';
  const lookup = {
    url: address.url,
    mcpServerUrl: address.url.href,
    catalogue: [...configuration.services.values()],
    visit,
    choose: context.interactive ? choose : undefined,
    drafting: true,
  };
  const unlisted = await discoverUnlisted(lookup);
  const found = { ...unlisted, warnings: [...warnings], now: clock.now() };
  let tools = (await toolsForAnybody(lookup))?.tools;
  const reviewable = unlisted.exceptions.length > 0;
  if (tools === undefined && signIn && !reviewable) {
    await confirmAddress(context, address, {
      purpose: 'sign in there and see its tools',
      command: `${command}; or without its tools: ${command} --no-sign-in`,
      timeoutMs: visit.timeoutMs,
    });
    const { detail } = context.progress;
    ({ tools } = await toolsForPerson({ ...lookup, visit: strangers }, unlisted, { clients, detail }));
  }
  const path = await writeDraft(configuration.folder, name, { ...found, tools });
  const seen = tools === undefined ? 'its tools are not known' : `${tools.length} tools are named in comments`;
  return {
    text: [
      `${visible(path)}: a draft of ${visible(address.host)}; ${seen}`,
      ...(reviewable
        ? [
            `Nobody signed in: it is against the rules in ${unlisted.exceptions.length === 1 ? 'one thing' : `${unlisted.exceptions.length} things`}, and the draft says which line would let it pass.`,
          ]
        : []),
      'To review: both addresses, who registers the client, what each tool does, and who may use it in interface.yaml.',
    ].join('\n'),
    json: {
      service: name,
      path,
      mcp_server_url: unlisted.found.address,
      issuer: unlisted.issuer,
      tools: tools?.length ?? null,
      warnings: found.warnings,
    },
  };
}
