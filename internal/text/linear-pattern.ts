/**
 * Patterns whose time grows with the text and never with what is in it: RE2, in JavaScript. What checks a pattern is what runs
 * it. Its syntax is RE2's, not that of JavaScript: no look-around, no back references, `\x{e9}` in the place of `\u00e9`.
 */
import { RE2JS, RE2JSException } from 're2js';

/** A pattern that is right. */
export interface LinearPattern {
  /** Whether it is found anywhere in a text: `^` and `$` say where. */
  isIn(text: string): boolean;
}

/** A pattern, or in words what is wrong with it. */
export function linearPattern(source: string): LinearPattern | { problem: string } {
  try {
    const compiled = RE2JS.compile(source);
    return { isIn: (text) => compiled.matcher(text).find() };
  } catch (error) {
    if (error instanceof RE2JSException) return { problem: error.message.replace(/^error parsing regexp: /, '') };
    throw error;
  }
}
