/**
 * Which configurations a person has seen and said yes to: a file for each in their folder for state, by a digest of the place.
 * It holds what the configuration had them believe, so that a change can be shown.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { listFolder, writeText } from '../outside/files.ts';
import { ownFile, readTrusted, requireOwnFolder } from '../outside/trusted-file.ts';
import type { Belief } from './believed.ts';

/** A configuration that a person said yes to. */
export interface Confirmation {
  folder: string;
  beliefs: readonly Belief[];
}

/** The confirmations of a person on one machine. */
export interface Confirmations {
  /** What was said yes to for a folder; undefined where nothing was. Throws `file_system` where others could have written it. */
  read(folder: string): Promise<Confirmation | undefined>;
  write(confirmation: Confirmation): Promise<void>;
  /** The folders of all, for whoever stands in a wrong one. */
  folders(): Promise<string[]>;
}

const version = 1;
const longestFile = 256 * 1024;

/** The confirmations below a folder for state. */
export function confirmationsIn(stateFolder: string): Confirmations {
  const place = join(stateFolder, 'configurations');
  const read = async (path: string) => {
    const text = await readTrusted(path, ownFile(longestFile));
    return text === undefined ? undefined : parse(text);
  };
  return {
    async read(folder) {
      await requireOwnFolder(stateFolder);
      const found = await read(join(place, nameOf(folder)));
      return found?.folder === folder ? found : undefined;
    },
    async write(confirmation) {
      const text = JSON.stringify({ version, ...confirmation });
      await writeText(join(place, nameOf(confirmation.folder)), `${text}\n`, 'private');
    },
    async folders() {
      const entries = await listFolder(place).catch(() => undefined);
      const found = await Promise.all(
        (entries ?? []).map(({ name }) =>
          read(join(place, name)).catch((error: unknown) => {
            // It is only looked at for a hint.
            if (error instanceof AppError) return undefined;
            throw error;
          }),
        ),
      );
      return found.flatMap((confirmation) => (confirmation === undefined ? [] : [confirmation.folder])).toSorted();
    },
  };
}

function nameOf(folder: string): string {
  return `${createHash('sha256').update(folder).digest('hex')}.json`;
}

/** Undefined for anything that was not written by us. */
function parse(text: string): Confirmation | undefined {
  let value: Partial<Record<string, unknown>>;
  try {
    value = (JSON.parse(text) ?? {}) as typeof value;
  } catch {
    return undefined;
  }
  const { folder, beliefs } = value;
  if (value['version'] !== version || typeof folder !== 'string' || !Array.isArray(beliefs)) return undefined;
  const isBelief = (each: unknown) =>
    Array.isArray(each) && each.length === 2 && each.every((part) => typeof part === 'string');
  return beliefs.every(isBelief) ? { folder, beliefs: beliefs as Belief[] } : undefined;
}
