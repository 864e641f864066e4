/**
 * Tokens of sessions, looked after by the console that started them: it renews what is due and takes back what is over, as a guard does
 * for sessions of one machine. Of several consoles that keep the same things each looks, and one at a time works with a session.
 */
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { inEachWorkspace } from '../config/workspace.ts';
import { AppError, asAppError } from '../errors/app-error.ts';
import { accountName } from '../outside/accounts.ts';
import type { Platform } from '../platform/client.ts';
import { ownershipOf } from '../run/ownership.ts';
import { prepareFromEnvironment } from '../run/platform.ts';
import type { Ports } from '../run/ports.ts';
import type { TrustedConfiguration } from '../run/trusted-configuration.ts';
import { workspaceOf } from '../run/workspace.ts';
import { beginSecrets } from '../secret/secret.ts';
import { meantIn } from '../session/records.ts';
import type { CurrentConfiguration } from './current-configuration.ts';
import { framesOf, type Journal } from './journal.ts';

/** What it is done with. */
export interface TokenSetting {
  /** The run of the console itself: its environment, folders, stores and record. */
  here: Ports;
  /** The one workspace that it is for; all that the configuration names where undefined. */
  workspace: string | undefined;
  configuration: CurrentConfiguration;
  journal: Journal;
}

/** Looking that has begun. */
export interface ConsoleTokens {
  stop(): Promise<void>;
}

/** Between two looks whether there are such tokens at all. */
const idleMs = 20_000;

/** Begins. Where the configuration has no tokens of sessions nothing is loaded and nothing asked. */
export function tendConsoleTokens({ here, workspace, configuration, journal }: TokenSetting): ConsoleTokens {
  const ended = new AbortController();
  const { signal } = ended;
  const opened = new WeakMap<Configuration, Promise<Platform>>();
  const places = new WeakMap<Configuration, Configuration[]>();
  /** What the last look said, and what this one has: a line for as long as it lasts. */
  let [before, said] = [new Set<string>(), new Set<string>()];
  const say = (line: Record<string, string>) => {
    const key = `${line['code']} ${line['why']}`;
    if (!before.has(key) && !said.has(key)) journal.say('session tokens', line);
    said.add(key);
  };
  const warn = (why: string) => say({ why });

  const look = async (read: Configuration): Promise<void> => {
    const { tendTokens } = await import('../run/session-tokens.ts');
    const each = places.get(read) ?? inEachWorkspace(read, workspace);
    places.set(read, each);
    const { sessions } = await here.stores();
    for (const one of each) {
      const ports: Ports = { ...here, signal, descriptors: {}, tell: { ...here.tell, warn } };
      // The console was started with it by name.
      const trusted = one as TrustedConfiguration;
      const platform = opened.get(one) ?? open(ports, one);
      opened.set(one, platform);
      const run = {
        configuration: trusted,
        principal: undefined,
        platform: await platform,
        ownership: ownershipOf(ports, trusted),
        sessionRecords: meantIn({ sessions, workspace: workspaceOf(ports, one), warn }),
      };
      await tendTokens(ports, run, () => true, warn);
    }
  };
  const open = async (ports: Ports, one: Configuration) =>
    await prepareFromEnvironment(ports, one.interface.platform, one).then(
      // Nobody asked for it: the console does it by the key that it holds.
      (openFor) =>
        openFor({ kind: 'key_holder', account: accountName() }, { verdict: 'allow', rule: 'session_tokens' }),
      (error: unknown) => {
        // One that could not be opened is tried anew.
        opened.delete(one);
        throw error;
      },
    );

  const running = (async () => {
    while (!signal.aborted) {
      let pauseMs = idleMs;
      [before, said] = [said, new Set()];
      try {
        const { configuration: read } = await configuration.current();
        const { session_tokens: settings } = read.interface;
        if (settings !== undefined) {
          const { lookEveryMs } = await import('../session-token/delivery.ts');
          pauseMs = lookEveryMs(settings);
          await beginSecrets()(() => look(read));
        }
      } catch (error) {
        const { code, message } = asAppError(error, signal);
        const stack = error instanceof AppError || !(error instanceof Error) ? {} : { stack: framesOf(error) };
        if (!signal.aborted) say({ code, ...(code !== 'bug' && { why: message }), ...stack });
      }
      await clock.pause(pauseMs, signal);
    }
  })();
  return {
    async stop() {
      ended.abort();
      await running;
    },
  };
}
