/** The four things that `service-connection` does without a command: which of its options each one reads, and its request. */
import type { CommandContext, CommandResult, CommonOptions } from '../../internal/cli/program.ts';
import type { BrowserOptions, ClientOptions } from '../../internal/cli/terminal-browser.ts';
import type { ScopeFlags } from '../../internal/connection/scopes.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { quote } from '../../internal/text/quote.ts';

/** The options of `service-connection` without a command. */
export type ConnectOptions = BrowserOptions &
  ClientOptions &
  ScopeFlags & {
    newClient?: boolean;
    /** Through what the access comes. */
    via?: 'idp';
    legacyEndpoints?: boolean;
    acceptAudience?: boolean;
    expectAccount?: string;
    acceptAccount?: string;
    /** The token is entered, not asked for at an authorization server. */
    tokenStdin?: boolean;
    /** A server outside the catalogue. */
    url?: string;
    /** The agent whose own vault it is about. */
    forAgent?: string;
  };

/** What is done: a service of the catalogue, a token for one, a server outside it, or the page of all services. */
export type Way = 'service' | 'token' | 'unlisted' | 'page';

type OptionName = keyof (ConnectOptions & CommonOptions);

const ofEvery = ['config', 'browser', 'paste', 'timeout', 'ownershipKeyFd'] as const satisfies OptionName[];
const ofUnlisted = [
  ...ofEvery,
  'url',
  'readOnly',
  'scope',
  'addScope',
  'newClient',
  'clientSecretFd',
  'callbackPort',
  'device',
  'expectAccount',
  'acceptAccount',
] as const satisfies OptionName[];

/** The options of each way, beside those that say how things are printed. */
export const optionsOfWay: Readonly<Record<Way, readonly OptionName[]>> = {
  service: [...ofUnlisted.filter((name) => name !== 'url'), 'via', 'legacyEndpoints', 'acceptAudience', 'forAgent'],
  token: [...ofEvery, 'tokenStdin', 'expectAccount', 'acceptAccount', 'forAgent'],
  unlisted: ofUnlisted,
  page: [...ofEvery, 'callbackPort'],
};

/** Which of them a command line asks for. */
export function wayOf(service: string | undefined, { tokenStdin, url }: ConnectOptions): Way {
  if (url !== undefined) return 'unlisted';
  if (tokenStdin === true) return 'token';
  return service === undefined ? 'page' : 'service';
}

/** Carries out what is asked for. */
export async function performWay(
  context: CommandContext,
  service: string | undefined,
  options: ConnectOptions,
): Promise<CommandResult> {
  const { showConnected, showPage } = await import('./connections-output.ts');
  const { perform, besideServices } = context;
  const accounts = () => ({ expectAccount: options.expectAccount, acceptAccount: options.acceptAccount });
  const scopes = () => {
    const { readOnly, scope, addScope } = options;
    return { readOnly, scope: scope && [...scope], addScope: addScope && [...addScope] };
  };
  const { url, forAgent } = options;
  switch (wayOf(service, options)) {
    case 'unlisted': {
      if (service !== undefined || url === undefined) {
        throw new AppError('usage', `${quote(service)} and --url exclude each other`);
      }
      const { connectUnlisted } = await import('../../internal/run/use-cases/connect-unlisted.ts');
      const { newClient = false } = options;
      return showConnected(await perform(connectUnlisted, { url, newClient, ...scopes(), ...accounts() }));
    }
    case 'token': {
      if (service === undefined) throw new AppError('usage', 'whose token is it? No service was named');
      const { connectToken } = await import('../../internal/run/use-cases/connect-token.ts');
      return showConnected(await perform(connectToken, { service, forAgent, ...accounts() }));
    }
    case 'page': {
      const { openConnectionsPage } = await import('../../internal/run/use-cases/connections-page.ts');
      return showPage(await perform(openConnectionsPage, {}));
    }
    case 'service': {
      const { refuseMisspelledService } = await import('../../internal/cli/misspelled.ts');
      refuseMisspelledService(service ?? '', besideServices, await servicesThere(context));
      const { connect } = await import('../../internal/run/use-cases/connect.ts');
      const { newClient = false, legacyEndpoints = false, acceptAudience = false } = options;
      const { via } = options;
      const choices = {
        ...(via && { via }),
        forAgent,
        newClient,
        legacyEndpoints,
        acceptAudience,
        ...scopes(),
        ...accounts(),
      };
      return showConnected(await perform(connect, { service: service ?? '', ...choices }));
    }
  }
}

/** The names of services that there are files of; none where there is no configuration. */
async function servicesThere({ perform }: CommandContext): Promise<string[]> {
  const { namesThere } = await import('../../internal/run/use-cases/names-there.ts');
  return await perform(namesThere, { kind: 'services' }).then(
    ({ names }) => names,
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'config_missing') return [];
      throw error;
    },
  );
}

/** An option that has nothing to say about what is asked for. */
export function wrongWay(way: Way, flag: string): AppError {
  switch (way) {
    case 'page':
      return new AppError('usage', `${flag} is about one service, and none was named`, {
        hint: `service-connection <service> ${flag}, or leave it out to open the page of all services`,
      });
    case 'token':
      return new AppError('usage', `${flag} and --token-stdin exclude each other`, {
        hint: 'a token that is there already asks for nothing at the service',
      });
    case 'unlisted':
    case 'service':
      return new AppError('usage', `${flag} and --url exclude each other`, {
        hint: 'it is for services of the catalogue: config/services/',
      });
  }
}
