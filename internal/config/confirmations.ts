/**
 * Which configurations a person has seen and said yes to, by folder. What is kept is what the configuration had them believe,
 * so that a change can be shown.
 */
import { AppError } from '../errors/app-error.ts';
import type { KeptText, KeptTexts } from '../stores/kept-text.ts';
import { recordIn } from '../text/record.ts';
import type { Belief } from './believed.ts';

/** A configuration that a person said yes to. */
export interface Confirmation {
  folder: string;
  beliefs: readonly Belief[];
}

/** The confirmations of a person. */
export interface Confirmations {
  /** What was said yes to for a folder; undefined where nothing was. Throws `file_system` where others could have written it. */
  read(folder: string): Promise<Confirmation | undefined>;
  write(confirmation: Confirmation): Promise<void>;
  /** The folders of all, for whoever stands in a wrong one. */
  folders(): Promise<string[]>;
}

const version = 1;

export function confirmationsIn(kept: KeptTexts): Confirmations {
  const read = async (text: KeptText) => parse(await text.read());
  return {
    async read(folder) {
      const found = await read(kept.at({ name: folder }));
      return found?.folder === folder ? found : undefined;
    },
    write: (confirmation) =>
      kept.at({ name: confirmation.folder }).write(`${JSON.stringify({ version, ...confirmation })}\n`),
    async folders() {
      const unlessRefused = (error: unknown) => {
        // It is only looked at for a hint.
        if (!(error instanceof AppError)) throw error;
        return undefined;
      };
      const texts = (await kept.all().catch(unlessRefused)) ?? [];
      const found = await Promise.all(texts.map((text) => read(text).catch(unlessRefused)));
      return found.flatMap((confirmation) => (confirmation === undefined ? [] : [confirmation.folder])).toSorted();
    },
  };
}

/** Undefined for anything that was not written by us. */
function parse(text: string | undefined): Confirmation | undefined {
  const value = recordIn(text ?? '') ?? {};
  const { folder, beliefs } = value;
  if (value['version'] !== version || typeof folder !== 'string' || !Array.isArray(beliefs)) return undefined;
  const isBelief = (each: unknown) =>
    Array.isArray(each) && each.length === 2 && each.every((part) => typeof part === 'string');
  return beliefs.every(isBelief) ? { folder, beliefs: beliefs as Belief[] } : undefined;
}
