/** How far something is and how long it takes, the one way this is said. */

const width = 20;

/** So many of so many, as `[#####...............] 50/200`; so many where nobody knows of how many, as `50 so far:`. */
export function howFar(done: number, all: number | undefined): string {
  if (all === undefined) return `${done} so far:`;
  const full = all === 0 ? width : Math.floor((Math.min(done, all) / all) * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${done}/${all}`;
}

/** A length of time in milliseconds as people say it: `12 s`, `2 min 5 s`, `1 h 0 min`. */
export function howLong(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
