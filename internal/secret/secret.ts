import { AsyncLocalStorage } from 'node:async_hooks';

/** Shorter values are words that occur anyway, and no secret. */
const shortestSecret = 8;
/** The secrets of the run that is under way here. Several runs of one process do not see each other's. */
const ofRun = new AsyncLocalStorage<Set<string>>();
/** Those of whoever uses the library without a run. */
const ofNoRun = new Set<string>();

function remembered(): Set<string> {
  return ofRun.getStore() ?? ofNoRun;
}

/**
 * Begins a run: what is made into a secret inside the work is concealed there, all of it for as long as the run lives, and
 * nowhere else. The same run may be entered again, to print how it ended.
 */
export function beginSecrets(): <Result>(work: () => Result) => Result {
  const secrets = new Set<string>();
  return (work) => ofRun.run(secrets, work);
}

/** A function that conceals the secrets of the run that it is made in, whoever calls it: a terminal, a timer, a socket. */
export function boundToRun<Words extends unknown[], Result>(say: (...words: Words) => Result): typeof say {
  return AsyncLocalStorage.bind(say);
}

/**
 * A text with every secret of this run replaced by `[secret]`: an answer from outside may repeat what it was sent, and
 * what is printed of it must not (P3).
 */
export function concealed(text: string): string {
  // The longest first: what begins like another secret is still whole then.
  const found = [...remembered()].filter((value) => text.includes(value)).sort((a, b) => b.length - a.length);
  return found.reduce((result, value) => result.replaceAll(value, '[secret]'), text);
}

/** Makes {@link concealed} hide a value that others hold in plain text, such as a library. */
export function conceal(value: string): void {
  if (value.length < shortestSecret) return;
  const secrets = remembered();
  for (const form of [value, inUrl(value), JSON.stringify(value).slice(1, -1)]) secrets.add(form);
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
