/**
 * What a service may do differently from the specification once somebody has reviewed it: each is one line of its file,
 * named in the refusal that it lifts and, as a comment with its risk, in the draft of `service-connection add`.
 */

import { harmlessJson } from '../text/quote.ts';

/** One thing that metadata does not say as it must. Texts in it are from outside. */
export type Exception =
  | { kind: 'metadata_issuers'; issuer: string; claimed: string }
  | { kind: 'pkce' }
  | { kind: 'resource'; resource: string };

/** What becomes of a thing that a review could let pass. */
export interface Exceptions {
  /** What to do next, for whoever is refused. */
  hint(exception: Exception): string;
  /** There while a draft is made: hears of the exception, and nobody is refused. Nothing may be signed in to then. */
  draft?: ((exception: Exception) => void) | undefined;
}

/** The line of `authorization` in a service's file that accepts it. JSON is YAML, and this one ends no line. */
export function exceptionLine(exception: Exception): string {
  switch (exception.kind) {
    case 'metadata_issuers':
      return `metadata_issuers: { ${harmlessJson(exception.issuer)}: ${harmlessJson(exception.claimed)} }`;
    case 'pkce':
      return 'pkce: unadvertised';
    case 'resource':
      return `resource: ${harmlessJson(exception.resource)}`;
  }
}

/** What goes wrong where it is accepted and should not have been. */
export const exceptionRisk: Record<Exception['kind'], string> = {
  metadata_issuers:
    "metadata that claims to be of somebody else is how one server passes for another; both names have to be the service's own",
  pkce: 'a server that does no PKCE lets whoever catches a code use it; its documentation has to say that it does S256',
  resource:
    'a server that goes by the name of another is given tokens that are good at that other one; the name has to be its own',
};

/** The exceptions of a run that drafts nothing. Reviewed ones stand in `file`; a server that has none is drafted first. */
export function reviewedIn(file: string | undefined): Exceptions {
  const where =
    file === undefined
      ? 'have its file drafted (service-connection add <url>), which names'
      : `then set in ${file}, under authorization,`;
  return {
    hint: (exception) =>
      `do not sign in there unless you have found out whether it is right: ${exceptionRisk[exception.kind]}; ${where} ${exceptionLine(exception)}`,
  };
}
