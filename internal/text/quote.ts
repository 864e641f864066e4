import { concealed } from '../secret/secret.ts';
import { commandAnywhere } from './runner-commands.ts';

/** How much of a text from outside a message shows. */
const shownLength = 300;

/**
 * Quotes text from outside as JSON in printable ASCII and cuts it to 300 characters, so that it cannot
 * move the cursor, forge a line or hide characters in a terminal (P9), nor repeat a secret of ours (P3).
 */
export function quote(text: unknown): string {
  // Before it is cut: half of a secret would no longer be recognised.
  const whole = concealed(typeof text === 'string' ? text : (JSON.stringify(text) ?? String(text)));
  const cut = whole.length > shownLength ? `${whole.slice(0, shownLength)}…` : whole;
  return JSON.stringify(cut)
    .replace(/[^\x20-\x7e…]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(commandAnywhere, '#\\u0023');
}

/**
 * Text from outside for a table cell or a result line: letters of every script stay readable, control,
 * format, bidirectional and unassigned characters become `\u{…}` (P9), and a secret of ours `[secret]` (P3). A command
 * that the runner of a CI job would find in the middle of a line is none any more.
 */
export function visible(text: string): string {
  return concealed(text)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
    .replace(commandAnywhere, '#\\u{23}');
}

/** Text of several lines, the control characters in it but line breaks and tabs made visible: it moves no cursor (P9). */
export function unmoving(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]+/gu, visible);
}

/** A value as JSON in which no text moves a cursor either: such characters stand as escapes, which mean the same (P9). */
export function harmlessJson(value: unknown): string {
  return concealed(JSON.stringify(value))
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) =>
      char
        .split('')
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join(''),
    )
    .replace(commandAnywhere, '#\\u0023');
}
