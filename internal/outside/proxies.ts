/**
 * How the network is left, as the environment says it in the words of curl: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, lower case
 * first. Everything goes through a tunnel (CONNECT): a proxy sees where to, and nothing of what is said there.
 */
import type { Socket } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import { conceal, Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';

/** One proxy. Its credentials are in no text of it. */
export interface WayOut {
  url: URL;
  /** The value of Proxy-Authorization. */
  authorization: Secret | undefined;
  /** The variable that names it. */
  variable: string;
}

/** The proxies of a run. */
export interface Proxies {
  /** The one that a URL is reached through; undefined where that is directly. */
  for(url: URL): WayOut | undefined;
  /** Hears of each host whose addresses only the proxy knows, once. */
  resolvedThere?: ((host: string) => void) | undefined;
}

/** The variables, by the protocol that they are for. */
const variablesOf = {
  'https:': ['https_proxy', 'HTTPS_PROXY'],
  'http:': ['http_proxy', 'HTTP_PROXY'],
} as const;
const exceptionVariables = ['no_proxy', 'NO_PROXY'] as const;

type ProxyVariable = (typeof variablesOf)['https:' | 'http:'][number] | (typeof exceptionVariables)[number];

/** Those of an environment; undefined where there are none. Throws `usage` for one that cannot be used. */
export function proxiesFrom(
  environment: Readonly<Partial<Record<ProxyVariable, string>>>,
  resolvedThere?: Proxies['resolvedThere'],
): Proxies | undefined {
  const proxyOf = (protocol: keyof typeof variablesOf): WayOut | undefined => {
    const variable = variablesOf[protocol].find((name) => environment[name] !== undefined);
    return variable === undefined ? undefined : parsed(variable, environment[variable] ?? '');
  };
  const proxies = { 'https:': proxyOf('https:'), 'http:': proxyOf('http:') };
  if (proxies['https:'] === undefined && proxies['http:'] === undefined) return undefined;
  const variable = exceptionVariables.find((name) => environment[name] !== undefined);
  const exceptions = exceptionsIn(variable === undefined ? '' : (environment[variable] ?? ''));
  const told = new Set<string>();
  return {
    for: (url) => {
      const proxy = url.protocol === 'https:' || url.protocol === 'http:' ? proxies[url.protocol] : undefined;
      return proxy === undefined || exceptions.some((fits) => fits(url)) ? undefined : proxy;
    },
    resolvedThere(host) {
      if (!told.has(host)) resolvedThere?.(host);
      told.add(host);
    },
  };
}

/** `http://user:password@host:port`; without a scheme http is meant, as everywhere. */
function parsed(variable: string, text: string): WayOut {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const refuse = (why: string) =>
    new AppError('usage', `${variable} names no proxy that can be used: ${why}`, {
      hint: `set ${variable} to http://<host>:<port> or https://<host>:<port>, with user:password@ before the host where it wants to know who asks; or leave hosts out by NO_PROXY`,
    });
  if (!isUrl(whole)) {
    conceal(text);
    throw refuse('it is not an address');
  }
  const url = new URL(whole);
  const { username, password, protocol } = url;
  for (const secret of [password, decoded(password)]) conceal(secret);
  if (protocol !== 'http:' && protocol !== 'https:') throw refuse(`${quote(protocol)} is not spoken here`);
  if (url.hostname === '') throw refuse('it has no host');
  const credentials = `${decoded(username)}:${decoded(password)}`;
  const authorization =
    username === '' && password === ''
      ? undefined
      : new Secret(`Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`);
  return { url: new URL(`${protocol}//${url.host}`), authorization, variable };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Exception = (url: URL) => boolean;

/**
 * What is reached directly: `*`, a host with all that is below it (with or without a dot or `*.` before it), an address, a
 * range of addresses in CIDR, each with a port where only that one is meant. Names are not looked up for it.
 */
function exceptionsIn(text: string): Exception[] {
  return text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(exceptionOf);
}

function exceptionOf(entry: string): Exception {
  if (entry === '*') return () => true;
  const [, range = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (range !== '') return inRange(range, Number(bits));
  const [, name = entry, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  const host = bare(name.replace(/^\*?\./, '')).replace(/\.$/, '');
  return (url) => {
    if (port !== undefined && port !== portOf(url)) return false;
    const asked = bare(url.hostname).replace(/\.$/, '');
    return asked === host || (host !== '' && asked.endsWith(`.${host}`));
  };
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/** The port of a URL, also where it is the usual one of its protocol. */
function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80');
}

/** Addresses of the same family whose first bits are the same. What is no range fits nothing. */
function inRange(range: string, bits: number): Exception {
  const { BlockList, isIP } = process.getBuiltinModule('node:net');
  const family = isIP(range);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return () => false;
  const list = new BlockList();
  list.addSubnet(range, bits, family === 4 ? 'ipv4' : 'ipv6');
  return (url) => {
    const host = bare(url.hostname);
    const asked = isIP(host);
    return asked !== 0 && list.check(host, asked === 4 ? 'ipv4' : 'ipv6');
  };
}

/** There is no way through a proxy: nothing was sent to whoever was meant. */
export class ProxyFailure extends Error {
  override readonly name: string = 'ProxyFailure';
  readonly code = 'EPROXY';
  readonly hint: string;

  constructor({ url, variable }: WayOut, what: string, hint: string, cause?: unknown) {
    super(`the proxy ${quote(url.origin)} (${variable}) ${what}`, { cause });
    this.hint = hint;
  }
}

const connectMs = 15_000;

/** A line to `host:port` through a proxy. Rejects with {@link ProxyFailure}, or the reason of the signal. */
export async function tunnelThrough(proxy: WayOut, authority: string, signal?: AbortSignal): Promise<Socket> {
  const { request } = proxy.url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const { authorization, variable } = proxy;
  return await new Promise((resolve, reject) => {
    const headers = {
      host: authority,
      ...(authorization !== undefined && { 'proxy-authorization': authorization.reveal() }),
    };
    const options = {
      method: 'CONNECT',
      path: authority,
      headers,
      agent: false,
      timeout: connectMs,
      ...(signal && { signal }),
    } as const;
    const asked = request(proxy.url, options, () => {});
    asked.once('connect', ({ statusCode = 0, headers: { 'content-type': type } }, socket, head) => {
      if (statusCode >= 200 && statusCode <= 299) {
        // What came with the answer is of whoever is at the other end.
        if (head.length > 0) socket.unshift(head);
        return resolve(socket as Socket);
      }
      socket.destroy();
      const page = /html/i.test(type ?? '') ? ' with a page of HTML' : '';
      const hint =
        statusCode === 407
          ? `give it the credentials that it wants: ${variable}=http://user:password@host:port, with what is special in them percent-encoded`
          : `ask whoever runs it to let ${quote(authority)} through, or name the host in NO_PROXY`;
      reject(new ProxyFailure(proxy, `answered ${statusCode}${page} when it was asked for ${quote(authority)}`, hint));
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${connectMs / 1000} s`)));
    asked.once('error', (cause: NodeJS.ErrnoException) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const what = `cannot be used: ${cause.code ?? cause.message}`;
      reject(new ProxyFailure(proxy, what, `check the network and ${variable}, or name the host in NO_PROXY`, cause));
    });
    asked.end();
  });
}
