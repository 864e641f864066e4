/**
 * Keeps a run inside a limit of so many acts in a window of time. Gives a function to be asked before each act: how many
 * milliseconds it has to wait. Whoever asks counts as acting then.
 */
export function rateLimit(most: number, windowMs: number): (now: number) => number {
  const times: number[] = [];
  return (now) => {
    const before = times.at(-most);
    const at = before === undefined ? now : Math.max(now, before + windowMs);
    times.push(at);
    return at - now;
  };
}
