let answers = 0;

/** Seen: tools and servers come back in arbitrary order, so it changes from one answer to the next. */
export function inArbitraryOrder<T>(items: readonly T[]): T[] {
  answers += 1;
  return answers % 3 === 0 ? [...items] : items.toReversed();
}
