/**
 * A console from its start to its end: the one process that holds the key. It needs a folder that is its own, a
 * configuration that says where people find it and who proves them, and a socket on which nobody reads along.
 */
import { join } from 'node:path';
import { readAgentsLock } from '../agent/lock.ts';
import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { inEachWorkspace, inWorkspace } from '../config/workspace.ts';
import { AppError } from '../errors/app-error.ts';
import {
  type ConsoleListener,
  isLoopback,
  type ListeningPlace,
  listenForConsole,
} from '../outside/console-listener.ts';
import type { Directories } from '../outside/directories.ts';
import { isClaimed, makeFolder, realPath } from '../outside/files.ts';
import { guardedFetch } from '../outside/http.ts';
import { takeMutex } from '../outside/mutex.ts';
import { requireOwnFolder } from '../outside/trusted-file.ts';
import { signingKeysIn } from '../platform/webhook.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Environment } from '../run/environment.ts';
import { locateProject } from '../run/place.ts';
import { prepareFromEnvironment } from '../run/platform.ts';
import type { Ports } from '../run/ports.ts';
import { proxiesOf } from '../run/way-out.ts';
import { usualAddress } from '../run/workspace.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { consoleApp } from './app.ts';
import { currentConfiguration } from './current-configuration.ts';
import { figures } from './figures.ts';
import { issuers } from './issuers.ts';
import { journalTo, sayCertificate } from './journal.ts';
import { type Kept, keptInFolder } from './kept.ts';
import { latestActs } from './latest-acts.ts';
import { beginConsoleNotices } from './notices/begin.ts';
import type { Notices } from './notices/notices.ts';
import { platformEvents } from './platform-events.ts';
import { type ConsoleTokens, tendConsoleTokens } from './session-tokens.ts';
import { recallGone } from './sessions.ts';
import { watchRecord } from './watch-record.ts';

/** How a console is started. */
export interface ServeRequest extends ListeningPlace {
  /** The folder for everything that it keeps; it is one console's alone. */
  data: string;
  /** The address of the database that it shares with other replicas; without one it keeps everything in its folder. */
  database?: Secret | undefined;
  /** The folder of a console that has ended, whose things are moved into the database first. */
  importFrom?: string | undefined;
  /** How often the configuration is looked at; usual where undefined. */
  lookEveryMs?: number | undefined;
  /** How long a session of somebody lasts at most; usual where undefined. */
  sessionSeconds?: number | undefined;
  /** How long what the platform tells waits for the act that explains it; usual where undefined. */
  graceMs?: number | undefined;
  /** How often it is looked for something to tell the receiver of notices, and how long that may take; usual where undefined. */
  noticePace?: { everyMs: number; patienceMs: number } | undefined;
  /** Told where it listens, once it does. */
  listening?: ((port: number) => void) | undefined;
}

/** How it went. */
export interface Served {
  origin: string;
  seconds: number;
}

/** Beside what a console keeps in its folder: which process has it. */
const mutexName = 'console.lock';

/** How long runs have for what they began, and how long for their last words. */
const drainMs = 20_000;
const lastWordsMs = 5_000;

/** The variables that a console needs of its own. What a person's run would look for is none of its business. */
const passedOn = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_FEDERATION_RULE_ID',
  'ANTHROPIC_ORGANIZATION_ID',
  'ANTHROPIC_SERVICE_ACCOUNT_ID',
  'ANTHROPIC_WORKSPACE_ID',
  'ANTHROPIC_IDENTITY_TOKEN_FILE',
  'HTTPS_PROXY',
  'https_proxy',
  'HTTP_PROXY',
  'http_proxy',
  'NO_PROXY',
  'no_proxy',
  'MAI_ALLOW_LOOPBACK_HTTP',
] as const;

/**
 * Serves until the run is interrupted. Throws `usage` or `config_invalid` for what cannot be served safely,
 * `already_running` where another process has the folder, `platform_key_missing`, and what reading the configuration and the
 * record throws.
 */
export async function serve(ports: Ports, request: ServeRequest): Promise<Served> {
  const began = clock.monotonic();
  const environment: Environment = Object.fromEntries(
    passedOn.flatMap((name) => (ports.environment[name] === undefined ? [] : [[name, ports.environment[name]]])),
  );
  const signing = ports.environment.ANTHROPIC_WEBHOOK_SIGNING_KEY;
  const signingKeys = signing === undefined ? undefined : signingKeysIn(signing).map((key) => new Secret(key));
  const { workspace } = ports.project;
  const journal = journalTo(ports.stream);
  const { folder, found } = await locateProject(ports);
  if (found) {
    throw new AppError('usage', 'a console serves a configuration that is named, and not one that is found', {
      hint: `name it: --config ${quote(folder)}`,
    });
  }
  const directories = {
    cache: join(request.data, 'cache'),
    state: join(request.data, 'state'),
    config: join(request.data, 'config'),
  };
  const held = await holdFolder(request.data, ports.signal);
  let listener: ConsoleListener | undefined;
  let kept: Kept | undefined;
  let notices: Notices | undefined;
  let tokens: ConsoleTokens | undefined;
  try {
    let origin: string | undefined;
    const configuration = await currentConfiguration(
      folder,
      (read) => {
        const named = servedAt(read);
        // One that it cannot be in is known to be wrong now.
        if (workspace !== undefined) inWorkspace(read, { name: workspace, said: '--workspace' });
        // Every session and proof is for the address that this console was started as.
        if (origin !== undefined && named !== origin) {
          throw new AppError(
            'config_invalid',
            `console is ${quote(named)} now, and this one was started as ${quote(origin)}`,
            {
              hint: 'start it again',
            },
          );
        }
      },
      (change) =>
        'error' in change
          ? journal.say('configuration refused', { code: change.error.code, why: change.error.message })
          : journal.say('configuration', { digest: change.digest }),
      request.lookEveryMs,
    );
    const first = await configuration.current();
    const named = servedAt(first.configuration);
    origin = named;
    requireSafePlace(named, request);
    const { signal: never } = new AbortController();
    const here = { ...ports, environment, directories: () => directories, signal: never };
    // Without a key nothing could be done for anybody.
    await prepareFromEnvironment(here, first.configuration.interface.platform);
    const source = await holdImported(request, ports.signal);
    try {
      kept = await keptFor(request, directories);
    } finally {
      await source?.release();
    }
    const { stores, sessions, seen, heard, peers } = kept;
    const { record: lasting, isUnwritable } = watchRecord(kept.record, (failure) =>
      failure === undefined
        ? journal.say('record written again')
        : journal.say('record unwritable', { code: failure.code, why: failure.message }),
    );
    const counted = figures();
    const platform = environment.ANTHROPIC_BASE_URL ?? usualAddress;
    // The key is for this alone: no run of anybody has it.
    const { MAI_NOTICES_KEY } = ports.environment;
    notices = await beginConsoleNotices({
      here: { ...here, environment: { ...environment, ...(MAI_NOTICES_KEY !== undefined && { MAI_NOTICES_KEY }) } },
      folder,
      origin: named,
      workspace,
      stores,
      record: lasting,
      configuration,
      journal,
      noticed: counted.noticed,
      pace: request.noticePace,
    });
    const { renewalFailed } = notices;
    const events = platformEvents({
      platform,
      record: lasting,
      stores,
      renewalFailed,
      reviewed: async () => await reviewedIds((await configuration.current()).configuration),
      journal,
      alarmed: counted.alarmed,
      graceMs: request.graceMs,
    });
    const record: RecordLog = {
      ...lasting,
      // It has no key to sign one with, so none is due, whatever a folder that was moved here has of before.
      checkpoints: { ...lasting.checkpoints, last: async () => undefined },
      async append(entry) {
        const head = await lasting.append(entry);
        events.acted(entry);
        return head;
      },
    };
    await recallGone(sessions, record);
    if (signingKeys !== undefined) await events.watch();
    const fetch = async () =>
      guardedFetch({
        allowLoopbackHttp: environment.MAI_ALLOW_LOOPBACK_HTTP === '1',
        // Of now: an issuer of the company's own network may have come since the start.
        reviewedHosts: reviewedHosts((await configuration.current()).configuration),
        proxies: proxiesOf({ environment, tell: ports.tell }),
        signal: never,
      });
    tokens = tendConsoleTokens({
      here: { ...here, stores: async () => stores, record: async () => record, secrets: async () => undefined },
      workspace,
      configuration,
      journal,
    });
    const app = consoleApp({
      origin: named,
      version: ports.version,
      workspace,
      environment,
      directories,
      stores,
      record,
      isUnwritable,
      latestActs: latestActs(lasting),
      journal,
      counted,
      told: signingKeys === undefined ? undefined : { events, keys: signingKeys },
      configuration,
      sessions,
      seen,
      heard,
      peers,
      keysOf: issuers({ fetch, stores }),
      fetch,
    });
    listener = await listenForConsole(request, app.handle, (change) => sayCertificate(journal, change));
    const { port } = listener;
    journal.say('listening', {
      origin: named,
      host: request.host,
      port,
      configuration: first.digest,
      version: ports.version,
    });
    request.listening?.(port);
    ports.tell.note(`the console ${quote(named)} listens at ${request.host}, port ${port}`);
    await interrupted(ports.signal);
    journal.say('ending');
    app.drain();
    listener.stopAccepting();
    const idle = app.idle();
    await Promise.race([idle, clock.pause(drainMs)]);
    app.interruptAll();
    await Promise.race([idle, clock.pause(lastWordsMs)]);
    await listener.flushed();
    listener.close();
    // Of several replicas another one judges what waits: it may be of an act that is still under way there.
    await events.end({ andJudge: request.database === undefined });
    journal.say('ended');
    return { origin: named, seconds: Math.round((clock.monotonic() - began) / 1000) };
  } finally {
    listener?.close();
    await Promise.all([notices?.stop(), tokens?.stop()]);
    await kept?.close();
    await held.release();
  }
}

/** Where it keeps things. The database is loaded by those alone that have one. */
async function keptFor(
  { database, importFrom, sessionSeconds }: ServeRequest,
  directories: Directories,
): Promise<Kept> {
  if (database !== undefined) {
    const { keptInDatabase } = await import('./in-database.ts');
    return await keptInDatabase(database, { importFrom, sessionSeconds });
  }
  if (importFrom === undefined) return keptInFolder(directories, sessionSeconds);
  throw new AppError('usage', '--import moves a folder into a database, and none is named', {
    hint: 'set DATABASE_URL, or name it: --database-url-file <file>',
  });
}

/** The agents and environments that the locks of a configuration name, in every workspace of it. */
async function reviewedIds(read: Configuration) {
  const locks = await Promise.all(inEachWorkspace(read, undefined).map(async (one) => await readAgentsLock(one)));
  return {
    agents: new Map(locks.flatMap(({ agents }) => Object.values(agents).map((agent) => [agent.id, agent] as const))),
    environments: new Set(locks.flatMap(({ environments }) => Object.values(environments).map(({ id }) => id))),
  };
}

/** Where people find a console, as its configuration says. Throws `config_invalid` for one that no console can serve. */
function servedAt({ interface: { console: origin, identity } }: Configuration): string {
  if (origin === undefined) {
    throw new AppError('config_invalid', 'interface.yaml does not say where the console is', {
      hint: 'write its address there, such as console: https://console.example.com',
    });
  }
  if (identity.mode === 'os') {
    throw new AppError('config_invalid', 'the accounts of one machine prove nobody to a console (identity.mode: os)', {
      hint: 'let people sign in: identity.mode: sso (docs/identity.md)',
    });
  }
  return origin;
}

/** Throws `usage` where what is shown would be read on the way, whatever the socket is. */
function requireSafePlace(origin: string, { host, tls, trustedProxies }: ListeningPlace): void {
  const isHttps = origin.startsWith('https:');
  if (
    isHttps ||
    (isLoopback(new URL(origin).hostname) && isLoopback(host) && tls === undefined && trustedProxies.length === 0)
  )
    return;
  throw new AppError('usage', `${quote(origin)} is http, which is for loopback alone`, {
    hint: 'write console: https://... in interface.yaml',
  });
}

/** One process for one folder. Throws `already_running`, or `file_system` where others could write there. */
async function holdFolder(data: string, signal: AbortSignal) {
  await makeFolder(data);
  await requireOwnFolder(data);
  const mutex = await takeMutex({ path: join(data, mutexName), signal, waitMs: 0 });
  if ('release' in mutex) return mutex;
  throw new AppError(
    'already_running',
    `${quote(data)} belongs to a console that runs: process ${mutex.pid}, since ${mutex.since}`,
    {
      hint: 'end that one, or give this one a folder of its own: --data <folder>',
    },
  );
}

/** Throws `already_running` where a console still runs on what is moved: what it did from then on would be in no database. */
async function holdImported({ data, importFrom }: ServeRequest, signal: AbortSignal) {
  // One that nobody has marked is not written to: it may be a copy, or not there at all.
  if (importFrom === undefined || !(await isClaimed(join(importFrom, mutexName)))) return undefined;
  return realPath(importFrom) === realPath(data) ? undefined : await holdFolder(importFrom, signal);
}

async function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = deferred();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
