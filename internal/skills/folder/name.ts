import { limits } from './limits.ts';

/**
 * What is wrong with a skill name, or undefined for a good one. The platform takes 1 to 64 of `a-z`, `0-9` and `-`
 * and refuses the words `anthropic` and `claude`; the open Agent Skills format adds that hyphens only stand between
 * other characters.
 */
export function nameProblem(name: string): string | undefined {
  if (name.length === 0) return 'the name is empty';
  const longest = limits.nameCharacters;
  if (name.length > longest) return `the name has ${name.length} characters, at most ${longest} are allowed`;
  if (!/^[a-z0-9-]+$/.test(name)) return 'the name may hold only a-z, 0-9 and -';
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return 'hyphens may only stand between letters or digits';
  const reserved = ['anthropic', 'claude'].find((word) => name.includes(word));
  return reserved === undefined ? undefined : `the platform reserves the word ${reserved}`;
}
