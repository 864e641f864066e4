/** So many of a thing in words: "no skills", "1 skill", "2 skills". */
export function counted(count: number, thing: string): string {
  return `${count === 0 ? 'no' : count} ${thing}${count === 1 ? '' : 's'}`;
}
