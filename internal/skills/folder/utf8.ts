import type { Problem } from './problem.ts';

/** What is wrong somewhere in a text; the caller knows the file. */
export type Finding = Omit<Problem, 'file'>;

/** The text that bytes stand for, a byte order mark included, or where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | Finding {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // What is no character decodes as U+FFFD, at the place where it stands.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    return { ...placeOf(text, text.indexOf('\ufffd')), what: 'it is not UTF-8', fix: 'save it as UTF-8' };
  }
}

/** Line and column of an offset in a text, both counted from 1, columns in UTF-16 code units. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
