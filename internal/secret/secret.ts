import { inspect } from 'node:util';

/**
 * A value that prints as `[secret]` wherever it is written: string conversion, JSON, `console.log`,
 * error messages. `reveal()` is the only way out, so every use of a secret can be searched for (P3).
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
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

  [inspect.custom](): string {
    return '[secret]';
  }
}
