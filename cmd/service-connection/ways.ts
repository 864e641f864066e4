/** The four things that `service-connection` does without a command, and which of its options each one reads. */
import type { CommonOptions } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { ConnectOptions } from './run.ts';

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
  service: [...ofUnlisted.filter((name) => name !== 'url'), 'legacyEndpoints', 'acceptAudience'],
  token: [...ofEvery, 'tokenStdin', 'expectAccount', 'acceptAccount'],
  unlisted: ofUnlisted,
  page: [...ofEvery, 'callbackPort'],
};

/** Which of them a command line asks for. */
export function wayOf(service: string | undefined, { tokenStdin, url }: ConnectOptions): Way {
  if (url !== undefined) return 'unlisted';
  if (tokenStdin === true) return 'token';
  return service === undefined ? 'page' : 'service';
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
