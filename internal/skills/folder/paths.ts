/** Which names of files and folders a skill may have: those that unpack to the same thing on every system. */
import { visible } from '../../text/quote.ts';

/** What is wrong with a name, and the fix. */
export type Fault = [what: string, fix: string];

/** What keeps a file or folder from having this name on every system; undefined for a good one. */
export function entryNameFault(name: string): Fault | undefined {
  if (/[\p{C}\p{Zl}\p{Zp}"\\\ufffd]/u.test(name)) {
    return ['its name holds a quote, a backslash, an invisible character or bytes that are not UTF-8', 'rename it'];
  }
  if (/[<>:|?*]/.test(name)) return ['its name holds one of < > : | ? *, which Windows does not allow', 'rename it'];
  if (/[. ]$/.test(name)) return ['its name ends in a dot or a space, which Windows does not allow', 'rename it'];
  if (/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name)) return ['Windows reserves its name', 'rename it'];
  return undefined;
}

/**
 * Finds names that some systems take for one: they differ only in case, or in how an accented letter is composed.
 * Remembers every path it is asked about, and the folders of it.
 */
export class SpellingsSeen {
  readonly #spellings = new Map<string, string>();

  /** What is wrong with a path, given those that were seen before. */
  faultOf(path: string): Fault | undefined {
    const folded = path.normalize('NFD').toUpperCase().normalize('NFD');
    const seen = this.#spellings.get(folded);
    if (seen === undefined) this.#spellings.set(folded, path);
    if (seen === undefined || seen === path) return undefined;
    return [`many systems take its name for that of ${visible(seen)}`, 'rename one of them'];
  }
}
