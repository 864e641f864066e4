/** A proof, for the compiler, that something is in the record: what takes one cannot be called without an act (P7). */

declare const isAnnounced: unique symbol;

/** Something was announced, and its outcome will be. Only whoever writes the record makes one. */
export interface Announced {
  readonly [isAnnounced]: true;
}

/** Says that an act stands in the record. For whoever has just put it there. */
export function announced(): Announced {
  return {} as Announced;
}
