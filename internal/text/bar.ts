const width = 20;

/** A bar for so many of so many: `[#####...............] 50/200`. */
export function bar(ended: number, all: number): string {
  const full = all === 0 ? width : Math.floor((ended / all) * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${ended}/${all}`;
}
