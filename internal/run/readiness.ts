/** Whether everything is in place that a person needs before they are sent anywhere: looked at, and nothing is changed. */
import { join } from 'node:path';
import type { Configuration } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { isExampleHost, placeholdersIn } from '../config/placeholders.ts';
import { AppError } from '../errors/app-error.ts';
import { examineProvider } from '../identity/provider-check.ts';
import type { SsoIdentity } from '../identity/sso-provider.ts';
import { extraAuthorities } from '../outside/extra-authorities.ts';
import { readText } from '../outside/files.ts';
import { guardedFetch } from '../outside/http.ts';
import { SecretUnavailable } from '../stores/kept-secret.ts';
import { quote, visible } from '../text/quote.ts';
import type { Ports } from './ports.ts';
import { signInKeeping } from './sign-in-place.ts';
import { proxiesOf } from './way-out.ts';

/** One thing that was looked at. A `problem` keeps people from working; a `note` may be as it is meant. */
export interface Check {
  check: 'placeholders' | 'network' | 'issuer' | 'client' | 'groups' | 'keychain' | 'key' | 'workspace' | 'model';
  state: 'ok' | 'note' | 'problem';
  found: string;
  next?: string;
  /** The error that a command would end with. */
  error?: AppError;
}

/** What is looked at beside the platform: placeholders, the identity provider and our client there, groups, the keychain. */
export async function examineReadiness(ports: Ports, configuration: Configuration): Promise<Check[]> {
  const { identity } = configuration.interface;
  const [placeholders, network, signIn] = await Promise.all([
    examinePlaceholders(configuration),
    examineNetwork(ports),
    identity.mode === 'sso' ? examineSignIn(ports, configuration, identity) : [],
  ]);
  return [...placeholders, ...network, ...signIn, ...groupsNobodyIsIn(configuration)];
}

/** How the network is left, and who is trusted there, where somebody has said so. */
async function examineNetwork(ports: Ports): Promise<Check[]> {
  const proxies = proxiesOf(ports);
  const ways = (['https:', 'http:'] as const).flatMap((protocol): Check[] => {
    // Of a name that nobody has: what is left out by name says NO_PROXY.
    const proxy = proxies?.for(new URL(`${protocol}//host.invalid`));
    if (proxy === undefined) return [];
    const asks = proxy.authorization === undefined ? '' : ', with credentials';
    const found = `${protocol.slice(0, -1)} leaves through the proxy ${quote(proxy.url.origin)} (${proxy.variable}${asks})`;
    const except = ports.environment.no_proxy ?? ports.environment.NO_PROXY;
    return [
      { check: 'network', state: 'ok', found: except === undefined ? found : `${found}, except to ${quote(except)}` },
    ];
  });
  const { NODE_EXTRA_CA_CERTS: file } = ports.environment;
  if (file === undefined) return ways;
  const { count, flaw } = await extraAuthorities(file);
  const trusts = `Node also trusts ${count === 1 ? 'the authority' : `the ${count} authorities`} in ${quote(file)}`;
  if (flaw === undefined) return [...ways, { check: 'network', state: 'ok', found: trusts }];
  const ignores = `Node ignores ${quote(file)}, and trusts nobody for it: ${flaw}`;
  const next = 'name a file with PEM certificates in NODE_EXTRA_CA_CERTS, or unset it';
  return [...ways, { check: 'network', state: 'note', found: count === 0 ? ignores : `${trusts}: ${flaw}`, next }];
}

async function examinePlaceholders(configuration: Configuration): Promise<Check[]> {
  const { folder, agents } = configuration;
  const files = ['interface.yaml', ...[...agents.keys()].map((name) => join('agents', `${name}.yaml`))];
  const found = await Promise.all(
    files.map(async (file) =>
      placeholdersIn((await readText(join(folder, file))) ?? '').map(
        ({ line, text }): Check => ({
          check: 'placeholders',
          state: 'note',
          found: `${visible(file)}:${line} is as init wrote it: ${quote(text)}`,
          next: 'put yours there, or take the mark # <- away where it is right',
        }),
      ),
    ),
  );
  const left = found.flat();
  return left.length > 0
    ? left
    : [{ check: 'placeholders', state: 'ok', found: 'nothing of the starter is left to fill in' }];
}

async function examineSignIn(ports: Ports, configuration: Configuration, identity: SsoIdentity): Promise<Check[]> {
  const [provider, keychain] = await Promise.all([
    examineIssuer(ports, configuration, identity),
    examineKeeping(ports, identity),
  ]);
  return [...provider, keychain];
}

async function examineIssuer(ports: Ports, configuration: Configuration, identity: SsoIdentity): Promise<Check[]> {
  const { issuer, client_id: client } = identity;
  if (isExampleHost(new URL(issuer).hostname)) {
    const next = 'put the issuer of your provider into identity.issuer, exactly as its metadata spells it';
    return [{ check: 'issuer', state: 'problem', found: `${quote(issuer)} is an example`, next }];
  }
  const { environment, signal } = ports;
  const allowLoopbackHttp = environment.MAI_ALLOW_LOOPBACK_HTTP === '1';
  const fetch = guardedFetch({
    allowLoopbackHttp,
    reviewedHosts: reviewedHosts(configuration),
    proxies: proxiesOf(ports),
    signal,
  });
  const { issuerKeys } = await ports.stores();
  try {
    const { client: asked, unlistedScopes, groupsUnlisted } = await examineProvider(identity, fetch, issuerKeys);
    return [
      { check: 'issuer', state: 'ok', found: `${quote(issuer)} answers and publishes its keys` },
      asked === undefined
        ? { check: 'client', state: 'ok', found: `the provider knows ${quote(client)} and sends people back to us` }
        : {
            check: 'client',
            state: asked.state === 'refused' ? 'problem' : 'note',
            found: asked.said,
            next: 'register it as a public client with that redirect address: docs/identity.md',
          },
      ...unlistedScopes.map(
        (scope): Check => ({
          check: 'client',
          state: 'note',
          found: `the provider does not list the scope ${quote(scope)}`,
          next: 'take it out of identity.scopes where the provider refuses it',
        }),
      ),
      ...(groupsUnlisted
        ? [
            {
              check: 'groups',
              state: 'note',
              found: `the provider does not list the claim ${quote(identity.groups_claim)}`,
              next: 'sign in and see what is there: setup-session login, then setup-session whoami',
            } satisfies Check,
          ]
        : []),
    ];
  } catch (error) {
    if (!isExpected(error)) throw error;
    return [problem('issuer', error)];
  }
}

/** Groups that are named where nothing says who is in one: they let nobody in. Those of CI jobs are in the configuration. */
function groupsNobodyIsIn({ interface: { people, identity }, agents }: Configuration): Check[] {
  if (identity.mode === 'workload' || (identity.mode === 'sso' && identity.groups_claim !== undefined)) return [];
  const named = new Set([
    ...Object.keys(people.groups),
    ...[...agents.values()].flatMap(({ allowed }) => allowed.groups),
  ]);
  if (named.size === 0) return [];
  return [
    {
      check: 'groups',
      state: 'problem',
      found: `groups are named (${[...named].map(visible).join(', ')}), and nothing says who is in one`,
      next:
        identity.mode === 'os'
          ? 'name people as principals: an account of this machine has no groups here'
          : 'set identity.groups_claim to the claim of the ID token that lists groups',
    },
  ];
}

/** A sign-in that cannot be kept is asked for again by each command: told, and in nobody's way. */
async function examineKeeping(ports: Ports, identity: SsoIdentity): Promise<Check> {
  const { place, instead } = await signInKeeping(ports, identity);
  if (place === undefined) return { check: 'keychain', state: 'ok', found: 'no sign-in is kept, as somebody said' };
  if (place.asks) return { check: 'keychain', state: 'ok', found: `a sign-in is kept in ${place.called}` };
  try {
    await place.read();
    return { check: 'keychain', state: 'ok', found: `a sign-in is kept in ${place.called}` };
  } catch (error) {
    if (!(error instanceof SecretUnavailable)) throw error;
    return {
      check: 'keychain',
      state: 'note',
      found: `${place.called} cannot be used, so every command signs in anew: ${visible(error.message)}`,
      ...(instead !== undefined && { next: instead }),
    };
  }
}

/** Whether an error is one that is told beside others: no bug, and nobody stopped the run. */
export function isExpected(error: unknown): error is AppError {
  return error instanceof AppError && error.code !== 'bug' && error.code !== 'interrupted';
}

/** What a command would end with, as something that was found. */
export function problem(check: Check['check'], error: AppError): Check {
  return {
    check,
    state: 'problem',
    found: error.message,
    ...(error.hint !== undefined && { next: error.hint }),
    error,
  };
}
