/**
 * The configuration of a console: read from its folder whole or not at all. Where the files changed and what they say now is
 * no configuration, the one before goes on, and that is said.
 */
import { join } from 'node:path';
import { clock } from '../clock/clock.ts';
import type { Configuration } from '../config/definitions.ts';
import { loadConfiguration } from '../config/load.ts';
import { AppError } from '../errors/app-error.ts';
import { fileDigest, listFolder } from '../outside/files.ts';
import { sha256 } from '../text/canonical.ts';

/** A configuration with the digest of the files that it was read from. */
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
      const digest = await digestOf(folder);
      const configuration = await loadConfiguration(folder);
      judge(configuration);
      // Somebody may be changing it file by file: what was read in between is neither the old nor the new one.
      if ((await digestOf(folder)) === digest) return { configuration, digest };
      await clock.pause(50);
    }
  };
  let reviewed = await read();
  /** Without a digest where the files could not even be looked at. */
  let broken: { error: AppError; digest: string | undefined } | undefined;
  let lookedAt = clock.monotonic();
  let looking: Promise<void> | undefined;
  const look = async () => {
    let digest: string | undefined;
    try {
      digest = await digestOf(folder);
      if (digest === reviewed.digest) broken = undefined;
      if (digest === reviewed.digest || digest === broken?.digest) return;
      reviewed = await read();
      broken = undefined;
      told({ digest: reviewed.digest });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const isTold = broken !== undefined && digest === undefined && broken.digest === undefined;
      broken = { error, digest };
      if (!isTold) told({ error });
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

/** The digest of every file that says something: names and contents. */
async function digestOf(folder: string): Promise<string> {
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
