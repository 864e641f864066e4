/** Hands over what comes, and says how many there were after each. */
export async function* counted<Item>(
  items: AsyncIterable<Item>,
  heard: ((count: number) => void) | undefined,
): AsyncGenerator<Item, void, undefined> {
  let count = 0;
  for await (const item of items) {
    count += 1;
    heard?.(count);
    yield item;
  }
}
