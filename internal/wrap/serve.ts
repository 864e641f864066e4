/** A wrapped server from its start to its end: a program that speaks MCP on stdio becomes a protected remote server. */
import { clock, giveWay } from '../clock/clock.ts';
import { journalTo, sayCertificate } from '../console/journal.ts';
import { AppError } from '../errors/app-error.ts';
import { issuerKeys } from '../identity/issuer-keys.ts';
import { renewedKeys } from '../identity/renewed-keys.ts';
import { discoverAuthorizationServer } from '../oauth/authorization-server.ts';
import { isLoopback, type ListeningPlace, listenForConsole } from '../outside/console-listener.ts';
import { guardedFetch } from '../outside/http.ts';
import { endsWholeGroups } from '../outside/stdio-server.ts';
import { isWithheld } from '../run/environment.ts';
import type { Ports } from '../run/ports.ts';
import { recording } from '../run/recording.ts';
import { proxiesOf } from '../run/way-out.ts';
import { quote } from '../text/quote.ts';
import { trust } from '../verify/index.ts';
import type { AccessTokens } from './access-token.ts';
import { metadataPathOf, wrapApp } from './app.ts';
import type { AnnouncedCall } from './session.ts';
import { readTrustFile, type TrustFile } from './trust-file.ts';

/** How one is started. */
export interface WrapRequest extends ListeningPlace {
  /** The file that says whose tokens count. */
  trust: string;
  /** The server, and its arguments. */
  command: readonly string[];
  /** Told where it listens, once it does. */
  listening?: ((port: number) => void) | undefined;
}

/** How it went. */
export interface Wrapped {
  url: string;
  calls: number;
  seconds: number;
}

const sweepMs = 1_000;
/** How long it may take until the record has how a call ended. */
const longestUnwrittenMs = 200;

/**
 * Serves until the run is interrupted. Throws `usage` or `config_invalid` for what cannot be served safely, `port_taken`, and
 * `record_unwritable` once a call cannot be recorded.
 */
export async function wrap(ports: Ports, request: WrapRequest): Promise<Wrapped> {
  const began = clock.monotonic();
  const [program, ...words] = request.command;
  if (program === undefined) throw new AppError('usage', 'there is no server to start');
  if (!endsWholeGroups) {
    throw new AppError('usage', 'nothing is wrapped on Windows: what a server starts could not be ended with it');
  }
  const file = await readTrustFile(request.trust);
  const withheld = file.environment.find(isWithheld);
  if (withheld !== undefined) {
    throw new AppError('config_invalid', `the server is never given ${quote(withheld)}: it is none of its business`);
  }
  const url = new URL(file.url);
  const local = isLoopback(request.host) && request.tls === undefined && request.trustedProxies.length === 0;
  if (url.protocol === 'http:' && !local) {
    throw new AppError('config_invalid', `${quote(file.url)} is http, which is for clients of this machine alone`);
  }
  const journal = journalTo(ports.stream);
  const record = await ports.record();
  const letGo = record.keepOpen?.();
  let calls = 0;
  let unrecorded: unknown;
  const broken = new AbortController();
  const onChange = recording({ ...ports, record: async () => record });
  /** How calls ended, until the next one is announced: written with that they cost nothing, and never wait for long. */
  const ended: (() => Promise<void>)[] = [];
  const writing = new Set<Promise<void>>();
  const writeEnded = () => {
    for (const write of ended.splice(0)) {
      const written: Promise<void> = write().finally(() => writing.delete(written));
      writing.add(written);
    }
  };
  const reading = new Set(file.reads);
  const endUnrecorded = (error: unknown) => {
    // Nothing more is recorded in this run, so nothing more is called in it.
    unrecorded ??= error;
    // Whoever asked is told before everything ends.
    void giveWay().then(() => broken.abort());
  };
  const announce = async ({ caller, tool, verdict, input }: AnnouncedCall) => {
    const { actor, agent, session, rule } = caller;
    if (unrecorded !== undefined) throw unrecorded;
    writeEnded();
    const settle = await onChange(
      {
        act: 'tool.call',
        target: { kind: 'tool', id: undefined, label: tool },
        actor,
        agent,
        session,
        input,
        server: file.url,
        delegation: { verdict, rule },
      },
      // What only reads, or is refused, is no act (docs/audit.md): its line is written before, and outlives us; it waits for no disk.
      reading.has(tool) || verdict === 'off' ? endUnrecorded : undefined,
    ).catch((error: unknown) => {
      endUnrecorded(error);
      throw error;
    });
    calls += 1;
    return (outcome: 'success' | 'failure' | 'unknown') => {
      ended.push(async () => await settle({ outcome, attempts: 1 }));
      if (ended.length === 1) clock.after(longestUnwrittenMs, writeEnded);
    };
  };
  const authorities = new Set<string>();
  const app = wrapApp({
    file,
    program,
    words,
    passed: file.environment,
    besideTools: file.beside_tools,
    limits: file.limits,
    access: {
      ...trusted(ports, file),
      challenge: { resourceMetadata: `${url.origin}${metadataPathOf(url)}` },
    },
    authorities,
    announce,
    say: (what, line) => journal.say(what, line),
  });
  const listener = await listenForConsole(request, app.handle, (change) => sayCertificate(journal, change));
  const stopSweeping = sweeping(app.sweep);
  try {
    const { port } = listener;
    const host = request.host.includes(':') ? `[${request.host}]` : request.host;
    authorities.add(`${host}:${port}`);
    if (isLoopback(request.host))
      for (const name of ['localhost', '127.0.0.1', '[::1]']) authorities.add(`${name}:${port}`);
    journal.say('listening', { url: file.url, host: request.host, port, version: ports.version });
    request.listening?.(port);
    ports.tell.note(`${quote(program)} is ${quote(file.url)}, at ${request.host}, port ${port}`);
    await interrupted(AbortSignal.any([ports.signal, broken.signal]));
    listener.stopAccepting();
  } finally {
    stopSweeping();
    await app.close('this server is ending');
    await listener.flushed();
    listener.close();
    writeEnded();
    await Promise.all(writing);
    letGo?.();
    journal.say('ended', { calls });
  }
  if (unrecorded !== undefined) throw unrecorded;
  return { url: file.url, calls, seconds: Math.round((clock.monotonic() - began) / 1000) };
}

/** What tokens are judged with. Only what the file names is asked, on a way out that is guarded as any other. */
function trusted(ports: Ports, { url, session_tokens: sessions, access_tokens: issuers = [] }: TrustFile) {
  const named = [
    ...(sessions ?? []).flatMap(({ keys, status_lists }) => [keys, ...status_lists]),
    ...issuers.map(({ issuer }) => issuer),
  ];
  const fetch = guardedFetch({
    allowLoopbackHttp: ports.environment.MAI_ALLOW_LOOPBACK_HTTP === '1',
    reviewedHosts: new Set(named.map((address) => new URL(address).hostname)),
    proxies: proxiesOf(ports),
    signal: ports.signal,
  });
  const known = new Map(
    issuers.map((rules) => {
      const keys = renewedKeys(async () => {
        const { jwks_uri: address } = await discoverAuthorizationServer(
          { issuer: rules.issuer, requirePkce: false },
          fetch,
        );
        if (address === undefined) {
          throw new AppError('service_metadata', `${quote(rules.issuer)} does not say where its keys are (jwks_uri)`);
        }
        return issuerKeys(address, fetch);
      });
      return [rules.issuer, { rules, keys }] as const;
    }),
  );
  const tokens: AccessTokens = {
    url,
    any: known.size > 0,
    issuerOf: (issuer) => (issuer === undefined ? undefined : known.get(issuer)),
  };
  return {
    tokens,
    sessions:
      sessions &&
      trust({
        audience: url,
        issuers: sessions.map(({ issuer, keys, status_lists, tenants, algorithm }) => ({
          kind: 'session-token',
          issuer,
          keys,
          statusLists: status_lists,
          tenants,
          algorithm,
        })),
        // A session calls with one token for minutes.
        keepVerified: 1_000,
        now: () => clock.now().getTime(),
        fetch: async (address, init) => await fetch(String(address), init as Parameters<typeof fetch>[1]),
      }),
  };
}

/** Does something again and again until told otherwise. */
function sweeping(sweep: () => void): () => void {
  let stop = () => {};
  const next = () => {
    stop = clock.after(sweepMs, () => {
      sweep();
      next();
    });
  };
  next();
  return () => stop();
}

function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
