/** Which way a list runs. */
export type Order = 'asc' | 'desc';

/** A stretch of a collection, with what lies beyond it on either side. */
export interface Stretch<T> {
  items: T[];
  first: number | undefined;
  last: number | undefined;
  moreAfter: boolean;
  moreBefore: boolean;
}

/** Where a stretch begins and how it is chosen. */
export interface StretchRequest<T> {
  order: Order;
  limit: number;
  where: (item: T) => boolean;
  /** Start beyond this position, in the direction of `order`, or against it when `backwards`. */
  from?: number;
  backwards?: boolean;
}

/**
 * Things in the order of their creation, found by id. A position never changes, which is what makes cursors stable
 * while things come and go and lets a page be read without sorting.
 */
export class Collection<T extends { readonly id: string }> {
  readonly #items: (T | undefined)[] = [];
  readonly #positions = new Map<string, number>();

  add(item: T): T {
    this.#positions.set(item.id, this.#items.length);
    this.#items.push(item);
    return item;
  }

  find(id: string): T | undefined {
    const position = this.#positions.get(id);
    return position === undefined ? undefined : this.#items[position];
  }

  delete(id: string): void {
    const position = this.#positions.get(id);
    if (position === undefined) return;
    this.#items[position] = undefined;
    this.#positions.delete(id);
  }

  get size(): number {
    return this.#positions.size;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }

  /** Reads one page. Backwards pages come out in the same order as forward ones. */
  stretch(request: StretchRequest<T>): Stretch<T> {
    const { order, limit, where, from, backwards = false } = request;
    const step = (order === 'asc') === !backwards ? 1 : -1;
    const start = from === undefined ? (step === 1 ? 0 : this.#items.length - 1) : from + step;
    const found = this.#walk(start, step, limit + 1, where);
    const beyond = found.length > limit;
    if (beyond) found.pop();
    if (backwards) found.reverse();
    const first = found.at(0);
    const last = found.at(-1);
    const behind = from !== undefined && this.#walk(from, step === 1 ? -1 : 1, 1, where).length > 0;
    return {
      items: found.flatMap((position) => this.#items[position] ?? []),
      first,
      last,
      moreAfter: backwards ? behind : beyond,
      moreBefore: backwards ? beyond : behind,
    };
  }

  #walk(start: number, step: 1 | -1, count: number, where: (item: T) => boolean): number[] {
    const found: number[] = [];
    for (let position = start; found.length < count; position += step) {
      if (position < 0 || position >= this.#items.length) break;
      const item = this.#items[position];
      if (item !== undefined && where(item)) found.push(position);
    }
    return found;
  }
}
