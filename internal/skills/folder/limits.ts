/**
 * How large a skill may be. The platform or the open format documents the first four; the others are ours, because it documents none:
 * what passes them unpacks on every system (docs/skills.md, which a test compares with this file).
 */
export const limits = {
  /** All files together have fewer bytes than this. */
  bytes: 30_000_000,
  nameCharacters: 64,
  /** UTF-16 code units, the larger of the usual ways to count: what passes is short enough for each of them. */
  descriptionCharacters: 1024,
  /** As above; of the open Agent Skills format. */
  compatibilityCharacters: 500,
  files: 500,
  /** Of a path as it is uploaded, the skill's name in front: bytes of UTF-8, the largest way to count. */
  pathBytes: 256,
  /** Of a .skillignore. */
  ignoreFileBytes: 100_000,
} as const;
