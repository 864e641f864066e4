/**
 * The configuration of a console: read from its folder whole or not at all, with the lock files that go with it. Where the files
 * changed and what they say now is no configuration, the one before goes on with its locks, and that is said.
 */
import { join } from 'node:path';
import { readAgentsLock } from '../agent/lock.ts';
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { configurationDigest } from '../config/digest.ts';
import { loadConfiguration } from '../config/load.ts';
import { asRead, readTogether } from '../config/read-together.ts';
import { inEachWorkspace } from '../config/workspace.ts';
import { AppError } from '../errors/app-error.ts';
import { fileDigest, listFolder } from '../outside/files.ts';
import type { SkillsLock } from '../skills/lock.ts';
import { readSkillPins } from '../skills/skill-pins.ts';
import { sha256 } from '../text/canonical.ts';
import { readToolsLock } from '../tool-review/lock.ts';

/** A configuration with its locks, and the digest of the files that both were read from. */
export interface Reviewed {
  configuration: Configuration;
  digest: string;
}

/** The configuration that counts now. */
export interface CurrentConfiguration {
  current(): Promise<Reviewed>;
  /** Why the files that are there now do not count; undefined where they do. */
  broken(): AppError | undefined;
}

/** How often the files are looked at. */
const usualEveryMs = 2_000;
const folders = ['', 'services', 'agents', 'environments', 'rules'];

/** Reads it for the first time. Throws as {@link loadConfiguration} does, and what `judge` throws of one that cannot be used. */
export async function currentConfiguration(
  folder: string,
  judge: (configuration: Configuration) => void,
  told: (change: { digest: string } | { error: AppError }) => void,
  everyMs: number = usualEveryMs,
): Promise<CurrentConfiguration> {
  const read = async (): Promise<Reviewed> => {
    for (;;) {
      const files = await filesDigest(folder);
      const together = readTogether();
      const configuration = { ...(await loadConfiguration(folder)), together };
      judge(configuration);
      const digest = digestOf(files, await readLocks(configuration));
      together.end();
      // Somebody may be changing it file by file: what was read in between is neither the old nor the new one.
      if ((await digestNow(folder, configuration)) === digest) return { configuration, digest };
      await clock.pause(50);
    }
  };
  let reviewed = await read();
  /** Without a digest where the files could not even be looked at; with what was told of files with that digest. */
  let broken: { error: AppError; digest: string | undefined; said: ReadonlySet<string> } | undefined;
  let lookedAt = clock.monotonic();
  let looking: Promise<void> | undefined;
  const look = async () => {
    let digest: string | undefined;
    try {
      digest = await digestNow(folder, reviewed.configuration);
      if (digest === reviewed.digest) broken = undefined;
      if (digest === reviewed.digest) return;
      // Also where nothing in the digest is another: what is wrong may lie in a folder that only the refused one names.
      reviewed = await read();
      broken = undefined;
      told({ digest: reviewed.digest });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const said = broken !== undefined && broken.digest === digest ? broken.said : new Set<string>();
      broken = { error, digest, said: new Set([...said, error.message]) };
      if (!said.has(error.message)) told({ error });
    }
  };
  return {
    async current() {
      if (looking === undefined && clock.monotonic() - lookedAt >= everyMs) {
        looking = look().finally(() => {
          lookedAt = clock.monotonic();
          looking = undefined;
        });
      }
      await looking;
      return reviewed;
    },
    broken: () => broken?.error,
  };
}

/**
 * A configuration for a run, which may go on for hours or wait for a person: its locks are those that count when they are read.
 * Reading one throws `drift` once the configuration is another one, since its locks say nothing of this one.
 */
export function withLocksOfNow(begun: Configuration, readAgain: () => Promise<Configuration>): Configuration {
  const digest = configurationDigest(begun);
  return {
    ...begun,
    together: {
      async of(name, read) {
        const now = await readAgain();
        if (configurationDigest(now) === digest) return await asRead(now, name, read);
        throw new AppError('drift', 'the configuration is another one now, and its locks are not those of this run', {
          hint: 'look at what was done, and begin again',
        });
      },
      end() {},
    },
  };
}

/** Reads the locks beside a configuration, in each of its workspaces, and gives what is pinned of skills. Throws what that throws. */
async function readLocks(configuration: Configuration): Promise<Pinned[]> {
  await readToolsLock(configuration);
  return await Promise.all(
    inEachWorkspace(configuration, undefined).map(async (one) => {
      await readAgentsLock(one);
      return await skillsOf(one);
    }),
  );
}

type Pinned = SkillsLock | undefined;
const { signal: never } = new AbortController();

/** What is pinned of skills; undefined where that cannot be read and no agent has one: they may be elsewhere then. */
async function skillsOf(configuration: Configuration): Promise<Pinned> {
  try {
    return await readSkillPins(configuration, never);
  } catch (error) {
    const isNeeded = [...configuration.agents.values()].some(({ skills }) => skills.length > 0);
    if (isNeeded || !(error instanceof AppError)) throw error;
    return undefined;
  }
}

/**
 * The digest of a configuration as its files are now. Folders of skills lie outside of its own, and what is pinned there counts;
 * why that cannot be read, whoever reads it all is told.
 */
async function digestNow(folder: string, { together: _, ...configuration }: Configuration): Promise<string> {
  const pinned = inEachWorkspace(configuration, undefined).map(async (one) => {
    try {
      return await skillsOf(one);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.message;
    }
  });
  return digestOf(await filesDigest(folder), await Promise.all(pinned));
}

function digestOf(files: string, pinned: readonly (Pinned | string)[]): string {
  return sha256(JSON.stringify([files, ...pinned.map((lock) => (lock instanceof Map ? [...lock] : lock))]));
}

/** The digest of every file that says something: names and contents. */
async function filesDigest(folder: string): Promise<string> {
  const files = await Promise.all(
    folders.map(async (each) => {
      const entries = (await listFolder(join(folder, each))) ?? [];
      return await Promise.all(
        entries
          // A system prompt may have any name.
          .filter(({ name }) => each === 'agents' || /\.(yaml|json)$/.test(name))
          .map(async ({ name }) => [join(each, name), (await fileDigest(join(folder, each, name))) ?? '']),
      );
    }),
  );
  return sha256(JSON.stringify(files.flat().sort(([a = ''], [b = '']) => (a < b ? -1 : 1))));
}
