/** A configuration, where it was found, and whether a person stands behind what it believes. */
import type { Configuration } from '../config/definitions.ts';

/** Where a configuration is. */
export interface ProjectPlace {
  folder: string;
  source: 'flag' | 'environment' | 'project config' | 'user config';
  /** Whether where somebody stands led to it: then it counts when a person has confirmed whom it believes. */
  found: boolean;
}

/** A configuration that somebody named, that is the person's own, or whose beliefs they have confirmed. */
export type TrustedConfiguration = Configuration & { readonly [trusted]: ProjectPlace['source'] };

declare const trusted: unique symbol;
