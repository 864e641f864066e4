/** The four things that `service-connection headers` does: which of its options each one reads, and its request. */
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { Allowed, Ended, Installed } from '../../internal/run/values/headers.ts';
import { visible } from '../../internal/text/quote.ts';

/** The options that say what is done. */
export interface HeadersOptions {
  authorize?: boolean;
  end?: boolean;
  install?: boolean;
  to?: string;
  expectAccount?: string;
  acceptAccount?: string;
}

/** Printing the header, or what comes before and after it. */
export type Way = 'print' | 'authorize' | 'end' | 'install';

const asking = ['browser', 'paste', 'timeout', 'clientSecretFd', 'device', 'callbackPort'];

/** The options of each way, beside those that say how things are printed. */
export const optionsOf: Readonly<Record<Way, readonly string[]>> = {
  print: ['config', 'workspace'],
  authorize: ['config', 'workspace', 'authorize', 'expectAccount', 'acceptAccount', ...asking],
  end: ['config', 'workspace', 'end'],
  install: ['config', 'workspace', 'install', 'to'],
};

/** Which of them a command line asks for. */
export function wayOf({ authorize, end, install }: HeadersOptions): Way {
  if (install === true) return 'install';
  if (end === true) return 'end';
  return authorize === true ? 'authorize' : 'print';
}

/** An option that has nothing to say about what is asked for. */
export function wrongWay(way: Way, flag: string): AppError {
  const goes = { print: 'headers alone', authorize: '--authorize', end: '--end', install: '--install' }[way];
  const hint = flag === '--to' ? 'it says where --install writes' : 'it is for --authorize';
  return new AppError('usage', `${flag} has nothing to say about ${goes}`, { hint });
}

/** Carries it out. */
export async function performHeaders(
  { perform }: CommandContext,
  way: Way,
  service: string | undefined,
  { to = '.mcp.json', expectAccount, acceptAccount }: HeadersOptions,
): Promise<CommandResult> {
  const { allowLocalAgents, endLocalAccess, giveHeaders, installHeaders } = await import(
    '../../internal/run/use-cases/headers.ts'
  );
  switch (way) {
    case 'print': {
      const headers = await perform(giveHeaders, { service });
      return { text: '', json: undefined, secret: JSON.stringify(headers) };
    }
    case 'authorize':
      return showAllowed(await perform(allowLocalAgents, { service: named(service), expectAccount, acceptAccount }));
    case 'end':
      return showEnded(await perform(endLocalAccess, { service: named(service) }));
    case 'install':
      return showInstalled(await perform(installHeaders, { service, path: to }));
  }
}

function named(service: string | undefined): string {
  if (service !== undefined) return service;
  throw new AppError('usage', 'which service? None was named', { hint: 'service-connection headers <service> ...' });
}

function showAllowed(allowed: Allowed): CommandResult {
  const { source, account, expires_at: end, renewable, beside } = allowed;
  const how = source === 'idp' ? 'through the identity provider' : (account ?? 'an account the service did not name');
  const until = renewable || end === null ? '' : `, until ${end}: the service gave nothing to renew it with`;
  const text = `${beside.title}: agents of ${visible(beside.label)} on this machine have access (${visible(how)})${until}`;
  return { text, json: allowed };
}

const ends: Readonly<Record<Ended['access'], string>> = {
  none: 'nothing was kept here',
  revoked: 'gone from this machine, and revoked at the service',
  'not revoked':
    'gone from this machine; the service may list it still: remove it in the connected apps of your account',
};

function showEnded(ended: Ended): CommandResult {
  return { text: `${ended.beside.title}: ${ends[ended.access]}`, json: ended };
}

function showInstalled(installed: Installed): CommandResult {
  const { path, change, servers } = installed;
  const rows = servers.map(({ name, url, headers_helper: helper, change: what }) => [name, url, helper, what]);
  const said = change === 'none' ? 'as it was' : 'written';
  return {
    text: [
      { heading: ['server', 'url', 'headersHelper', 'entry'], rows: rows.map((row) => row.map(visible)) },
      `${visible(path)}: ${said}`,
    ],
    json: installed,
  };
}
