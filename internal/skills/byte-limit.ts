/**
 * Lets work begin while no more than so many bytes are in use, in the order in which it came. What is larger than that by
 * itself goes alone.
 */
export function byteLimit(most: number): <Result>(bytes: number, work: () => Promise<Result>) => Promise<Result> {
  let used = 0;
  const waiting: { bytes: number; begin: () => void }[] = [];
  const admit = () => {
    for (let next = waiting[0]; next && (used === 0 || used + next.bytes <= most); next = waiting[0]) {
      waiting.shift();
      used += next.bytes;
      next.begin();
    }
  };
  return async (bytes, work) => {
    await new Promise<void>((begin) => {
      waiting.push({ bytes, begin });
      admit();
    });
    try {
      return await work();
    } finally {
      used -= bytes;
      admit();
    }
  };
}
