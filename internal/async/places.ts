/** As many at once as there are places, whoever they are; who comes then waits, in the order in which they came. */
export class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Does something in a place of its own. Nothing in it may want another one: all could wait for each other. */
  async within<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // It is handed over, so that nobody who comes now is before whoever waited.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
