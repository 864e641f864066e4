/**
 * Two runs at once: the platform takes uploads without a condition, so each run looks afterwards who else uploaded and all
 * of them judge alike. The first upload stays; whoever came later takes back what it uploaded itself, and nothing else. Pure.
 */

/** An upload as the platform shows it: a version, or a skill with its first version. */
export interface Upload {
  id: string;
  /** RFC 3339. */
  created_at: string;
}

/**
 * What becomes of an upload beside others:
 * - `keep`: it came first;
 * - `yield`: another came first, or cannot be told from it by time;
 * - `wait`: it could not be told by time and would be kept by its id. The other may have looked before this one came, and
 *   then stays: kept only once the other is gone.
 */
export function standing(mine: Upload, rivals: readonly Upload[]): 'keep' | 'wait' | 'yield' {
  const first = earliest(rivals);
  if (first === undefined) return 'keep';
  const difference = Date.parse(mine.created_at) - Date.parse(first.created_at);
  if (difference !== 0) return difference < 0 ? 'keep' : 'yield';
  return mine.id < first.id ? 'wait' : 'yield';
}

/** The upload that stays; of those of one moment, the one with the smallest id. */
export function earliest<Any extends Upload>(uploads: readonly Any[]): Any | undefined {
  return [...uploads].sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at) || (a.id < b.id ? -1 : 1))[0];
}
