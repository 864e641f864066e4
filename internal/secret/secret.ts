/** More than any run needs; a process that runs for long forgets the oldest. */
const mostRemembered = 1000;
/** Shorter values are words that occur anyway, and no secret. */
const shortestSecret = 8;
const remembered = new Set<string>();

/**
 * A text with every secret of this run replaced by `[secret]`: an answer from outside may repeat what it was sent, and
 * what is printed of it must not (P3).
 */
export function concealed(text: string): string {
  let result = text;
  for (const value of remembered) {
    if (result.includes(value)) result = result.replaceAll(value, '[secret]');
  }
  return result;
}

/** Makes {@link concealed} hide a value that others hold in plain text, such as a library. */
export function conceal(value: string): void {
  if (value.length < shortestSecret) return;
  for (const form of [value, inUrl(value), JSON.stringify(value).slice(1, -1)]) {
    remembered.delete(form);
    remembered.add(form);
  }
  for (const oldest of remembered) {
    if (remembered.size <= mostRemembered) break;
    remembered.delete(oldest);
  }
}

/** Half of a surrogate pair, which only a hostile answer has, cannot stand in a URL as it is. */
function inUrl(value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd'));
}

/**
 * A value that prints as `[secret]` wherever it is written: string conversion, JSON, `console.log`,
 * error messages. `reveal()` is the only way out, so every use of a secret can be searched for (P3).
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    conceal(value);
  }

  /** The value itself, for the one request or comparison that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  // `util.inspect.custom`, without loading that module at every start.
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}
